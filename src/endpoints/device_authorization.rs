//! Device authorization: a client asks for the codes by which a person signs a device in.

use actix_web::HttpResponse;
use serde_json::json;
use time::OffsetDateTime;

use crate::protocol::cause::Cause;
use crate::protocol::device::{Decision, DeviceRequest, INTERVAL, LIFETIME};
use crate::protocol::refusal::Refusal;
use crate::protocol::request::device::{Asked, PARAMS, read};
use crate::state::device_codes::Codes;
use crate::state::limits::budget::Full;
use crate::web::answer::no_store;
use crate::web::around::address::ClientAddress;
use crate::web::failure::{TokenFailure, check_id_tokens};
use crate::web::visit::VisitWithBody;
use crate::web::{client_auth, debug, extract};

/// `POST /device_authorization`
///
/// Spec: RFC 8628 §3.1, §3.2
pub async fn post(VisitWithBody { visit, body }: VisitWithBody) -> Result<HttpResponse, TokenFailure> {
    let (app, now) = (&visit.app, visit.now);
    let params = extract::client_form(&visit.req, &body, &PARAMS)?;
    let client = client_auth::authenticate(&visit, &params).await?;
    let Asked { scope, resources, narrowed } = read(&params, &client, &app.resources.load())?;
    if scope.has("openid") {
        // Before a person signs in.
        check_id_tokens(app, &client, now)?;
    }
    debug::note_narrowed(&visit.req, app, &narrowed);
    let request = DeviceRequest {
        client_id: client.id.clone(),
        registered_at: client.registered_at,
        scope,
        resources,
        asked_at: now,
        network: visit.address().map(ClientAddress::network).unwrap_or_default(),
        decision: Decision::Pending,
    };
    // Any program can claim to be a public client.
    let site = visit.address().map(ClientAddress::site).unwrap_or_default();
    let site = client.is_public().then_some(site.as_str());
    let minted = app.state.device_codes.mint(&request, site, now).await?;
    let Codes { device_code, user_code } = minted.map_err(|full| too_many(full, now))?;
    let page = format!("{}/device", app.config.issuer);
    let mut res = HttpResponse::Ok();
    no_store(&mut res);
    Ok(res.json(json!({
        "device_code": device_code.expose(),
        "user_code": user_code.to_string(),
        "verification_uri_complete": format!("{page}?user_code={user_code}"),
        "verification_uri": page,
        "expires_in": LIFETIME.whole_seconds(),
        "interval": INTERVAL.whole_seconds(),
    })))
}

/// 429: too many devices wait for their person.
fn too_many(Full { budget, until }: Full, now: OffsetDateTime) -> TokenFailure {
    let cause = Cause::new("too many requests of devices are kept already").with("budget", budget);
    let cause =
        cause.mend("keep the codes that a device has until they expire, and ask for new ones only then");
    let refusal = Refusal::new("temporarily_unavailable", "too many devices are waiting").because(cause);
    TokenFailure::held_back(refusal, until - now)
}
