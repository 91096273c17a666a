//! Client authentication, for every endpoint that clients call with their credentials.

use std::net::IpAddr;
use std::sync::Arc;

use crate::protocol::client::Client;
use crate::protocol::client::auth::{Credentials, Reading, refused};
use crate::protocol::params::Params;
use crate::protocol::refusal::Refusal;
use crate::web::around::cors;
use crate::web::extract;
use crate::web::failure::TokenFailure;
use crate::web::visit::Visit;

/// Why a client was not believed.
struct Disbelief {
    client: Arc<Client>,
    failure: TokenFailure,
    /// Whether it was a guess at a secret, which counts.
    is_guess: bool,
}

/// Finds the client that the credentials of a request prove.
///
/// Spec: RFC 6749 §2.3, §5.2
pub async fn authenticate(visit: &Visit, params: &Params) -> Result<Arc<Client>, TokenFailure> {
    proven(visit, params).await.map_err(|failure| failure.challenged(&visit.app.config.issuer))
}

/// Finds the client that the credentials prove. They are judged for the client that the standard's reading names
/// and, where that fails, for the first known one of the other readings. Guesses count when no reading is right: a
/// right pair of one client may read as a wrong secret of another.
async fn proven(visit: &Visit, params: &Params) -> Result<Arc<Client>, TokenFailure> {
    let (app, now) = (&visit.app, visit.now);
    let credentials = Credentials::collect(&extract::authorization(&visit.req), params)?;
    let (standard, others) = credentials.readings().split_at_checked(1).unwrap_or_default();
    let mut refusals = vec![];
    for readings in [standard, others] {
        let ids: Vec<&str> = readings.iter().map(Reading::client_id).collect();
        let Some(client) = app.clients.find_first(&ids).await? else { continue };
        let Some(reading) = readings.iter().find(|reading| reading.client_id() == client.id) else {
            continue;
        };
        match judge(visit, &credentials, reading, &client) {
            None => return Ok(client),
            Some((failure, is_guess)) => refusals.push(Disbelief { client, failure, is_guess }),
        }
    }
    let from = address(visit);
    for guess in refusals.iter().filter(|refusal| refusal.is_guess) {
        app.state.guesses.failed(&guess.client.id, from, now).await?;
    }
    let first = refusals.into_iter().next().map(|refusal| refusal.failure);
    Err(first.unwrap_or_else(|| unknown(&credentials)))
}

/// Why these credentials are not this client's, and whether they were a guess at its secret; none if they are.
fn judge(
    visit: &Visit,
    credentials: &Credentials,
    reading: &Reading,
    client: &Client,
) -> Option<(TokenFailure, bool)> {
    if let Err(failure) = cors::note_client(visit, client) {
        return Some((failure.into(), false));
    }
    let (now, from, guesses) = (visit.now, address(visit), &visit.app.state.guesses);
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

fn address(visit: &Visit) -> Option<IpAddr> {
    visit.address().map(|from| from.0)
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
