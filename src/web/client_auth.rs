//! Client authentication, for every endpoint that clients call with their credentials.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use crate::protocol::client::auth::{Accepted, Credentials, Reading, refused};
use crate::protocol::client::{AuthMethod, Client};
use crate::protocol::params::Params;
use crate::protocol::refusal::Refusal;
use crate::web::around::address::ClientAddress;
use crate::web::around::cors;
use crate::web::client_assertion::{self, Unproven};
use crate::web::extract;
use crate::web::failure::TokenFailure;
use crate::web::visit::Visit;

/// A client that proved who it is, or a public one that named itself. It is used like the client itself.
pub struct Proven {
    /// The client.
    pub client: Arc<Client>,
    /// The method that it used.
    pub method: AuthMethod,
    /// The number of the secret that it used, if it used one.
    pub secret: Option<i64>,
}

impl Deref for Proven {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// A failed authentication of a client.
struct FailedProof {
    client: Arc<Client>,
    failure: TokenFailure,
    /// Whether it counts as a wrong guess at the client's secret.
    is_guess: bool,
}

/// Finds the client that the credentials of a request prove.
///
/// Spec: RFC 6749 §2.3, §5.2
pub async fn authenticate(visit: &Visit, params: &Params) -> Result<Proven, TokenFailure> {
    proven(visit, params).await.map_err(|failure| failure.challenged(&visit.app.config.issuer))
}

/// Finds the client that the credentials prove. Credentials can be read in several ways. They are verified for the
/// client of the standard's reading and, if that fails, for the first known client of the other readings. A guess
/// counts only when no reading is right, because a right pair of one client may read as a wrong secret of another.
async fn proven(visit: &Visit, params: &Params) -> Result<Proven, TokenFailure> {
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
        match judge(visit, &credentials, reading, &client).await {
            Ok(Accepted { method, secret }) => {
                if let Some(number) = secret {
                    let network = visit.address().map(ClientAddress::network);
                    app.clients.note_use(&client, number, network, now);
                }
                return Ok(Proven { client, method, secret });
            }
            Err(Unproven { failure, is_guess }) => refusals.push(FailedProof { client, failure, is_guess }),
        }
    }
    let from = address(visit);
    for guess in refusals.iter().filter(|refusal| refusal.is_guess) {
        app.state.client_secret_limits.failed(&guess.client.id, from, now).await?;
    }
    let first = refusals.into_iter().next().map(|refusal| refusal.failure);
    Err(first.unwrap_or_else(|| unknown(visit, &credentials)))
}

/// What these credentials prove of this client, or why nothing and whether that was a guess.
async fn judge(
    visit: &Visit,
    credentials: &Credentials,
    reading: &Reading,
    client: &Client,
) -> Result<Accepted, Unproven> {
    cors::admit_origin(visit, client).map_err(TokenFailure::from)?;
    let (now, from, limits) = (visit.now, address(visit), &visit.app.state.client_secret_limits);
    // A public client has no secret to guess. Unknown identifiers are not counted: their number is unbounded.
    let has_secret = !client.secrets.is_empty();
    if has_secret && let Some(left) = limits.held_off(&client.id, from, now) {
        return Err(TokenFailure::held_off(left).into());
    }
    let accepted = match credentials.asserted() {
        Some(asserted) => client_assertion::verify(visit, asserted, client).await?,
        None => credentials.verify(reading, Some(client), now).map_err(|refusal| {
            let failure = with_id(refusal, reading);
            Unproven { failure, is_guess: has_secret }
        })?,
    };
    if has_secret {
        limits.proven(&client.id, from, now);
    }
    Ok(accepted)
}

fn address(visit: &Visit) -> Option<IpAddr> {
    visit.address().map(|from| from.0)
}

/// An unknown client costs the same work and gets the same answer as a known one. The log names the shortest
/// identifier, because a longer reading may hold a part of the secret.
fn unknown(visit: &Visit, credentials: &Credentials) -> TokenFailure {
    if let Some(asserted) = credentials.asserted() {
        visit.app.client_keys.pretend(&asserted.assertion);
    }
    let refusal = || refused("the client is unknown");
    let Some(reading) = credentials.shortest() else { return refusal().into() };
    with_id(credentials.verify(reading, None, visit.now).err().unwrap_or_else(refusal), reading)
}

fn with_id(refusal: Refusal, reading: &Reading) -> TokenFailure {
    refusal.with("client_id", reading.client_id()).into()
}
