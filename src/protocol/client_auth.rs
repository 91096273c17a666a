//! Client authentication: what was presented, and whether it is the client it claims to be.

use data_encoding::BASE64;

use crate::protocol::cause::Cause;
use crate::protocol::client::{AuthMethod, Client};
use crate::protocol::failure::TokenFailure;
use crate::protocol::params::{Params, decode};
use crate::secret::TokenHash;

/// The credentials of one request.
pub struct Credentials {
    client_id: String,
    proof: Proof,
}

enum Proof {
    /// Both readings of a Basic pair: form-decoded as the standard says, and raw as many clients send it.
    Basic {
        secret: String,
        raw: Option<(String, String)>,
    },
    Post {
        secret: String,
    },
    Nothing,
}

impl Credentials {
    /// Collects the presented credentials; more than one kind is an error of its own.
    ///
    /// Spec: RFC 6749 §2.3
    pub fn collect(authorization: &[&str], params: &Params) -> Result<Credentials, TokenFailure> {
        let header = match authorization {
            [] => None,
            [one] => Some(*one),
            _ => {
                return Err(TokenFailure::bad_request(
                    "invalid_request", "more than one Authorization header",
                ));
            }
        };
        let body_id = params.get("client_id");
        let body_secret = params.get("client_secret");
        if params.get("client_assertion").is_some() || params.get("client_assertion_type").is_some() {
            if header.is_some() || body_secret.is_some() {
                return Err(several());
            }
            return Err(TokenFailure::invalid_client(false, "client_assertion is not a supported method"));
        }
        let Some(header) = header else {
            let Some(client_id) = body_id else {
                let cause = Cause::new("no client credentials were sent").with("received", params.names());
                return Err(TokenFailure::invalid_client(false, cause));
            };
            let proof = body_secret.map_or(Proof::Nothing, |secret| Proof::Post { secret: secret.into() });
            return Ok(Credentials { client_id: client_id.into(), proof });
        };
        if body_secret.is_some() {
            return Err(several());
        }
        let credentials = basic(header)?;
        if body_id.is_some_and(|id| !credentials.is_for(id)) {
            return Err(TokenFailure::invalid_client(
                true,
                "client_id in the body differs from the Basic header",
            ));
        }
        Ok(credentials)
    }

    /// The client these claim to be of.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Where the form-decoded reading names no client, the raw one may.
    pub fn raw_client_id(&self) -> Option<&str> {
        match &self.proof {
            Proof::Basic { raw: Some((id, _)), .. } => Some(id),
            _ => None,
        }
    }

    fn is_for(&self, client_id: &str) -> bool {
        self.client_id == client_id || self.raw_client_id() == Some(client_id)
    }

    fn is_basic(&self) -> bool {
        matches!(self.proof, Proof::Basic { .. })
    }

    /// Decides whether these credentials are `client`'s. An unknown client costs the same work.
    ///
    /// Spec: RFC 6749 §2.3.1, §5.2; OAuth 2.1 §2.4
    pub fn verify(&self, client: Option<&Client>) -> Result<(), TokenFailure> {
        let refuse = |cause: Cause| Err(TokenFailure::invalid_client(self.is_basic(), cause));
        let stored = client.and_then(|client| client.secret).unwrap_or_else(|| TokenHash::of(""));
        let right = match &self.proof {
            Proof::Basic { secret, raw } => {
                let raw_secret = raw.as_ref().map_or(secret, |(_, secret)| secret);
                let (decoded, raw) =
                    (TokenHash::of(secret).matches(&stored), TokenHash::of(raw_secret).matches(&stored));
                decoded | raw
            }
            Proof::Post { secret } => TokenHash::of(secret).matches(&stored),
            Proof::Nothing => false,
        };
        let Some(client) = client.filter(|client| !client.disabled) else {
            return refuse("the client is unknown or disabled".into());
        };
        let registered = client.metadata.token_endpoint_auth_method;
        match (&self.proof, registered) {
            (Proof::Nothing, AuthMethod::None) => Ok(()),
            (Proof::Nothing, _) => refuse(
                Cause::new("this client is confidential and sent no secret")
                    .with("registered", registered.name())
                    .mend("send the client_secret by the registered method"),
            ),
            (_, AuthMethod::None) => refuse(
                Cause::new("this client is public and must not send a secret")
                    .mend("send client_id alone, and PKCE"),
            ),
            (Proof::Basic { .. }, AuthMethod::ClientSecretPost)
            | (Proof::Post { .. }, AuthMethod::ClientSecretBasic) => {
                let secret = if right { "right" } else { "wrong" };
                let cause = Cause::new("this client authenticates by another method than the registered one");
                let cause = cause.with("sent", self.method()).with("registered", registered.name());
                refuse(cause.with("the secret itself is", secret).mend(
                    "tell the client's library to use the registered method, or register the one it uses",
                ))
            }
            _ if client.secret.is_none() => refuse("this client has no secret".into()),
            _ if right => Ok(()),
            _ => refuse(self.explain(&stored, &client.id)),
        }
    }

    /// What it was sent by.
    fn method(&self) -> &'static str {
        match self.proof {
            Proof::Basic { .. } => AuthMethod::ClientSecretBasic.name(),
            Proof::Post { .. } => AuthMethod::ClientSecretPost.name(),
            Proof::Nothing => AuthMethod::None.name(),
        }
    }

    /// Looks for the usual ways to spoil a right secret. Each guess is compared as carefully as the secret
    /// itself, and nothing of it is told but which guess was right.
    fn explain(&self, stored: &TokenHash, client_id: &str) -> Cause {
        let (Proof::Basic { secret, .. } | Proof::Post { secret }) = &self.proof else {
            return Cause::new("no secret was sent");
        };
        let cause = Cause::new("the client_secret is wrong").with("sent", self.method());
        let cause = cause.with("length", format!("{} characters", secret.chars().count()));
        let is_right = |guess: &str| TokenHash::of(guess).matches(stored);
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
        if secret == client_id {
            return cause
                .with("differs", "the client_id was sent as the secret")
                .mend("send the client_secret");
        }
        cause.mend(
            "compare it with what `client add` or the last `client rotate-secret` printed; if that is lost, rotate",
        )
    }
}

fn several() -> TokenFailure {
    TokenFailure::bad_request("invalid_request", "more than one kind of client credentials")
}

/// Spec: RFC 7617 §2, RFC 6749 §2.3.1 (both parts are form-encoded first)
fn basic(header: &str) -> Result<Credentials, TokenFailure> {
    let malformed = |cause: &str| TokenFailure::invalid_client(true, cause.to_owned());
    let (scheme, encoded) = header.split_once(' ').unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(TokenFailure::invalid_client(false, "the Authorization scheme is not Basic"));
    }
    let encoded = encoded.trim();
    let bytes = BASE64.decode(encoded.as_bytes()).map_err(|error| malformed(&format!("Basic: {error}")))?;
    // The decoder goes on behind padding in the middle, where other readers stop.
    if BASE64.encode(&bytes) != encoded {
        return Err(malformed("Basic: padding within the text"));
    }
    let text = String::from_utf8(bytes).map_err(|error| malformed(&format!("Basic: {error}")))?;
    // What no form may hold no database need be asked for either.
    if text.contains('\0') {
        return Err(malformed("Basic: a NUL character"));
    }
    let (raw_id, raw_secret) = text.split_once(':').ok_or_else(|| malformed("Basic: no colon"))?;
    let raw = (raw_id.to_owned(), raw_secret.to_owned());
    match (decode(raw_id.as_bytes()), decode(raw_secret.as_bytes())) {
        (Ok(id), Ok(secret)) => {
            let differs = id != raw.0 || secret != raw.1;
            Ok(Credentials { client_id: id, proof: Proof::Basic { secret, raw: differs.then_some(raw) } })
        }
        // A secret with a bare `%` was plainly not form-encoded: only the raw reading is left.
        _ => Ok(Credentials { client_id: raw.0, proof: Proof::Basic { secret: raw.1, raw: None } }),
    }
}
