//! Helpers for requests and answers.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};

pub(super) fn see_other(location: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, location)).finish()
}

/// A query parameter that was sent exactly once.
///
/// Spec: RFC 6749 §3.1
pub(super) fn param(request: &HttpRequest, name: &str) -> Option<String> {
    let mut found =
        url::form_urlencoded::parse(request.query_string().as_bytes()).filter(|(key, _)| key == name);
    let (_, value) = found.next()?;
    found.next().is_none().then(|| value.into_owned())
}
