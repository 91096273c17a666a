//! The keys with which anybody checks our tokens.

use actix_web::HttpResponse;

use crate::web::document;
use crate::web::failure::TokenFailure;
use crate::web::visit::Visit;

/// `GET /.well-known/jwks.json`: no lock, no database; as cacheable as the key policy promises.
///
/// Spec: RFC 7517 §5, OpenID Connect Core §10.1.1
pub async fn get(visit: Visit) -> Result<HttpResponse, TokenFailure> {
    let ring = visit.app.keys.ring.load();
    let Some(max_age) = ring.max_age() else {
        // Better no answer, and another node is asked, than a set that may lack a key.
        let cause = format!("the keys were last seen {} s ago", ring.age().whole_seconds());
        return Err(TokenFailure::unavailable(cause));
    };
    Ok(document::answer(&visit.req, &ring.jwks, max_age))
}
