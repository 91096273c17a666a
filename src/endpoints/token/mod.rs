//! The token endpoint: authenticates the client, then leaves the rest to the file of the grant.

mod code;

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};

use crate::app::App;
use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::protocol::client_auth::{Credentials, Reading};
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

/// Finds the client that the credentials prove. They are judged for the client that the standard's reading names
/// and, where that fails, for the first known one of the other readings.
async fn authenticate(req: &HttpRequest, app: &App, params: &Params) -> Result<Arc<Client>, TokenFailure> {
    let credentials = Credentials::collect(&extract::authorization(req), params)?;
    let mut refused = None;
    for (at, reading) in credentials.readings().iter().enumerate() {
        let Some(client) = app.clients.find(reading.client_id()).await? else { continue };
        match judge(req, app, &credentials, reading, &client).await {
            Ok(()) => return Ok(client),
            Err(failure) => refused = refused.or(Some(failure)),
        }
        if at > 0 {
            break;
        }
    }
    Err(match (refused, credentials.readings().first()) {
        (Some(failure), _) => failure,
        (None, Some(reading)) => unknown(&credentials, reading),
        (None, None) => TokenFailure::invalid_client("the client is unknown"),
    })
}

/// Decides whether these credentials are this client's, and counts it if they are not.
async fn judge(
    req: &HttpRequest,
    app: &App,
    credentials: &Credentials,
    reading: &Reading,
    client: &Client,
) -> Result<(), TokenFailure> {
    cors::note_client(req, app, client)?;
    let from = req.extensions().get::<ClientAddress>().map(|from| from.0);
    let (now, guesses) = (app.clock.now(), &app.state.guesses);
    // Without a secret there is nothing to be guessed, and of names that are no client's there is no end.
    let has_secret = client.secret.is_some();
    if has_secret && let Some(left) = guesses.held_off(&client.id, from, now) {
        return Err(TokenFailure::held_off(left));
    }
    let Err(failure) = credentials.verify(reading, Some(client)) else {
        if has_secret {
            guesses.proven(&client.id, from, now);
        }
        return Ok(());
    };
    if has_secret {
        guesses.failed(&client.id, from, now).await?;
    }
    Err(with_id(failure, reading))
}

/// The same work and the same answer as for a client that is known.
fn unknown(credentials: &Credentials, reading: &Reading) -> TokenFailure {
    let failure = credentials.verify(reading, None).err();
    with_id(failure.unwrap_or_else(|| TokenFailure::invalid_client("the client is unknown")), reading)
}

fn with_id(failure: TokenFailure, reading: &Reading) -> TokenFailure {
    match failure.cause.clone() {
        Some(cause) => failure.because(cause.with("client_id", reading.client_id())),
        None => failure,
    }
}
