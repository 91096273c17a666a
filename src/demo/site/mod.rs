//! A site of the demo: a small Relying Party, started twice. All it knows of people came over HTTP.

mod attacks; // tokens that must be refused
pub(super) mod buttons; // the requests to the API that the page offers
mod call; // sending one of them
mod callback; // back from the provider
mod error; // failures as pages
mod home; // the one page
mod http; // requests and answers
mod login; // to the provider
mod metadata; // the provider's metadata
mod provider; // requests to the provider
pub(super) mod relying_party; // a site and all it is made of
mod renewal; // new tokens by refresh token
mod sign_out; // at this site, or everywhere
pub(super) mod site_id; // the two sites
pub(super) mod token_card; // a token, encoded and decoded
mod tokens; // requests to the token endpoint
pub(super) mod trace; // what just happened, step by step
mod session; // the session of a browser

use std::net::TcpListener;

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App as ActixApp, HttpResponse, HttpServer};

use super::pages;
use http::see_other;
use relying_party::Site;

/// Serves a site on these listeners.
pub(super) fn serve(site: Site, listeners: Vec<TcpListener>) -> std::io::Result<Server> {
    let site = Data::new(site);
    let mut server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(site.clone())
            .app_data(web::FormConfig::default().limit(4096))
            .wrap(from_fn(around))
            .configure(routes)
    })
    .workers(1)
    .shutdown_timeout(5);
    for listener in listeners {
        server = server.listen(listener)?;
    }
    Ok(server.run())
}

fn routes(service: &mut ServiceConfig) {
    service
        .service(web::resource("/").route(web::get().to(home::show)))
        .service(web::resource("/login").route(web::get().to(login::login)))
        .service(
            web::resource("/renew")
                .route(web::get().to(renewal::renew))
                .route(web::post().to(renewal::renew)),
        )
        .service(web::resource("/replay").route(web::post().to(renewal::replay)))
        .service(web::resource("/callback").route(web::get().to(callback::callback)))
        .service(web::resource("/call").route(web::post().to(call::call)))
        .service(web::resource("/sign-out").route(web::post().to(sign_out::sign_out)))
        .service(web::resource(pages::style_href()).route(web::get().to(pages::style)))
        .default_service(web::to(error::not_found));
}

/// Checks that a request is meant for this site, and sets the same headers on every answer.
///
/// Every name below `localhost` leads to this listener, and only one of them is this site. A form is accepted only from
/// a page of this site.
async fn around(
    site: Data<Site>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let header_is = |name: HeaderName, expected: &str| {
        request.headers().get(name).is_some_and(|value| value.as_bytes() == expected.as_bytes())
    };
    let reading = matches!(*request.method(), Method::GET | Method::HEAD);
    let answered = if !header_is(header::HOST, site.host()) {
        Some(if reading {
            see_other(&format!("{}/", site.origin))
        } else {
            refused(StatusCode::MISDIRECTED_REQUEST)
        })
    } else if !reading && !header_is(header::ORIGIN, &site.origin) {
        Some(refused(StatusCode::FORBIDDEN))
    } else {
        None
    };
    let mut response = match answered {
        Some(answer) => request.into_response(answer).map_into_boxed_body(),
        None => next.call(request).await?.map_into_boxed_body(),
    };
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self' {}; base-uri 'none'; \
         frame-ancestors 'none'",
        site.issuer
    );
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_str(&policy)?);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A stricter policy would make browsers send `Origin: null` with forms of this site.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    Ok(response)
}

fn refused(status: StatusCode) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/plain; charset=utf-8")
        .body("This form was not sent by a page of this site.\n")
}
