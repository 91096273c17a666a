//! The provider's metadata, at the three addresses where clients look for it.

use actix_web::{HttpRequest, HttpResponse, web};
use time::Duration;

use crate::app::App;
use crate::web::document;

/// `GET /.well-known/openid-configuration`
///
/// Spec: OpenID Connect Discovery §4, RFC 8414 §3
pub async fn get(req: HttpRequest, app: web::Data<App>) -> HttpResponse {
    document::answer(&req, &app.discovery.load(), Duration::hours(1))
}
