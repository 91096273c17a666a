//! What surrounds every request: its name, the log line, the count, the security headers, and a net for
//! panics.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use futures_util::FutureExt;
use tracing::Instrument;

use crate::app::App;
use crate::connection;
use crate::ids::request_id;
use crate::protocol::shown::Shown;
use crate::telemetry::log;
use crate::texts::Texts;
use crate::web::answer::{ClientAddress, RequestId, see_other, shell, shell_of};
use crate::web::body::{self, Rest};
use crate::web::debug;
use crate::web::failure::failure_page;
use crate::web::failure::{AuthorizeFailure, BearerFailure, PageFailure, TokenFailure};
use crate::web::forwarded;
use crate::web::language;
use crate::web::metrics::{PROBES, Requests, Route};
use crate::web::reply::at_once;

/// The longest request target that is looked at.
const LONGEST_TARGET: usize = 32 * 1024;

/// The largest head that is looked at, its target included.
const LARGEST_HEAD: usize = 64 * 1024;

/// Surrounds one request.
pub async fn around<B: MessageBody + 'static>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let provider = req.app_data::<web::Data<App>>().cloned();
    let Some((app, requests)) = provider.zip(req.app_data::<web::Data<Requests>>().cloned()) else {
        return Err(PageFailure::Internal("the server has no provider".into()).into());
    };
    // A listener for both kinds shows an IPv4 address inside an IPv6 one: all of those are not one network.
    let peer = req.peer_addr().map(|peer| peer.ip().to_canonical());
    let id = given_id(&req, &app, peer).unwrap_or_else(request_id);
    let span = log::request(&id);
    answer(req, next, (&app, &requests), peer, &id).instrument(span).await
}

async fn answer<B: MessageBody + 'static>(
    mut req: ServiceRequest,
    next: Next<B>,
    (app, requests): (&App, &Requests),
    peer: Option<IpAddr>,
    id: &str,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let begun = Instant::now();
    let _working = req.request().conn_data().map(connection::working);
    let rest = body::limit(&mut req);
    let _counted = requests.begin();
    req.extensions_mut().insert(RequestId(id.to_owned()));
    let texts = language::begin(req.request(), app);
    let from = forwarded::client_address(&req, app, peer);
    if let Some(from) = from {
        req.extensions_mut().insert(ClientAddress(from));
    }
    let line = Line { begun, method: Shown::of(req.method()), path: Shown::of(req.path()), from };
    let called = if let Some(early) = refuse(&req, app, peer) {
        Ok(Ok(req.error_response(early).map_into_right_body()))
    } else {
        let answer = AssertUnwindSafe(next.call(req)).catch_unwind().await;
        answer.map(|answer| answer.map(ServiceResponse::map_into_left_body))
    };
    let answered = match called {
        Ok(Ok(answered)) => answered,
        Ok(Err(error)) => return Err(beside(rest, error)),
        Err(_panic) => {
            line.write(500, &requests.unmatched);
            return Err(beside(rest, panicked(app, id, texts)));
        }
    };
    let mut res = render_failure(answered, app);
    let texts = language::texts(res.request());
    secure(res.headers_mut(), app, id, texts);
    // The rest of a body that came too slowly is not waited for (RFC 9110 §15.5.9).
    if app.drain.has_begun() || res.status() == StatusCode::REQUEST_TIMEOUT {
        res.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    line.write(res.status().as_u16(), res.request().app_data().unwrap_or(&requests.unmatched));
    Ok(match rest {
        None => res,
        Some(rest) => res.map_body(|_, answer| EitherBody::right(rest.beside(BoxBody::new(answer)))),
    })
}

/// The one line about a request.
struct Line {
    begun: Instant,
    method: Shown,
    path: Shown,
    from: Option<IpAddr>,
}

impl Line {
    /// Writes it, and counts the answer. Probes come every second and are of no interest.
    fn write(self, status: u16, route: &Route) {
        let Line { begun, method, path, from } = self;
        let took = begun.elapsed();
        route.answered(status, took);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let from = from.map(|from| from.to_string()).unwrap_or_default();
        if route.is_probe() {
            tracing::debug!(%method, path = &*path, status, micros, from, "answered");
        } else {
            tracing::info!(%method, path = &*path, status, micros, from, "answered");
        }
    }
}

/// The name that the proxy in front gave to the request, so that one name leads through both logs. Nobody
/// else may choose one, and it must look like one.
fn given_id(req: &ServiceRequest, app: &App, peer: Option<IpAddr>) -> Option<String> {
    let given = req
        .headers()
        .get("x-request-id")
        .filter(|_| peer.is_some_and(|peer| forwarded::is_trusted(app, peer)))?;
    let given = given.to_str().ok().filter(|given| (8..=64).contains(&given.len()))?;
    let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    given.bytes().all(fits).then(|| given.to_owned())
}

/// A panic ends this request with 500 and harms no other. The request went down with the handler: its
/// answer travels as an error.
fn panicked(app: &App, id: &str, texts: Texts) -> Error {
    let failure = PageFailure::Internal("a handler panicked".into());
    tracing::error!(cause = %failure, "failed");
    let mut page = failure_page(app, shell_of(app, id.into(), texts), &failure);
    secure(page.headers_mut(), app, id, texts);
    InternalError::from_response(failure, page).into()
}

/// An answer that travels as an error, with what is left of the question.
fn beside(rest: Option<Rest>, error: Error) -> Error {
    let Some(rest) = rest else { return error };
    let answer = error.error_response().map_body(|_, answer| rest.beside(answer));
    InternalError::from_response(error, answer).into()
}

/// What is answered before any handler runs.
fn refuse(req: &ServiceRequest, app: &App, peer: Option<IpAddr>) -> Option<Error> {
    let config = &app.config;
    if let Some((page, what)) = too_large(req) {
        let asked_by_program =
            ["/token", "/userinfo"].iter().any(|path| req.path() == format!("{}{path}", config.base));
        let failure = TokenFailure::bad_request("invalid_request", what);
        let failure = TokenFailure { status: page.status(), ..failure };
        return Some(if asked_by_program { failure.into() } else { page.into() });
    }
    let is_probe = PROBES.iter().any(|probe| {
        req.path().strip_suffix(probe).is_some_and(|place| place.is_empty() || place == config.base)
    });
    if !is_probe
        && !config.development
        && config.tls.is_none()
        && !peer.is_some_and(|peer| forwarded::is_trusted(app, peer))
    {
        let refusal = "This listener is for the TLS proxy in front of it.\n";
        return Some(
            InternalError::from_response("not from a trusted proxy", HttpResponse::Forbidden().body(refusal))
                .into(),
        );
    }
    // Browsers keep separate cookies for localhost and 127.0.0.1: one of them has to be the place.
    let navigates = req.headers().get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
    if config.development && navigates && req.method() == Method::GET {
        let host = req.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        if !host.is_empty() && format!("http://{host}") != config.origin {
            let there = see_other(&format!("{}{}", config.origin, req.uri())).finish();
            return Some(InternalError::from_response("another name of this host", there).into());
        }
    }
    None
}

/// Tells whether there is more of a request than is looked at.
///
/// Spec: RFC 9110 §15.5.15; RFC 6585 §5
fn too_large(req: &ServiceRequest) -> Option<(PageFailure, &'static str)> {
    let target = req.uri().path_and_query().map_or(0, |target| target.as_str().len());
    // As a line of its own: a colon, a space and its end go with each.
    let fields = req.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    if target > LONGEST_TARGET {
        Some((PageFailure::TargetTooLong, "the request target is too long"))
    } else if target + fields.sum::<usize>() > LARGEST_HEAD {
        Some((PageFailure::HeadTooLarge, "the head of the request is too large"))
    } else {
        None
    }
}

/// Turns a failure into its page, or sends it to the application, and writes the cause of every failure into the log.
fn render_failure<B: MessageBody + 'static>(
    mut res: ServiceResponse<EitherBody<B, BoxBody>>,
    app: &App,
) -> ServiceResponse<EitherBody<B, BoxBody>> {
    let Some(error) = res.response().error() else { return res };
    let status = res.status();
    debug::record(res.request(), app, status, &logged(error), debug::told(error));
    let rendered = match (error.as_error::<PageFailure>(), error.as_error::<AuthorizeFailure>()) {
        (Some(page), _) | (_, Some(AuthorizeFailure::Page(page))) => {
            Some(failure_page(app, shell(res.request(), app), page))
        }
        (_, Some(AuthorizeFailure::Reply { reply_to, refusal })) => {
            Some(at_once(shell(res.request(), app), reply_to, reply_to.error(&refusal.error)))
        }
        _ => None,
    };
    // RFC 9110 §15.5.2: every 401 carries a challenge. Those of resources bring their own.
    let needs_challenge =
        status == StatusCode::UNAUTHORIZED && !res.headers().contains_key(header::WWW_AUTHENTICATE);
    let Some(rendered) = rendered else {
        if needs_challenge
            && let Ok(realm) = HeaderValue::from_str(&format!("Basic realm=\"{}\"", app.config.issuer))
        {
            res.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
        }
        return res;
    };
    let request = res.request().clone();
    ServiceResponse::new(request, rendered).map_into_right_body()
}

/// An error as it is logged. The failures of this program bound their own length; of any other error the
/// beginning is kept.
fn logged(error: &Error) -> String {
    let ours = error.as_error::<PageFailure>().map(ToString::to_string);
    let ours = ours.or_else(|| error.as_error::<AuthorizeFailure>().map(ToString::to_string));
    let ours = ours.or_else(|| error.as_error::<TokenFailure>().map(ToString::to_string));
    let ours = ours.or_else(|| error.as_error::<BearerFailure>().map(ToString::to_string));
    ours.unwrap_or_else(|| Shown::of(error).to_string())
}

/// Adds what every response needs and its handler did not say better; a page also names its language.
fn secure(headers: &mut HeaderMap, app: &App, id: &str, texts: Texts) {
    let is_page =
        headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_page {
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(texts.lang()));
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    let mut default = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(header::X_FRAME_OPTIONS, "DENY");
    default(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    default(header::REFERRER_POLICY, "no-referrer");
    default(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=(), publickey-credentials-get=(self), \
         publickey-credentials-create=(self)",
    );
    default(header::CACHE_CONTROL, "no-store");
    if !app.config.development {
        default(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}
