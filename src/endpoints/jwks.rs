//! The public keys that verify this provider's tokens.

use actix_web::HttpResponse;

use crate::web::document;
use crate::web::failure::TokenFailure;
use crate::web::visit::Visit;

/// `GET /.well-known/jwks.json`: uses no lock and no database; cacheable for as long as the key policy
/// promises.
///
/// Spec: RFC 7517 §5, OpenID Connect Core §10.1.1
pub async fn get(visit: Visit) -> Result<HttpResponse, TokenFailure> {
    let snapshot = visit.app.keys.snapshot.load();
    let Some(max_age) = snapshot.max_age() else {
        // No answer is better than a set that may lack a key: the client can ask another node.
        let cause = format!("the keys were last seen {} s ago", snapshot.age().whole_seconds());
        return Err(TokenFailure::unavailable(cause));
    };
    Ok(document::answer(&visit.req, &snapshot.jwks, max_age))
}
