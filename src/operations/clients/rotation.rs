//! A new secret for a client. The old one goes on working for a while, so that the application can take the new one over
//! without a pause.

use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::ClientFault;
use super::credentials::Safe;
use crate::operations::Operation;
use crate::protocol::client::Client;
use crate::secret::Token;
use crate::store::clients::{self, NewSecret, Secret};

/// What happens to the old secret.
#[derive(Clone, Copy, Debug)]
pub enum Old {
    /// It works for this long.
    Lasts(Duration),
    /// It ends at once, and so does any other one.
    Ends,
}

/// How a secret is replaced.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// What happens to the old one.
    pub old: Old,
    /// How long the new one lasts; without end when absent.
    pub lasts: Option<Duration>,
}

/// A client with a new secret.
pub struct Rotated {
    /// The client after the change.
    pub client: Client,
    /// The new secret.
    pub secret: Token,
}

/// Gives a client a new secret. A node that has not seen the change yet refuses the new one for 5 seconds at most, and
/// accepts an old one that ended at once for as long. A client has two live secrets at most: the oldest would be lost with
/// a third, and an application may still be using it.
pub async fn rotate_secret(op: &Operation<'_>, id: &str, rotation: Rotation) -> Result<Rotated, ClientFault> {
    let (secret, now) = (Token::client_secret(), op.now);
    let (hash, text) = (secret.hash(), Zeroizing::new(secret.expose().to_owned()));
    let before = clients::by_id(op.db, id).await?.ok_or(ClientFault::Unknown)?;
    let safe = Safe::of(op, &before.metadata)?;
    let edit = move |client: &Client| {
        if !client.metadata.has_secret() {
            return Err(ClientFault::NoSecret(client.id.clone()));
        }
        let sealed = safe.seal(&client.metadata, &client.id, &text)?;
        let new = NewSecret { hash, sealed, ends_at: rotation.lasts.map(|lasts| now + lasts) };
        Ok((client.metadata.clone(), Secret::Set(new, old_ends(client, rotation.old, now)?)))
    };
    let edited = clients::edit(op.db, id, edit, op.by.clone(), op.now).await?;
    Ok(Rotated { client: edited.ok_or(ClientFault::Unknown)??.after, secret })
}

/// When the old secret ends; refused if there are two.
fn old_ends(client: &Client, old: Old, now: OffsetDateTime) -> Result<OffsetDateTime, ClientFault> {
    let lasts = match old {
        Old::Ends => return Ok(now),
        Old::Lasts(lasts) => lasts,
    };
    let mut live = client.secrets.live(now);
    match (live.next(), live.next()) {
        (Some(oldest), Some(_)) => {
            Err(ClientFault::TwoSecrets { client_id: client.id.clone(), old: Box::new(oldest.clone()) })
        }
        _ => Ok(now + lasts),
    }
}
