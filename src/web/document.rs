//! Public documents: any cache may store them, and any script may read them.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use time::Duration;

use crate::published::Published;

/// Answers with a document, or with 304 if the request names its entity tag.
///
/// Spec: RFC 9110 §13.1.2
pub fn answer(req: &HttpRequest, document: &Published, max_age: Duration) -> HttpResponse {
    let held =
        req.headers().get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    let tags = held.split(',').map(|tag| tag.trim().trim_start_matches("W/"));
    let has_it = tags.into_iter().any(|tag| tag == document.etag || tag == "*");
    let mut res = if has_it { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    res.insert_header((header::CACHE_CONTROL, format!("public, max-age={}", max_age.whole_seconds())));
    res.insert_header((header::ETAG, document.etag.as_str()));
    res.insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    if has_it { res.finish() } else { res.content_type("application/json").body(document.bytes.clone()) }
}
