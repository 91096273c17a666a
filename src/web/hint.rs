//! Verifying ID Tokens that are sent back as hints.

use time::OffsetDateTime;

use crate::app::App;
use crate::db::DbError;
use crate::keys::jose::Maced;
use crate::protocol::cause::Cause;
use crate::protocol::client::ClientAlg;
use crate::protocol::hint::{Hint, HintClaims};

/// Verifies an `id_token_hint`. Any key of this provider that is still stored may have signed it, however long ago; a MAC has
/// to be of a live secret of the client that it was issued to.
pub async fn verify(app: &App, token: &str, now: OffsetDateTime) -> Result<Result<Hint, Cause>, DbError> {
    let verified = match Maced::<HintClaims>::read(token) {
        Some(maced) => by_secret(app, maced, now).await?,
        None => app.keys.snapshot.load().verify_old(token).map(|verified| (verified.typ, verified.claims)),
    };
    Ok(verified.and_then(|(typ, claims)| Ok(Hint::accept(typ.as_deref(), claims, &app.config.issuer, now)?)))
}

/// The type and the claims of a token with a MAC.
async fn by_secret(
    app: &App,
    maced: Maced<HintClaims>,
    now: OffsetDateTime,
) -> Result<Result<(Option<String>, HintClaims), Cause>, DbError> {
    let client = app.clients.find(maced.claims.audience()).await?;
    let client = client.filter(|client| client.metadata.id_token_signed_response_alg == ClientAlg::HS256);
    for secret in client.iter().flat_map(|client| client.secrets.live(now)) {
        let opened = app.keys.open_secret(maced.claims.audience(), secret);
        match opened {
            Ok(Some(text)) if maced.is_by(&text) => return Ok(Ok((maced.typ, maced.claims))),
            Ok(_) => (),
            Err(error) => tracing::error!(%error, "an ID Token hint cannot be verified with it"),
        }
    }
    Ok(Err("the token has a MAC, and not of a live secret of a client whose ID Tokens have one".into()))
}
