//! The provider's metadata, at the three addresses where clients look for it.

use actix_web::HttpResponse;
use time::Duration;

use crate::web::document;
use crate::web::visit::Visit;

/// `GET /.well-known/openid-configuration`
///
/// Spec: OpenID Connect Discovery §4, RFC 8414 §3
pub async fn get(visit: Visit) -> HttpResponse {
    document::answer(&visit.req, &visit.app.discovery.load(), Duration::hours(1))
}
