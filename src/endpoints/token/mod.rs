//! The token endpoint: authenticates the client, then leaves the rest to the file of the grant.

mod code;
mod issue; // the tokens of any grant

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use metrics::Counter;

use crate::app::App;
use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::protocol::client::auth::{Credentials, Reading, refused};
use crate::protocol::params::Params;
use crate::protocol::refusal::Refusal;
use crate::telemetry::registry::Registry;
use crate::web::answer::ClientAddress;
use crate::web::cors;
use crate::web::extract::{self, Body};
use crate::web::failure::TokenFailure;

/// Every parameter this endpoint knows.
const PARAMS: [&str; 9] = [
    "grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "code",
    "redirect_uri", "code_verifier", "resource",
];

/// Metrics of answers that carried tokens.
pub struct Issued {
    authorization_code: Counter,
}

impl Issued {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> Issued {
        let counter = |grant| {
            let help = "Token answers by grant_type";
            registry.counter("countersign_tokens_issued_total", help, &[("grant_type", grant)])
        };
        Issued { authorization_code: counter("authorization_code") }
    }
}

/// `POST /token`
///
/// Spec: RFC 6749 §3.2, §4.1.3; OpenID Connect Core §3.1.3
pub async fn post(
    req: HttpRequest,
    app: web::Data<App>,
    issued: web::Data<Issued>,
    body: Body,
) -> Result<HttpResponse, TokenFailure> {
    let params = extract::client_form(&req, &body, &PARAMS)?;
    let client = authenticate(&req, &app, &params).await?;
    match params.get("grant_type") {
        None => {
            let cause = Cause::new("grant_type is missing").with("received", params.names());
            Err(TokenFailure::bad_request("invalid_request", "grant_type is missing").because(cause))
        }
        Some("authorization_code") => {
            let answer = code::redeem(&app, &client, &params).await?;
            issued.authorization_code.increment(1);
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

/// Why a client was not believed.
struct Disbelief {
    client: Arc<Client>,
    failure: TokenFailure,
    /// Whether it was a guess at a secret, which counts.
    is_guess: bool,
}

/// Finds the client that the credentials prove. They are judged for the client that the standard's reading names
/// and, where that fails, for the first known one of the other readings. Guesses count when no reading is right: a
/// right pair of one client may read as a wrong secret of another.
async fn authenticate(req: &HttpRequest, app: &App, params: &Params) -> Result<Arc<Client>, TokenFailure> {
    let credentials = Credentials::collect(&extract::authorization(req), params)?;
    let (standard, others) = credentials.readings().split_at_checked(1).unwrap_or_default();
    let mut refusals = vec![];
    for readings in [standard, others] {
        let ids: Vec<&str> = readings.iter().map(Reading::client_id).collect();
        let Some(client) = app.clients.find_first(&ids).await? else { continue };
        let Some(reading) = readings.iter().find(|reading| reading.client_id() == client.id) else {
            continue;
        };
        match judge(req, app, &credentials, reading, &client) {
            None => return Ok(client),
            Some((failure, is_guess)) => refusals.push(Disbelief { client, failure, is_guess }),
        }
    }
    let (now, from) = (app.clock.now(), address(req));
    for guess in refusals.iter().filter(|refusal| refusal.is_guess) {
        app.state.guesses.failed(&guess.client.id, from, now).await?;
    }
    let first = refusals.into_iter().next().map(|refusal| refusal.failure);
    Err(first.unwrap_or_else(|| unknown(&credentials)))
}

/// Why these credentials are not this client's, and whether they were a guess at its secret; none if they are.
fn judge(
    req: &HttpRequest,
    app: &App,
    credentials: &Credentials,
    reading: &Reading,
    client: &Client,
) -> Option<(TokenFailure, bool)> {
    if let Err(failure) = cors::note_client(req, app, client) {
        return Some((failure.into(), false));
    }
    let (now, from, guesses) = (app.clock.now(), address(req), &app.state.guesses);
    // A client without a secret has none to be guessed, and there is no end of names that are no client's.
    let has_secret = client.secret.is_some();
    if has_secret && let Some(left) = guesses.held_off(&client.id, from, now) {
        return Some((TokenFailure::held_off(left), false));
    }
    if let Err(refusal) = credentials.verify(reading, Some(client)) {
        return Some((with_id(refusal, reading), has_secret));
    }
    if has_secret {
        guesses.proven(&client.id, from, now);
    }
    None
}

fn address(req: &HttpRequest) -> Option<IpAddr> {
    req.extensions().get::<ClientAddress>().map(|from| from.0)
}

/// The same work and the same answer as for a client that is known. The shortest identifier is named: a longer one
/// may hold a part of the secret.
fn unknown(credentials: &Credentials) -> TokenFailure {
    let refusal = || refused("the client is unknown");
    let Some(reading) = credentials.shortest() else { return refusal().into() };
    with_id(credentials.verify(reading, None).err().unwrap_or_else(refusal), reading)
}

fn with_id(refusal: Refusal, reading: &Reading) -> TokenFailure {
    refusal.with("client_id", reading.client_id()).into()
}
