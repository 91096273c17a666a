//! The `UserInfo` endpoint: claims about the person, checked with the stores and not only by signature. The person is that of
//! the session or of the grant; the `sub` of a token is the name by which its client knows that person, and is compared.

use actix_web::HttpResponse;
use serde_json::{Map, Value};

use crate::app::App;
use crate::protocol::bearer::{Presented, TokenFault};
use crate::protocol::client::Client;
use crate::protocol::subject::Naming;
use crate::store;
use crate::store::grants::Issued;
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
    let client = client.ok_or_else(|| refuse("its client is removed or disabled"))?;
    let grant_id = presented.grant_id().ok_or_else(|| refuse("its jti names no grant"))?;
    // The person is that of the session, or else of the row that the grant is.
    let account = match presented.session.as_deref() {
        None => None,
        Some(hidden) => {
            let session = app.keys.reveal_session(hidden, grant_id);
            let (record, session_id) = session.ok_or_else(|| refuse("it names no session"))?;
            let account = app.state.sessions.account(record, session_id, *now).await?;
            Some(account.ok_or_else(|| refuse("the session has ended"))?)
        }
    };
    let issued = Issued {
        grant_id,
        user_id: account.as_ref().map(|account| account.user_id.as_str()),
        client_id: presented.client_id(),
        at: presented.iat,
        jti: &presented.jti,
    };
    let standing = store::grants::standing(&app.db, &issued, *now).await?;
    let user = standing.and_then(|standing| standing.user).ok_or_else(|| {
        refuse("the grant has ended or is revoked, or the account or the client disabled or gone")
    })?;
    if Naming::of(&client, &app.keys.pairwise).sub(&user.id) != presented.sub {
        return Err(refuse("its client knows the person by another sub since it was issued"));
    }
    let mut claims = user.claims_for(&presented.scope);
    claims.extend(user.claims_named(&presented.claims));
    claims.insert("sub".into(), presented.sub.into());
    told(app, &client, claims)
}

/// The answer: plain JSON, or signed if the client registered an algorithm. A signed one has no times, so that it is
/// neither an ID Token nor a hint.
///
/// Spec: OpenID Connect Core §5.3.2
fn told(app: &App, client: &Client, mut claims: Map<String, Value>) -> Result<HttpResponse, BearerFailure> {
    let mut res = HttpResponse::Ok();
    no_store(&mut res);
    let Some(alg) = client.metadata.userinfo_signed_response_alg else { return Ok(res.json(claims)) };
    claims.insert("iss".into(), app.config.issuer.as_str().into());
    claims.insert("aud".into(), client.id.as_str().into());
    let signed = app.keys.snapshot.load().sign(alg, "JWT", &claims).inspect_err(|error| {
        tracing::error!(client = %client.id, %error, "an answer of UserInfo cannot be signed");
    })?;
    Ok(res.content_type("application/jwt").body(signed))
}
