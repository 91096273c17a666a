//! Client assertions: judged by the rule, verified with the client's keys or secrets, and then used up.

use crate::keys::jose::mac_matches;
use crate::protocol::cause::Cause;
use crate::protocol::client::assertion::Audience;
use crate::protocol::client::auth::{Accepted, Asserted, refused};
use crate::protocol::client::{AuthMethod, Client};
use crate::web::failure::TokenFailure;
use crate::web::visit::Visit;

/// Why an assertion proves nothing.
pub(super) struct Unproven {
    pub(super) failure: TokenFailure,
    /// Whether it counts as a wrong guess at the client's secret.
    pub(super) is_guess: bool,
}

impl From<TokenFailure> for Unproven {
    fn from(failure: TokenFailure) -> Unproven {
        Unproven { failure, is_guess: false }
    }
}

fn unproven(cause: Cause) -> Unproven {
    TokenFailure::from(refused(cause)).into()
}

/// Verifies an assertion for the client that it names. Its `jti` is used up last, so that only the client can use one up.
///
/// Spec: RFC 7521 §4.2, RFC 7523 §3, OpenID Connect Core §9
pub(super) async fn verify(
    visit: &Visit,
    asserted: &Asserted,
    client: &Client,
) -> Result<Accepted, Unproven> {
    let (app, now, assertion) = (&visit.app, visit.now, &asserted.assertion);
    if let Some(other) = asserted.client_id.as_deref().filter(|other| *other != client.id) {
        let cause = Cause::new("client_id in the body differs from the sub of the client_assertion");
        return Err(unproven(cause.with("client_id", other).with("sub", &client.id)));
    }
    let token_endpoint = format!("{}/token", app.config.issuer);
    let audience = Audience { issuer: &app.config.issuer, token_endpoint: &token_endpoint };
    let statement = assertion.judge(client, audience, now).map_err(unproven)?;
    let accepted = match statement.alg.signing() {
        Some(alg) => {
            let verified = app.client_keys.verify(client, assertion, (alg, statement.kid), now).await;
            verified.map_err(unproven)?;
            Accepted { method: AuthMethod::PrivateKeyJwt, secret: None }
        }
        None => by_secret(visit, asserted, client)?,
    };
    let spent = app.state.assertions.spend(&client.id, statement.jti, statement.until, now).await;
    if !spent.map_err(TokenFailure::from)? {
        let cause = Cause::new("the client_assertion was used before: its jti is known");
        let cause = cause.with("jti", statement.jti);
        return Err(unproven(cause.mend("make a new assertion, with a new jti, for each request")));
    }
    Ok(accepted)
}

/// Verifies the MAC with each secret that is live and kept so that it can be known again.
fn by_secret(visit: &Visit, asserted: &Asserted, client: &Client) -> Result<Accepted, Unproven> {
    let (message, mac) = asserted.assertion.parts();
    let (mut right, mut known) = (None, 0);
    for secret in client.secrets.live(visit.now) {
        let opened = visit.app.keys.open_secret(&client.id, secret).map_err(TokenFailure::from)?;
        let Some(text) = opened else { continue };
        known += 1;
        if mac_matches(&text, message, mac) {
            right = Some(secret.number);
        }
    }
    match right {
        Some(number) => Ok(Accepted { method: AuthMethod::ClientSecretJwt, secret: Some(number) }),
        None if known == 0 => {
            let cause = Cause::new("no live secret of this client is kept so that a MAC can be verified");
            Err(unproven(cause.mend("give it a new one: countersign client rotate-secret ID --now")))
        }
        None => {
            let cause = Cause::new("the MAC of the client_assertion was not made with the client_secret");
            let cause = cause.mend("the key of the MAC is the client_secret itself, as UTF-8, not decoded");
            Err(Unproven { is_guess: true, ..unproven(cause) })
        }
    }
}
