//! Verifying ID Tokens of ours that come back as hints.

use time::OffsetDateTime;

use crate::app::App;
use crate::protocol::cause::Cause;
use crate::protocol::hint::{Hint, HintClaims};

/// Verifies an `id_token_hint`: signed by any key of ours that is still known, however long ago.
pub fn verify(app: &App, token: &str, now: OffsetDateTime) -> Result<Hint, Cause> {
    let verified = app.keys.ring.load().verify::<HintClaims>(token)?;
    Ok(Hint::accept(verified.typ.as_deref(), verified.claims, &app.config.issuer, now)?)
}
