//! Introspection: tells a client whether a token is active, and what it says. It reads and changes nothing.

use actix_web::http::header::{Accept, Header, Quality};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value};

use crate::protocol::bearer::Presented;
use crate::protocol::client::{Client, SigningAlg};
use crate::protocol::introspection::{self, Answer};
use crate::protocol::presented::{Unusable, own};
use crate::protocol::refresh::{Decision, RefreshToken, Rotation, decide};
use crate::protocol::subject::Naming;
use crate::store::grants::{self, Issued};
use crate::web::answer::no_store;
use crate::web::failure::TokenFailure;
use crate::web::visit::{Visit, VisitWithBody};
use crate::web::{client_auth, extract, presented};

/// What is told about a token, or why nothing is.
type Told = Result<Map<String, Value>, Unusable>;

/// `POST /introspect`
///
/// Spec: RFC 7662 §2
pub async fn post(VisitWithBody { visit, body }: VisitWithBody) -> Result<HttpResponse, TokenFailure> {
    let params = extract::client_form(&visit.req, &body, &presented::PARAMS)?;
    let caller = client_auth::authenticate(&visit, &params).await?;
    let issuer = &visit.app.config.issuer;
    introspection::admit(&caller).map_err(|refusal| TokenFailure::from(refusal).challenged(issuer))?;
    let token = presented::token(&params)?;
    let told = match RefreshToken::parse(token) {
        Some(token) => refresh_token(&visit, &caller, &token).await?,
        None => access_token(&visit, &caller, token).await?,
    };
    let told = match told {
        Ok(told) => told,
        Err(why) => {
            presented::note(&visit, &why);
            introspection::inactive()
        }
    };
    answer(&visit, &caller, &told)
}

/// What is told about an access token, or why nothing is.
///
/// Spec: RFC 7662 §2.2, §4
async fn access_token(visit: &Visit, caller: &Client, token: &str) -> Result<Told, TokenFailure> {
    let read = presented::access_token(&visit.app, token, visit.now).await?;
    let resources = visit.app.resources.load();
    let token = match read.and_then(|token| introspection::seen_by(caller, token, &resources)) {
        Ok(token) => token,
        Err(why) => return Ok(Err(why)),
    };
    Ok(match ended(visit, &token).await? {
        None => Ok(introspection::active(&token)),
        Some(why) => Err(why.into()),
    })
}

/// What is told about a refresh token, or why nothing is. It is active if its client could use it now; this is no use of it.
///
/// Spec: RFC 7662 §2.2, §4
async fn refresh_token(visit: &Visit, caller: &Client, token: &RefreshToken) -> Result<Told, TokenFailure> {
    let Visit { app, now, .. } = visit;
    let family = grants::find(&app.db, token.family).await?;
    let Some(family) = family.filter(|family| app.keys.made(token, &family.salt)) else {
        return Ok(Err("no such refresh token was issued here".into()));
    };
    if let Err(why) = own(&family.client_id, caller) {
        return Ok(Err(why));
    }
    let (policy, rules) = (app.config.lifetimes.family(), Rotation::DEFAULT);
    let facts = policy.judged(&family.facts, &family.terms, caller);
    let idle = policy.idle(&family.terms, caller);
    let decision = decide(&facts, token.generation, caller.is_public(), idle, rules, *now);
    let is_usable = matches!(decision, Decision::Rotate(_) | Decision::Keep(_) | Decision::Repeat);
    let Some(user) = family.user.filter(|_| is_usable && family.has_client) else {
        return Ok(Err("the refresh token was replaced, or its grant, account or client is no more".into()));
    };
    let sub = Naming::of(caller, &app.keys.pairwise).sub(&user.id);
    let (issuer, grant) = (&app.config.issuer, &family.terms.grant);
    Ok(Ok(introspection::active_family(issuer, &sub, caller, grant, &facts)))
}

/// Why a token that has not expired has ended all the same; none if it has not.
///
/// Spec: RFC 7662 §4
async fn ended(visit: &Visit, token: &Presented) -> Result<Option<&'static str>, TokenFailure> {
    let Visit { app, now, .. } = visit;
    let Some(grant_id) = token.grant_id() else { return Ok(Some("its jti names no grant")) };
    // The person is that of the session. Without one it is that of the row, or the `sub` itself.
    let account = match &token.session {
        None => None,
        Some(hidden) => {
            let session = app.keys.reveal_session(hidden, grant_id);
            let Some((record, session_id)) = session else { return Ok(Some("it names no session of ours")) };
            let account = app.state.sessions.account(record, session_id, *now).await?;
            let Some(account) = account else { return Ok(Some("the session has ended")) };
            Some(account)
        }
    };
    let issued = Issued {
        grant_id,
        user_id: account.as_ref().map(|account| account.user_id.as_str()).or(token.person()),
        client_id: token.client_id(),
        at: token.iat,
        jti: &token.jti,
    };
    let Some(standing) = grants::standing(&app.db, &issued, *now).await? else {
        return Ok(Some("the token or its grant is revoked, or the account or the client disabled or gone"));
    };
    if let Some(user) = &standing.user {
        let Some(client) = app.clients.find(token.client_id()).await? else {
            return Ok(Some("its client is removed or disabled"));
        };
        if Naming::of(&client, &app.keys.pairwise).sub(&user.id) != token.sub {
            return Ok(Some("its client knows the person by another sub since it was issued"));
        }
    }
    // A token about a person is good as long as its session, unless its grant is a row.
    let needs_session = standing.user.is_some() && !standing.has_row;
    Ok((needs_session && account.is_none()).then_some("it names no session"))
}

/// Answers in JSON, or as a JWT if the client prefers that.
///
/// Spec: RFC 7662 §2.2; RFC 9701 §4, §5
fn answer(visit: &Visit, caller: &Client, told: &Map<String, Value>) -> Result<HttpResponse, TokenFailure> {
    let Visit { req, app, now } = visit;
    let mut res = HttpResponse::Ok();
    no_store(&mut res);
    if !prefers_jwt(req) {
        return Ok(res.json(told));
    }
    let claims = Answer::new(&app.config.issuer, caller, told, *now);
    let typ = introspection::JWT.trim_start_matches("application/");
    let jwt = app.keys.snapshot.load().sign(SigningAlg::RS256, typ, &claims)?;
    Ok(res.content_type(introspection::JWT).body(jwt))
}

/// Tells whether the request names the JWT among what it accepts, and nothing that it likes better and can be JSON.
///
/// Spec: RFC 9110 §12.5.1
fn prefers_jwt(req: &HttpRequest) -> bool {
    let Ok(mut accepted) = Accept::parse(req) else { return false };
    accepted.retain(|accepted| accepted.quality != Quality::ZERO);
    let types = accepted.ranked().into_iter().map(|accepted| accepted.essence_str().to_owned());
    let offered = [introspection::JWT, "application/json", "application/*", "*/*"];
    types.into_iter().find(|accepted| offered.contains(&accepted.as_str())).as_deref()
        == Some(introspection::JWT)
}
