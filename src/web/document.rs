//! Public documents: serialized once, cached by everybody, readable by any script.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use time::Duration;

use crate::secret::etag;

/// A document with its entity tag.
pub struct Document {
    bytes: Bytes,
    etag: String,
}

impl Document {
    /// Gives a body its entity tag.
    pub fn new(bytes: Vec<u8>) -> Document {
        Document { etag: etag(&bytes), bytes: bytes.into() }
    }

    /// Answers with the document.
    pub fn answer(&self, req: &HttpRequest, max_age: Duration) -> HttpResponse {
        answer(req, &self.bytes, &self.etag, max_age)
    }
}

/// Answers with a document, or with 304 to who has it already.
///
/// Spec: RFC 9110 §13.1.2
pub fn answer(req: &HttpRequest, bytes: &Bytes, etag: &str, max_age: Duration) -> HttpResponse {
    let held =
        req.headers().get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    let has_it =
        held.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag || tag == "*");
    let mut res = if has_it { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    res.insert_header((header::CACHE_CONTROL, format!("public, max-age={}", max_age.whole_seconds())));
    res.insert_header((header::ETAG, etag));
    res.insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    if has_it { res.finish() } else { res.content_type("application/json").body(bytes.clone()) }
}
