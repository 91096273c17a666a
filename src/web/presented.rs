//! Tokens that clients present to introspection and revocation.

use serde_json::Value;
use time::OffsetDateTime;

use crate::app::App;
use crate::protocol::bearer::{Presented, check_kind};
use crate::protocol::cause::Cause;
use crate::protocol::params::Params;
use crate::protocol::presented::Unusable;
use crate::protocol::refusal::Refusal;
use crate::state::StateError;
use crate::state::access_tokens::is_opaque;
use crate::web::debug;
use crate::web::visit::Visit;

/// Every parameter of these endpoints. A hint is not needed: a token says by itself what it is.
pub const PARAMS: [&str; 6] =
    ["token", "token_type_hint", "client_id", "client_secret", "client_assertion", "client_assertion_type"];

/// The token of a request.
///
/// Spec: RFC 7009 §2.1, RFC 7662 §2.1
pub fn token(params: &Params) -> Result<&str, Refusal> {
    const MISSING: &str = "token is missing";
    params.get("token").ok_or_else(|| {
        let cause = Cause::new(MISSING).with("received", params.names());
        Refusal::new("invalid_request", MISSING).because(cause)
    })
}

/// Reads a token as an access token of ours that has not expired: a JWT, or an opaque one.
pub async fn access_token(
    app: &App,
    token: &str,
    now: OffsetDateTime,
) -> Result<Result<Presented, Unusable>, StateError> {
    if !is_opaque(token) {
        return Ok(signed(app, token, now));
    }
    let Some(claims) = app.state.access_tokens.find(token, now).await? else {
        return Ok(Err("no such opaque token is kept here".into()));
    };
    let read = serde_json::from_value::<Presented>(Value::Object(claims));
    let read = read.map_err(|error| StateError::Broken(error.to_string()))?;
    let checked = read.check_issued(&app.config.issuer, now).map_err(Unusable::Over);
    Ok(checked.map(|()| read))
}

/// Spec: RFC 9068 §4
fn signed(app: &App, token: &str, now: OffsetDateTime) -> Result<Presented, Unusable> {
    let verified = app.keys.snapshot.load().verify::<Presented>(token).map_err(Unusable::Over)?;
    check_kind(verified.typ.as_deref()).map_err(Unusable::Mistaken)?;
    verified.claims.check_issued(&app.config.issuer, now).map_err(Unusable::Over)?;
    Ok(verified.claims)
}

/// Tells the client's developer of a mistake. What is over is no mistake: every token ends.
pub fn note(visit: &Visit, why: &Unusable) {
    match why {
        Unusable::Mistaken(cause) => {
            debug::note_narrowed(&visit.req, &visit.app, std::slice::from_ref(cause));
        }
        Unusable::Over(cause) => tracing::debug!(%cause, "the token is not active"),
    }
}
