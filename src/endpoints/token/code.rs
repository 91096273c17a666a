//! `grant_type=authorization_code`: spend, check, then issue.

use actix_web::HttpResponse;
use serde_json::{Map, json};
use time::OffsetDateTime;

use crate::app::App;
use crate::keys::KeyError;
use crate::protocol::cause::Cause;
use crate::protocol::claims::{self, AccessToken, IdToken, REVOCATION_REMEMBERED, TOKEN_LIFETIME};
use crate::protocol::client::{Client, SigningAlg};
use crate::protocol::code::CodeGrant;
use crate::protocol::failure::TokenFailure;
use crate::protocol::instant::age;
use crate::protocol::named_claims::is_released;
use crate::protocol::params::Params;
use crate::protocol::scope::Scope;
use crate::protocol::session::sid;
use crate::protocol::user::User;
use crate::secret::{base64url, random};
use crate::state::codes::{self, Redeemed};
use crate::state::kv::Spend;
use crate::store;
use crate::web::answer::no_store;
use crate::web::failure::no_key;

/// Redeems a code for tokens.
///
/// Spec: RFC 6749 §4.1.3, §10.5; OAuth 2.1 §7.5.2
pub(super) async fn redeem(
    app: &App,
    client: &Client,
    params: &Params,
) -> Result<HttpResponse, TokenFailure> {
    let now = app.clock.now();
    let Some(code) = params.get("code") else {
        let cause = Cause::new("code is missing").with("received", params.names());
        return Err(TokenFailure::bad_request("invalid_request", "code is missing").because(cause));
    };
    let Redeemed { grant, is_live, withdrawn } = match app.state.codes.spend(&client.id, code, now).await? {
        Spend::Fresh(redeemed) => redeemed,
        Spend::Unknown => return Err(TokenFailure::invalid_grant(unknown(code))),
        Spend::Spent(spent) => {
            spent.check(params)?;
            let exp = now + REVOCATION_REMEMBERED;
            let of = (spent.user_id.as_str(), client.id.as_str());
            store::grants::kill(&app.db, spent.grant_id, exp, of, now).await?;
            let cause = Cause::new("the code was redeemed before; what was issued then is revoked");
            let cause = cause.with("grant", spent.grant_id).mend(
                "redeem a code once: look for a request that is retried, or a callback page that is loaded twice",
            );
            return Err(TokenFailure::invalid_grant(cause));
        }
    };
    grant.check_age(now)?;
    grant.check(params)?;
    let resources = grant.narrow(&app.config.resources, &app.config.issuer, params)?;
    if !is_live {
        return Err(TokenFailure::invalid_grant("the session has ended"));
    }
    // What this node holds of the client may be a second old. A registration that is dated ahead is not believed.
    let is_older = |at| client.registered_at <= at || age(client.registered_at, now).is_none();
    if withdrawn.is_some_and(is_older) {
        return Err(TokenFailure::invalid_grant("the client was removed or disabled"));
    }
    issue(app, client, &grant, &resources, now).await
}

/// Another client's code is not told apart from one that never was: to this client it is neither.
fn unknown(code: &str) -> Cause {
    let (usual, sent) = (codes::LENGTH, code.chars().count());
    if sent != usual {
        let cause = Cause::new("the code does not look like one of ours: it was cut off, or encoded twice");
        return cause.with("length", format!("{sent} characters instead of {usual}"));
    }
    let cause = Cause::new("no such code was issued to this client within the last minutes");
    cause.mend("redeem the code with the client_id it was asked for with, at the provider that issued it")
}

async fn issue(
    app: &App,
    client: &Client,
    grant: &CodeGrant,
    resources: &[String],
    now: OffsetDateTime,
) -> Result<HttpResponse, TokenFailure> {
    let needs = |_fault| {
        TokenFailure::bad_request("invalid_target", "a granted scope belongs to a resource: send it")
    };
    let (audience, scope) =
        app.config.resources.target(&app.config.issuer, resources, &grant.scope).map_err(needs)?;
    let user = person(app, grant, &audience).await?;
    let user = user.as_ref();
    let access_token = access_token(app, client, grant, &audience, &scope, user, now)?;
    let mut answer = Map::from_iter([
        ("token_type".to_owned(), json!("Bearer")),
        ("expires_in".to_owned(), json!(TOKEN_LIFETIME.whole_seconds())),
    ]);
    if !scope.is_empty() {
        answer.insert("scope".into(), json!(scope));
    }
    if grant.scope.has("openid") {
        let id_token = id_token(app, client, grant, &access_token, user, now)?;
        answer.insert("id_token".into(), json!(id_token));
    }
    answer.insert("access_token".into(), json!(access_token));
    let mut res = HttpResponse::Ok();
    no_store(&mut res);
    Ok(res.json(answer))
}

/// The person, who is read only if a token is to say something about them: a session found alive proves
/// that the account is enabled.
async fn person(app: &App, grant: &CodeGrant, audience: &[String]) -> Result<Option<User>, TokenFailure> {
    let is_carried = app.config.resources.token_claims(audience).next().is_some();
    if !is_carried && grant.claims.id_token.is_empty() && grant.claims.userinfo.is_empty() {
        return Ok(None);
    }
    match store::users::by_id(&app.db, &grant.user_id).await?.filter(|user| !user.disabled) {
        Some(user) => Ok(Some(user)),
        None => Err(TokenFailure::invalid_grant("the account is disabled or gone")),
    }
}

/// Spec: RFC 9068 §2
fn access_token(
    app: &App,
    client: &Client,
    grant: &CodeGrant,
    audience: &[String],
    scope: &Scope,
    user: Option<&User>,
    now: OffsetDateTime,
) -> Result<String, TokenFailure> {
    let known = |name: &str| user.and_then(|user| user.claim(name));
    let carried = app.config.resources.token_claims(audience);
    let person = carried.filter_map(|name| Some((name.to_owned(), known(name)?))).collect();
    let for_us = audience.contains(&app.config.issuer);
    // Only what there is to tell and no scope tells anyway: the token stays small whatever was asked for.
    let told_by_name = |name: &&String| known(name).is_some() && !is_released(name, scope);
    let userinfo = grant.claims.userinfo.iter().filter(|_| for_us).filter(told_by_name).cloned().collect();
    let hidden = || app.keys.hide_session(grant.record, grant.session_id, grant.grant_id);
    let session = for_us.then(hidden);
    let claims = AccessToken {
        iss: &app.config.issuer,
        sub: &grant.user_id,
        aud: claims::audience(audience),
        exp: (now + TOKEN_LIFETIME).unix_timestamp(),
        iat: now.unix_timestamp(),
        nbf: claims::not_before(now),
        jti: claims::jti(grant.grant_id, random()),
        client_id: &client.id,
        scope: (!scope.is_empty()).then(|| scope.to_string()),
        auth_time: grant.auth_time.unix_timestamp(),
        acr: &grant.acr,
        amr: &grant.amr,
        session,
        userinfo,
        person,
    };
    Ok(app.keys.ring.load().sign(SigningAlg::ES256, "at+jwt", &claims)?)
}

/// Spec: OpenID Connect Core §2, §3.1.3.6
fn id_token(
    app: &App,
    client: &Client,
    grant: &CodeGrant,
    access_token: &str,
    user: Option<&User>,
    now: OffsetDateTime,
) -> Result<String, TokenFailure> {
    let alg = client.metadata.id_token_signed_response_alg;
    let claims = IdToken {
        iss: &app.config.issuer,
        sub: &grant.user_id,
        aud: &client.id,
        exp: (now + TOKEN_LIFETIME).unix_timestamp(),
        iat: now.unix_timestamp(),
        auth_time: grant.auth_time.unix_timestamp(),
        nonce: grant.nonce.as_deref(),
        acr: &grant.acr,
        amr: &grant.amr,
        sid: &sid(&app.keys.sid, grant.session_id, &client.id),
        at_hash: claims::at_hash(alg.alg(), access_token),
        jti: base64url(&random::<16>()),
        person: user.map(|user| user.claims_named(&grant.claims.id_token)).unwrap_or_default(),
    };
    app.keys.ring.load().sign(alg, "JWT", &claims).map_err(|error| match error {
        KeyError::NoKey(alg) => no_key(app, alg),
        other => other.into(),
    })
}
