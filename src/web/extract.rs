//! Reading requests: parameters and credentials, strictly and once.

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::header;

use crate::protocol::cause::Cause;
use crate::protocol::params::Params;
use crate::protocol::request::Unanswerable;
use crate::web::failure::{BearerFailure, PageFailure, TokenFailure};
use crate::web::language;

pub use crate::web::body::Body;

/// Whether a body is over its limit, and not cut off.
fn is_too_large(error: &actix_web::Error) -> bool {
    matches!(error.as_error(), Some(PayloadError::Overflow))
}

/// Whether the content type declares a form.
fn is_form(req: &HttpRequest) -> bool {
    let declared =
        req.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    declared
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The query parameters of a page.
pub fn query(req: &HttpRequest, known: &[&'static str]) -> Result<Params, PageFailure> {
    let params = Params::parse(req.query_string().as_bytes(), known)?;
    language::note(req, &params, None);
    Ok(params)
}

/// The parameters of one of the provider's own forms, each at most once.
pub fn form(req: &HttpRequest, body: &Body, known: &[&'static str]) -> Result<Params, PageFailure> {
    let params = authorization_form(req, body, known)?;
    match params.repeated() {
        Some(name) => Err(Unanswerable::ParameterRepeated(name).into()),
        None => Ok(params),
    }
}

/// The parameters of an authorization request that was posted. A repeated one is kept as repeated, because the address
/// of the answer is not known yet.
pub fn authorization_form(
    req: &HttpRequest,
    body: &Body,
    known: &[&'static str],
) -> Result<Params, PageFailure> {
    if !is_form(req) {
        return Err(PageFailure::ContentType);
    }
    let unread =
        |error| if is_too_large(error) { PageFailure::BodyTooLarge } else { PageFailure::BodyIncomplete };
    let body = body.bytes().map_err(unread)?;
    let params = Params::parse(body, known)?;
    language::note(req, &params, None);
    Ok(params)
}

/// The form parameters of an endpoint that clients call. Secrets in the query are refused, because addresses are
/// logged on the way.
///
/// Spec: RFC 6749 §3.2, RFC 9700 §4.3.2
pub fn client_form(req: &HttpRequest, body: &Body, known: &[&'static str]) -> Result<Params, TokenFailure> {
    const SECRET: [&str; 5] = ["client_secret", "access_token", "refresh_token", "code", "client_assertion"];
    let bad = TokenFailure::bad_request;
    if !is_form(req) {
        // RFC 6749 §5.2 has only the status 400 for it.
        return Err(bad("invalid_request", "the content type must be application/x-www-form-urlencoded"));
    }
    if is_in_query(req, &SECRET) {
        return Err(bad("invalid_request", "credentials and codes belong in the body, not in the query"));
    }
    let body = body.bytes().map_err(|error| {
        if is_too_large(error) {
            TokenFailure { status: 413, ..bad("invalid_request", "the request is too large") }
        } else {
            TokenFailure { status: 408, ..bad("invalid_request", "the body did not arrive whole in time") }
        }
    })?;
    let params = Params::parse(body, known).map_err(|why| {
        let failure = bad("invalid_request", "the body is not form-encoded UTF-8");
        failure.because(why.to_string())
    })?;
    if let Some(name) = params.repeated() {
        let failure = bad("invalid_request", "a parameter was sent more than once");
        return Err(
            failure.because(Cause::new("a parameter was sent more than once").with("parameter", name))
        );
    }
    if let Some(name) = params.too_long() {
        let failure = bad("invalid_request", "a parameter is too long");
        return Err(failure.because(Cause::new("a parameter is too long").with("parameter", name)));
    }
    Ok(params)
}

/// Whether the query has a value for any of these names, even if the rest of it is malformed.
fn is_in_query(req: &HttpRequest, names: &[&'static str]) -> bool {
    let mut pairs = req.query_string().split('&').map(|pair| Params::parse(pair.as_bytes(), names));
    pairs.any(|pair| pair.is_ok_and(|pair| names.iter().any(|name| pair.get(name).is_some())))
}

/// Every `Authorization` header. One that is no text is malformed.
pub fn authorization(req: &HttpRequest) -> Vec<&str> {
    req.headers().get_all(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or_default()).collect()
}

/// The access token of a request: in the header, or in the body of a POST; never in the query. A header with another
/// scheme alone counts as no token, and the challenge names the right scheme.
///
/// Spec: RFC 6750 §2.1, §2.2, §3.1
pub fn bearer_token(req: &HttpRequest, body: Option<&Body>) -> Result<String, BearerFailure> {
    let (mut found, mut other_scheme) = (vec![], false);
    for value in authorization(req) {
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            other_scheme = true;
        } else if token.trim().is_empty() {
            return Err(BearerFailure::InvalidRequest("the Authorization header holds no token"));
        } else {
            found.push(token.trim().to_owned());
        }
    }
    let body = body.map(Body::bytes).transpose().map_err(|_unread| BearerFailure::TooLarge)?;
    if let Some(body) = body.filter(|body| !body.is_empty() && is_form(req)) {
        let undecodable = |_why| BearerFailure::InvalidRequest("the body is not form-encoded UTF-8");
        let params = Params::parse(body, &["access_token"]).map_err(undecodable)?;
        if params.is_repeated("access_token") {
            return Err(BearerFailure::InvalidRequest("access_token was sent more than once"));
        }
        if params.get("access_token").is_some_and(|token| token.trim().is_empty()) {
            return Err(BearerFailure::InvalidRequest("access_token holds no token"));
        }
        found.extend(params.get("access_token").map(str::to_owned));
    }
    if is_in_query(req, &["access_token"]) {
        return Err(BearerFailure::InvalidRequest("an access token does not belong in the query"));
    }
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(BearerFailure::Missing),
        (Some(token), true) if !other_scheme => Ok(token),
        (Some(_), _) => Err(BearerFailure::InvalidRequest("more than one credential was sent")),
    }
}
