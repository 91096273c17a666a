//! Path → handler → specification: the public surface on one screen.

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig, post};
use actix_web::{FromRequest, Handler, HttpResponse, Responder, Route, guard, middleware};

use crate::endpoints::{self, assets, authorize, discovery, end_session, health, jwks, token, userinfo};
use crate::pages::{consent, home, language, login, select, signed_out};
use crate::telemetry::registry::Registry;
use crate::web::browser::origin::navigations_only;
use crate::web::cors;
use crate::web::failure::{MethodNotAllowed, PageFailure};
use crate::web::metrics;

/// Mounts everything below the issuer's path, which is `""` or `/path`.
#[rustfmt::skip]
pub fn configure(service: &mut ServiceConfig, base: &str, registry: &Registry) {
    // Every route counts its requests under its pattern.
    let resource = |path: String, pattern: &str| web::resource(path).app_data(metrics::Route::new(registry, pattern));
    service.app_data(web::Data::new(metrics::Requests::new(registry)));
    let at = |path: &str| resource(format!("{base}{path}"), path);
    let page = |path: &str| at(path).wrap(middleware::from_fn(navigations_only));
    let around = || middleware::from_fn(cors::around);

    // Where clients find us: OpenID Connect Discovery §4; RFC 8414 §3, where the issuer's path comes last
    let (ours, general) = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server");
    let mut documents = vec![(format!("{base}{ours}"), ours), (format!("{general}{base}"), general)];
    if !base.is_empty() {
        documents.push((format!("{ours}{base}"), ours));
    }
    for (path, pattern) in documents {
        service.service(resource(path, pattern).route(read(discovery::get)).route(options(cors::preflight_document))
            .default_service(program("GET, HEAD, OPTIONS")));
    }

    service
        // RFC 7517 §5
        .service(at("/.well-known/jwks.json").route(read(jwks::get)).route(options(cors::preflight_document))
            .default_service(program("GET, HEAD, OPTIONS")))
        // OpenID Connect Core §3.1.2
        .service(page("/authorize").route(read(authorize::get)).route(post().to(authorize::post))
            .default_service(person("GET, HEAD, POST")))
        .service(page("/continue").route(read(authorize::resume)).default_service(person("GET, HEAD")))
        // RFC 6749 §3.2
        .service(at("/token").app_data(web::Data::new(token::Issued::new(registry))).wrap(around()).route(post().to(token::post)).route(options(cors::preflight_post))
            .default_service(program("POST, OPTIONS")))
        // OpenID Connect Core §5.3
        .service(at("/userinfo").wrap(around()).route(read(userinfo::get)).route(post().to(userinfo::post))
            .route(options(cors::preflight_get_post)).default_service(program("GET, HEAD, POST, OPTIONS")))
        // RP-Initiated Logout §2
        .service(page("/end_session").route(read(end_session::get)).route(post().to(end_session::post))
            .default_service(person("GET, HEAD, POST")));

    // For load balancers and supervisors, who may know nothing of the issuer's path
    let mut places = vec![""];
    if !base.is_empty() {
        places.push(base);
    }
    for place in places {
        service
            .service(resource(format!("{place}/livez"), "/livez").route(read(health::live)).default_service(program("GET, HEAD")))
            .service(resource(format!("{place}/readyz"), "/readyz").route(read(health::ready)).default_service(program("GET, HEAD")));
    }

    // Pages
    service
        .service(page("/login").app_data(web::Data::new(login::SignIns::new(registry))).route(read(login::get)).route(post().to(login::post))
            .default_service(person("GET, HEAD, POST")))
        .service(page("/select").route(read(select::get)).route(post().to(select::post))
            .default_service(person("GET, HEAD, POST")))
        .service(page("/consent").route(read(consent::get)).route(post().to(consent::post))
            .default_service(person("GET, HEAD, POST")))
        .service(page("/signed-out").route(read(signed_out::get)).route(post().to(signed_out::post))
            .default_service(person("GET, HEAD, POST")))
        .service(page("/language").route(read(language::get)).default_service(person("GET, HEAD")))
        .service(page("/").route(read(home::get)).default_service(person("GET, HEAD")))
        .service(at("/assets/{name}").route(read(assets::get)).default_service(person("GET, HEAD")))
        .default_service(web::to(async || Err::<HttpResponse, _>(PageFailure::NotFound)));
    if !base.is_empty() {
        service.service(resource(base.to_owned(), "/").wrap(middleware::from_fn(navigations_only)).route(read(home::get)).default_service(person("GET, HEAD")));
    }
}

/// What the listener for metrics has.
pub fn configure_metrics(service: &mut ServiceConfig) {
    service.service(
        web::resource("/metrics").route(read(endpoints::metrics::get)).default_service(program("GET, HEAD")),
    );
}

/// GET, and HEAD as GET without its body.
fn read<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::route().guard(guard::Any(guard::Get()).or(guard::Head())).to(handler)
}

/// The question a browser asks before a script's request.
fn options<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::method(Method::OPTIONS).to(handler)
}

/// 405 for programs.
fn program(allow: &'static str) -> Route {
    web::to(move || async move { Err::<HttpResponse, _>(MethodNotAllowed { allow }) })
}

/// 405 for people.
fn person(allow: &'static str) -> Route {
    web::to(move || async move { Err::<HttpResponse, _>(PageFailure::Method(allow)) })
}
