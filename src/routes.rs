//! Path → callers → methods → specification: the public surface on one screen.

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};

use crate::endpoints::{
    assets, authorize, device_authorization, discovery, end_session, health, introspect, jwks, metrics,
    revoke, token, userinfo,
};
use crate::pages::{consent, device, home, language, login, select, signed_out};
use crate::telemetry::registry::Registry;
use crate::web::around::refuse::ProgramPaths;
use crate::web::failure::PageFailure;
use crate::web::metrics::{Requests, Route};
use crate::web::route::Callers::{Anyone, Browsers, Monitors, People, Programs, Services};
use crate::web::route::{Callers, Way};

/// Mounts everything below the issuer's path, which is `""` or `/path`.
#[rustfmt::skip]
pub fn configure(service: &mut ServiceConfig, base: &str, registry: &Registry) {
    let mut programs = ProgramPaths::default();
    service.app_data(web::Data::new(Requests::new(registry)));
    // Every route counts its requests under its pattern.
    let way = |path: String, pattern: &str, callers| Way::new(&path, callers).counted(Route::new(registry, pattern));
    let at = |callers: Callers, path: &str| way(format!("{base}{path}"), path, callers);

    // Discovery: OpenID Connect Discovery §4; RFC 8414 §3, where the issuer's path comes last
    let (ours, general) = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server");
    let mut documents = vec![(format!("{base}{ours}"), ours), (format!("{general}{base}"), general)];
    if !base.is_empty() {
        documents.push((format!("{ours}{base}"), ours));
    }
    for (path, pattern) in documents {
        way(path, pattern, Anyone).get(discovery::get).mount(service);
    }
    for way in [
        // RFC 7517 §5
        at(Anyone, "/.well-known/jwks.json").get(jwks::get),
        // OpenID Connect Core §3.1.2
        at(People, "/authorize").get(authorize::get).post(authorize::post),
        at(People, "/continue").get(authorize::resume),
        // RFC 6749 §3.2
        at(Programs, "/token").holding(token::Issued::new(registry)).post(token::post),
        // RFC 8628 §3.1, §3.3
        at(Programs, "/device_authorization").post(device_authorization::post),
        at(People, "/device").get(device::get).post(device::post),
        // RFC 7662 §2
        at(Services, "/introspect").post(introspect::post),
        // RFC 7009 §2
        at(Programs, "/revoke").post(revoke::post),
        // OpenID Connect Core §5.3
        at(Programs, "/userinfo").get(userinfo::get).post(userinfo::post),
        // RP-Initiated Logout §2
        at(People, "/end_session").get(end_session::get).post(end_session::post),
        // Pages
        at(People, "/login").holding(login::SignIns::new(registry)).get(login::get).post(login::post),
        at(People, "/select").get(select::get).post(select::post),
        at(People, "/consent").get(consent::get).post(consent::post),
        at(People, "/signed-out").get(signed_out::get).post(signed_out::post),
        at(People, "/language").get(language::get),
        at(People, "/").get(home::get),
        at(Browsers, "/assets/{name}").get(assets::get),
    ] {
        programs.0.extend(way.program_path());
        way.mount(service);
    }
    // For load balancers and supervisors, which may not know the issuer's path
    let mut places = vec![""];
    if !base.is_empty() {
        places.push(base);
        way(base.to_owned(), "/", People).get(home::get).mount(service);
    }
    for place in places {
        way(format!("{place}/livez"), "/livez", Monitors).get(health::live).mount(service);
        way(format!("{place}/readyz"), "/readyz", Monitors).get(health::ready).mount(service);
    }
    service.app_data(programs);
    service.default_service(web::to(async || Err::<HttpResponse, _>(PageFailure::NotFound)));
}

/// The routes of the listener for metrics.
pub fn configure_metrics(service: &mut ServiceConfig) {
    Way::new("/metrics", Monitors).get(metrics::get).mount(service);
}
