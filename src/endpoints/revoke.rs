//! Revocation: a client gives back a token.

use actix_web::HttpResponse;

use crate::protocol::client::Client;
use crate::protocol::presented::{Unusable, own};
use crate::protocol::refresh::RefreshToken;
use crate::protocol::revoked::Why;
use crate::state::access_tokens::is_opaque;
use crate::store::events::Actor;
use crate::store::grants::{self, Revoked, Whose};
use crate::web::answer::no_store;
use crate::web::failure::TokenFailure;
use crate::web::visit::{Visit, VisitWithBody};
use crate::web::{client_auth, extract, presented};

/// `POST /revoke`
///
/// Spec: RFC 7009 §2.1, §2.2
pub async fn post(VisitWithBody { visit, body }: VisitWithBody) -> Result<HttpResponse, TokenFailure> {
    let params = extract::client_form(&visit.req, &body, &presented::PARAMS)?;
    let client = client_auth::authenticate(&visit, &params).await?;
    let token = presented::token(&params)?;
    revoke(&visit, &client, token).await?;
    let mut res = HttpResponse::Ok();
    no_store(&mut res);
    Ok(res.finish())
}

/// Revokes a token of this client. A token that is none, or not any more, needs no revocation; one of another client is
/// left alone. The cause is for the client's developer.
///
/// Spec: RFC 7009 §2.1, §2.2
async fn revoke(visit: &Visit, client: &Client, token: &str) -> Result<(), TokenFailure> {
    let done = match RefreshToken::parse(token) {
        Some(token) => revoke_family(visit, client, &token).await?,
        None => revoke_access_token(visit, client, token).await?,
    };
    if let Err(why) = done {
        presented::note(visit, &why);
    }
    Ok(())
}

/// Revokes the grant of a refresh token, and with it all of its tokens; any token of the grant that was ever issued will do.
///
/// Spec: RFC 7009 §2.1
async fn revoke_family(
    visit: &Visit,
    client: &Client,
    token: &RefreshToken,
) -> Result<Result<(), Unusable>, TokenFailure> {
    let Visit { app, now, .. } = visit;
    let family = grants::find(&app.db, token.family).await?;
    let Some(family) = family.filter(|family| app.keys.made(token, &family.salt)) else {
        return Ok(Err("no such refresh token was issued here".into()));
    };
    if let Err(why) = own(&family.client_id, client) {
        return Ok(Err(why));
    }
    let by = Actor::Client(client.id.clone());
    if grants::revoke(&app.db, Whose::Grant(token.family), Why::ByClient, by, *now).await? > 0 {
        tracing::info!(grant = %token.family, "a grant was revoked");
    }
    Ok(Ok(()))
}

/// Revokes one access token: an opaque one is removed, a JWT is recorded as dead. Its grant stays.
///
/// Spec: RFC 7009 §2.1
async fn revoke_access_token(
    visit: &Visit,
    client: &Client,
    text: &str,
) -> Result<Result<(), Unusable>, TokenFailure> {
    let Visit { app, now, .. } = visit;
    let token = match presented::access_token(app, text, *now).await? {
        Ok(token) => token,
        Err(why) => return Ok(Err(why)),
    };
    if let Err(why) = own(token.client_id(), client) {
        return Ok(Err(why));
    }
    // Every token of ours names its grant.
    let Some(grant_id) = token.grant_id() else { return Ok(Err("its jti names no grant".into())) };
    let revoked = if is_opaque(text) {
        app.state.access_tokens.remove(text, *now).await?
    } else {
        let revoked = Revoked { jti: &token.jti, exp: token.exp, grant_id, client_id: &client.id };
        grants::revoke_token(&app.db, revoked, Actor::Client(client.id.clone()), *now).await?
    };
    if revoked {
        tracing::info!(grant = %grant_id, "an access token was revoked");
    }
    Ok(Ok(()))
}
