//! The keys with which anybody checks our tokens.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::App;
use crate::web::document;

/// `GET /.well-known/jwks.json`: no lock, no database; as cacheable as the key policy promises.
///
/// Spec: RFC 7517 §5, OpenID Connect Core §10.1.1
pub async fn get(req: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let ring = app.keys.ring.load();
    document::answer(&req, &ring.jwks, ring.policy.jwks_max_age)
}
