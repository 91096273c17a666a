//! Client secrets: common mistakes that turn a right secret into a wrong one.

use time::OffsetDateTime;

use super::Client;
use crate::protocol::cause::Cause;
use crate::protocol::params::decode;
use crate::secret::TokenHash;

/// Looks for common mistakes in a client secret. Each corrected secret is compared as carefully as the secret
/// itself, and only the kind of mistake is reported.
pub fn explain(secret: &str, method: &'static str, client: &Client, now: OffsetDateTime) -> Cause {
    let found = |guess: &str| client.secrets.find(&[TokenHash::of(guess)], now);
    if let Some(ended) = found(secret) {
        let newer = client.secrets.all().iter().any(|other| other.number > ended.number);
        let how = if newer { "another one took its place" } else { "it was to last only so long" };
        let cause = Cause::new("the client_secret was right, and has ended").with("how", how);
        let ended = ended.ends_at.map(|end| cause.clone().with("ended at", end));
        let remedy = if newer {
            "give the application the newer client_secret, or a new one: countersign client rotate-secret ID"
        } else {
            "give the application a new client_secret: countersign client rotate-secret ID"
        };
        return ended.unwrap_or(cause).mend(remedy);
    }
    let cause = Cause::new("the client_secret is wrong").with("sent", method);
    let cause = cause.with("length", format!("{} characters", secret.chars().count()));
    let is_right = |guess: &str| found(guess).is_some();
    if is_right(secret.trim()) {
        return cause.with("differs", "it is right without the white space around it").mend(
            "take the white space off: a line end often comes along when a secret is read from a file",
        );
    }
    if is_right(secret.trim_matches(['"', '\''])) {
        let cause = cause.with("differs", "it is right without the quotation marks around it");
        return cause.mend("take the quotation marks off: they belong to the configuration file");
    }
    if decode(secret.as_bytes()).is_ok_and(|decoded| is_right(&decoded)) {
        let cause = cause.with("differs", "it is right after form-decoding once more");
        return cause.mend("encode it once: the client, or its library, encodes it twice");
    }
    if secret == client.id {
        return cause.with("differs", "the client_id was sent as the secret").mend("send the client_secret");
    }
    cause.mend(
        "compare it with what `client add` or the last `client rotate-secret` printed; if that is lost, rotate",
    )
}
