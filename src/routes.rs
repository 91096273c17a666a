//! Path → handler → specification: the public surface on one screen.

use actix_web::web::{self, ServiceConfig, get, head, method, post, resource};
use actix_web::{HttpResponse, Route, middleware};

use crate::endpoints::{assets, authorize, discovery, end_session, jwks, token, userinfo};
use crate::pages::{consent, home, login, signed_out};
use crate::protocol::failure::PageFailure;
use crate::web::cors;
use crate::web::failure::MethodNotAllowed;

/// Mounts everything below the issuer's path, which is `""` or `/path`.
pub fn configure(service: &mut ServiceConfig, base: &str) {
    let at = |path: &str| format!("{base}{path}");
    let options = || method(actix_web::http::Method::OPTIONS);

    // Where clients find us: OpenID Connect Discovery §4, RFC 8414 §3 (the path comes last there)
    let mut documents = vec![
        at("/.well-known/openid-configuration"),
        format!("/.well-known/oauth-authorization-server{base}"),
    ];
    if !base.is_empty() {
        documents.push(format!("/.well-known/openid-configuration{base}"));
    }
    for path in documents {
        let document = resource(path).route(get().to(discovery::get)).route(head().to(discovery::get));
        service.service(document.default_service(program("GET, HEAD")));
    }
    // RFC 7517 §5
    let jwks = resource(at("/.well-known/jwks.json")).route(get().to(jwks::get)).route(head().to(jwks::get));
    service.service(jwks.default_service(program("GET, HEAD")));

    // OpenID Connect Core §3.1.2
    let authorize =
        resource(at("/authorize")).route(get().to(authorize::get)).route(head().to(authorize::get));
    service.service(authorize.route(post().to(authorize::post)).default_service(person("GET, HEAD, POST")));
    let resume =
        resource(at("/continue")).route(get().to(authorize::resume)).route(head().to(authorize::resume));
    service.service(resume.default_service(person("GET, HEAD")));

    // RFC 6749 §3.2 · OpenID Connect Core §5.3
    let token = resource(at("/token")).wrap(middleware::from_fn(cors::around)).route(post().to(token::post));
    service
        .service(token.route(options().to(cors::preflight_post)).default_service(program("POST, OPTIONS")));
    let userinfo =
        resource(at("/userinfo")).wrap(middleware::from_fn(cors::around)).route(get().to(userinfo::get));
    let userinfo = userinfo.route(head().to(userinfo::get)).route(post().to(userinfo::post));
    let userinfo = userinfo.route(options().to(cors::preflight_get_post));
    service.service(userinfo.default_service(program("GET, HEAD, POST, OPTIONS")));

    // RP-Initiated Logout §2
    let end_session = resource(at("/end_session")).route(get().to(end_session::get));
    let end_session = end_session.route(head().to(end_session::get)).route(post().to(end_session::post));
    service.service(end_session.default_service(person("GET, HEAD, POST")));

    // Pages
    let page = |path: &str, show: Route, head: Route| resource(at(path)).route(show).route(head);
    service.service(
        page("/login", get().to(login::get), head().to(login::get))
            .route(post().to(login::post))
            .default_service(person("GET, HEAD, POST")),
    );
    service.service(
        page("/consent", get().to(consent::get), head().to(consent::get))
            .route(post().to(consent::post))
            .default_service(person("GET, HEAD, POST")),
    );
    service.service(
        page("/signed-out", get().to(signed_out::get), head().to(signed_out::get))
            .route(post().to(signed_out::post))
            .default_service(person("GET, HEAD, POST")),
    );
    service
        .service(page("/", get().to(home::get), head().to(home::get)).default_service(person("GET, HEAD")));
    let asset = resource(at("/assets/{name}")).route(get().to(assets::get)).route(head().to(assets::get));
    service.service(asset.default_service(person("GET, HEAD")));
    service.default_service(web::to(async || Err::<HttpResponse, _>(PageFailure::NotFound)));
}

/// 405 for programs.
fn program(allow: &'static str) -> Route {
    web::to(move || async move { Err::<HttpResponse, _>(MethodNotAllowed { allow }) })
}

/// 405 for people.
fn person(allow: &'static str) -> Route {
    web::to(move || async move { Err::<HttpResponse, _>(PageFailure::Method(allow)) })
}
