//! A site of the demo: a small Relying Party, twice. What it knows of people it learnt over HTTP.

mod attacks; // tokens that must be refused
mod call; // the buttons: what is sent to the API, and what came back
mod callback; // back from the provider
mod fault; // what can go wrong, as a page
mod home; // the one page
mod login; // out to the provider
mod provider; // what a site asks the provider directly
mod sign_out; // here, or everywhere
pub(super) mod token_card; // a token, encoded and decoded
pub(super) mod trace; // what just happened, step by step
mod visit; // what is remembered of a browser

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App as ActixApp, HttpRequest, HttpResponse, HttpServer};
use countersign_verifier::{TokenKind, Verifier};
use tokio::sync::OnceCell;

use super::pages::{self, Shell};
use super::{DemoError, other};
use crate::app::App;
use crate::clock::Clock;
use crate::state::kv::Kv;

pub(super) use call::{Answer, CALLS, Call, Group};
pub(super) use visit::Person;

use provider::Metadata;
use visit::Visits;

/// Which of the two sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The bank.
    Bank,
    /// The retirement fund.
    Fund,
}

impl Kind {
    /// What people know it as.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Bank => "Harbour Bank",
            Kind::Fund => "Harbour Retirement",
        }
    }

    pub(super) fn slug(self) -> &'static str {
        match self {
            Kind::Bank => "bank",
            Kind::Fund => "fund",
        }
    }

    pub(super) fn other(self) -> Kind {
        match self {
            Kind::Bank => Kind::Fund,
            Kind::Fund => Kind::Bank,
        }
    }

    pub(super) fn client_id(self) -> &'static str {
        match self {
            Kind::Bank => "demo-bank",
            Kind::Fund => "demo-fund",
        }
    }

    fn cookie(self) -> &'static str {
        match self {
            Kind::Bank => "bank_session",
            Kind::Fund => "fund_session",
        }
    }
}

/// What a site is told when it is made.
pub(super) struct World {
    pub(super) kind: Kind,
    pub(super) origin: String,
    pub(super) other: String,
    pub(super) api: String,
    pub(super) secret: String,
    pub(super) app: Arc<App>,
    pub(super) kv: Kv,
    pub(super) http: reqwest::Client,
}

/// A running site.
pub(super) struct Site {
    kind: Kind,
    origin: String,
    other: String,
    issuer: String,
    api: String,
    secret: String,
    visits: Visits,
    http: reqwest::Client,
    id_tokens: Verifier,
    api_tokens: Verifier,
    metadata: OnceCell<Metadata>,
    clock: Clock,
    /// The provider itself, for the one thing no real site could do: to sign tokens that must be refused.
    app: Arc<App>,
}

impl Site {
    pub(super) fn new(world: World) -> Result<Site, DemoError> {
        let issuer = world.app.config.issuer.clone();
        let id_tokens = Verifier::builder(&issuer, world.kind.client_id()).kind(TokenKind::IdToken);
        let api_tokens = Verifier::builder(&issuer, &world.api);
        Ok(Site {
            kind: world.kind,
            id_tokens: id_tokens.http_client(world.http.clone()).build().map_err(other)?,
            api_tokens: api_tokens.http_client(world.http.clone()).build().map_err(other)?,
            visits: Visits::new(world.kv, world.kind.cookie()),
            clock: world.app.clock.clone(),
            origin: world.origin,
            other: world.other,
            api: world.api,
            secret: world.secret,
            http: world.http,
            metadata: OnceCell::new(),
            app: world.app,
            issuer,
        })
    }

    /// What every page of this site needs around its content.
    fn shell(&self) -> Shell {
        Shell {
            kind: self.kind,
            other: self.other.clone(),
            provider: self.issuer.clone(),
            style: pages::style_href(),
        }
    }

    fn callback(&self) -> String {
        format!("{}/callback", self.origin)
    }

    fn host(&self) -> &str {
        self.origin.strip_prefix("http://").unwrap_or(&self.origin)
    }
}

/// Starts serving on listeners taken before.
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
        .service(web::resource("/renew").route(web::get().to(login::renew)))
        .service(web::resource("/callback").route(web::get().to(callback::callback)))
        .service(web::resource("/call").route(web::post().to(call::call)))
        .service(web::resource("/sign-out").route(web::post().to(sign_out::sign_out)))
        .service(web::resource(pages::style_href()).route(web::get().to(pages::style)))
        .default_service(web::to(fault::not_found));
}

/// Sees to it that a request is meant for this very site, and puts the same headers on every answer.
///
/// Any name below `localhost` leads to this listener. Only one of them is ours; a form counts only when a
/// page of ours sent it.
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
    // A stricter policy would also take the Origin from our own forms.
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

fn see_other(location: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, location)).finish()
}

/// A query parameter that was sent exactly once.
///
/// Spec: RFC 6749 §3.1
fn param(request: &HttpRequest, name: &str) -> Option<String> {
    let mut found =
        url::form_urlencoded::parse(request.query_string().as_bytes()).filter(|(key, _)| key == name);
    let (_, value) = found.next()?;
    found.next().is_none().then(|| value.into_owned())
}
