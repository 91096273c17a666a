//! The token endpoint: authenticates the client, then leaves the rest to the file of the grant.

mod code;

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};

use crate::app::App;
use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::protocol::client_auth::Credentials;
use crate::protocol::failure::TokenFailure;
use crate::protocol::params::Params;
use crate::web::answer::ClientAddress;
use crate::web::cors;
use crate::web::extract::{self, Body};

/// Every parameter this endpoint knows.
const PARAMS: [&str; 9] = [
    "grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "code",
    "redirect_uri", "code_verifier", "resource",
];

/// `POST /token`
///
/// Spec: RFC 6749 §3.2, §4.1.3; OpenID Connect Core §3.1.3
pub async fn post(req: HttpRequest, app: web::Data<App>, body: Body) -> Result<HttpResponse, TokenFailure> {
    let params = extract::client_form(&req, &body, &PARAMS)?;
    let client = authenticate(&req, &app, &params).await?;
    match params.get("grant_type") {
        None => {
            let cause = Cause::new("grant_type is missing").with("received", params.names());
            Err(TokenFailure::bad_request("invalid_request", "grant_type is missing").because(cause))
        }
        Some("authorization_code") => {
            let answer = code::redeem(&app, &client, &params).await?;
            app.metrics.issued.authorization_code.increment(1);
            Ok(answer)
        }
        Some(other) => {
            let cause = Cause::new("this grant_type is not supported").with("sent", other);
            let cause = cause.with("supported", "authorization_code");
            let what = "this grant_type is not supported";
            Err(TokenFailure::bad_request("unsupported_grant_type", what).because(cause))
        }
    }
}

async fn authenticate(req: &HttpRequest, app: &App, params: &Params) -> Result<Arc<Client>, TokenFailure> {
    let credentials = Credentials::collect(&extract::authorization(req), params)?;
    let mut client = app.clients.find(credentials.client_id()).await?;
    if let (None, Some(raw)) = (&client, credentials.raw_client_id()) {
        client = app.clients.find(raw).await?;
    }
    let from = req.extensions().get::<ClientAddress>().map(|from| from.0);
    let now = app.clock.now();
    if let Some(client) = &client {
        cors::note_client(req, client);
    }
    // Without a secret there is nothing to be guessed, and of names that are no client's there is no end.
    let guessed = client.clone().filter(|client| client.secret.is_some());
    if let Some(client) = &guessed
        && let Some(left) = app.state.guesses.held_off(&client.id, from, now)
    {
        return Err(TokenFailure::held_off(left));
    }
    if let Err(failure) = credentials.verify(client.as_deref()) {
        if let Some(client) = guessed
            && failure.error.code == "invalid_client"
        {
            app.state.guesses.failed(&client.id, from, now).await?;
        }
        return Err(match failure.cause.clone() {
            Some(cause) => failure.because(cause.with("client_id", credentials.client_id())),
            None => failure,
        });
    }
    if let Some(client) = &guessed {
        app.state.guesses.proven(&client.id, from, now);
    }
    client.ok_or_else(|| TokenFailure::invalid_client(false, "the client is unknown"))
}
