//! Verifying ID Tokens that are sent back as hints.

use time::OffsetDateTime;

use crate::app::App;
use crate::protocol::cause::Cause;
use crate::protocol::hint::{Hint, HintClaims};

/// Verifies an `id_token_hint`. Any key of this provider that is still stored may have signed it, however long ago.
pub fn verify(app: &App, token: &str, now: OffsetDateTime) -> Result<Hint, Cause> {
    let verified = app.keys.snapshot.load().verify::<HintClaims>(token)?;
    Ok(Hint::accept(verified.typ.as_deref(), verified.claims, &app.config.issuer, now)?)
}
