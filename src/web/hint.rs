//! ID Tokens of ours that come back as hints.

use serde::Deserialize;

use crate::app::App;
use crate::protocol::logout::Hint;

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    sid: Option<String>,
}

/// Verifies an `id_token_hint`: signed by any key of ours that is still known, however long ago. It
/// selects, it does not authenticate.
///
/// Spec: OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2
pub fn verify(app: &App, token: &str) -> Result<Hint, String> {
    let verified = app.keys.ring.load().verify::<Claims>(token)?;
    if !matches!(verified.typ.as_deref(), None | Some("jwt")) {
        return Err("it is no ID Token".into());
    }
    let claims = verified.claims;
    if claims.iss != app.config.issuer {
        return Err("it is of another issuer".into());
    }
    Ok(Hint { sub: claims.sub, client_id: claims.aud, sid: claims.sid })
}
