//! The `UserInfo` endpoint: claims about the person, checked with the stores and not only by signature.

use actix_web::HttpResponse;
use serde_json::Value;

use crate::protocol::bearer::{Presented, TokenFault};
use crate::store;
use crate::store::grants::{Issued, Standing};
use crate::web::answer::no_store;
use crate::web::around::cors;
use crate::web::extract;
use crate::web::failure::BearerFailure;
use crate::web::visit::{Visit, VisitWithBody};

/// `GET /userinfo`
pub async fn get(visit: Visit) -> Result<HttpResponse, BearerFailure> {
    let token = extract::bearer_token(&visit.req, None)?;
    answer(&visit, &token).await
}

/// `POST /userinfo`: the token in the header or in the form.
pub async fn post(VisitWithBody { visit, body }: VisitWithBody) -> Result<HttpResponse, BearerFailure> {
    let token = extract::bearer_token(&visit.req, Some(&body))?;
    answer(&visit, &token).await
}

/// Spec: OpenID Connect Core §5.3
async fn answer(visit: &Visit, token: &str) -> Result<HttpResponse, BearerFailure> {
    let Visit { app, now, .. } = visit;
    let refuse = |cause: &'static str| BearerFailure::from(TokenFault::Invalid(cause.into()));
    let verified = app.keys.snapshot.load().verify::<Presented>(token);
    let verified = verified.map_err(TokenFault::Invalid)?;
    let (typ, presented) = (verified.typ, verified.claims);
    let client = app.clients.find(presented.client_id()).await?;
    if let Some(client) = &client {
        cors::admit_origin(visit, client)?;
    }
    presented.check(typ.as_deref(), &app.config.issuer, *now)?;
    // The statement below checks again, because a client may be held in memory for a while.
    client.ok_or_else(|| refuse("its client is removed or disabled"))?;
    let grant_id = presented.grant_id().ok_or_else(|| refuse("its jti names no grant"))?;
    let issued = Issued {
        grant_id,
        user_id: Some(&presented.sub),
        client_id: presented.client_id(),
        at: presented.iat,
        jti: &presented.jti,
    };
    let standing = store::grants::standing(&app.db, &issued, *now).await?;
    let Some(Standing { user: Some(user), has_row }) = standing else {
        return Err(refuse(
            "the grant has ended or is revoked, or the account or the client disabled or gone",
        ));
    };
    // A grant that is a row is judged by it alone; any other lives as long as its session.
    if !has_row {
        let hidden = presented.session.as_deref();
        let session = hidden.and_then(|hidden| app.keys.reveal_session(hidden, grant_id));
        let (record, session_id) = session.ok_or_else(|| refuse("it names no session"))?;
        if !app.state.sessions.is_live(record, session_id, *now).await? {
            return Err(refuse("the session has ended"));
        }
    }
    let mut claims = user.claims_for(&presented.scope);
    claims.extend(user.claims_named(&presented.claims));
    claims.insert("sub".into(), Value::from(user.id));
    let mut res = HttpResponse::Ok();
    no_store(&mut res);
    Ok(res.json(claims))
}
