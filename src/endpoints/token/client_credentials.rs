//! `grant_type=client_credentials`: a token for the client itself.

use actix_web::HttpResponse;

use super::issue::Issue;
use crate::ids::GrantId;
use crate::protocol::client_credentials::{self, refused};
use crate::protocol::named_claims::NamedClaims;
use crate::protocol::params::Params;
use crate::web::client_auth::Proven;
use crate::web::debug;
use crate::web::failure::TokenFailure;
use crate::web::visit::Visit;

/// Issues an access token. It reads no store: the client that authenticated is all there is to know. The grant has no
/// row, and each token is of a grant of its own.
///
/// Spec: RFC 6749 §4.4.3
pub(super) async fn issue(
    visit: &Visit,
    client: &Proven,
    params: &Params,
) -> Result<HttpResponse, TokenFailure> {
    let (app, now) = (&visit.app, visit.now);
    let wanted = client_credentials::read(params, client, &app.resources.load())?;
    debug::note_narrowed(&visit.req, app, wanted.narrowed.as_slice());
    let issue = Issue {
        app,
        client,
        id: GrantId::generate(),
        scope: &wanted.scope,
        claims: &NamedClaims::default(),
        person: None,
        record: None,
        resources: &wanted.resources,
        user: None,
        refresh_token: None,
        nonce: None,
        now,
        refused: |cause| refused(cause),
    };
    issue.answer().await
}
