//! Clients: registering and changing them.

mod sector; // documents of sectors

use zeroize::Zeroizing;

use super::{Operation, StateFault};
use crate::db::DbError;
use crate::protocol::client::{Client, MetadataFault};
use crate::protocol::registration::{Amendment, Offered, Registration, SecretChange, changed};
use crate::protocol::revoked::Why;
use crate::secret::{Token, TokenHash, base32, random};
use crate::store::clients::{self, Edited, Secret};
use crate::store::grants::{self, Whose};

/// Why a client is not registered or changed.
#[derive(Debug, thiserror::Error)]
pub enum ClientFault {
    /// There is no such client, or it was removed at this moment.
    #[error("there is no such client")]
    Unknown,
    /// Another client has this identifier.
    #[error("there is a client {0} already")]
    Taken(String),
    /// The client is public, and has no secret.
    #[error("client {0} is public: it has no secret to rotate")]
    Public(String),
    /// The client was changed at this moment.
    #[error("client {0} was changed at this moment; try again")]
    Changed(String),
    /// Its metadata cannot be registered.
    #[error(transparent)]
    Metadata(#[from] MetadataFault),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A new client.
pub struct Registered {
    /// The client.
    pub client: Client,
    /// Its secret, made or given; none for a public client. Only its hash is stored.
    pub secret: Option<Zeroizing<String>>,
}

/// Registers a client. An identifier that is not given is made, and so is the secret of a confidential client.
pub async fn register(op: &Operation<'_>, registration: Registration) -> Result<Registered, ClientFault> {
    let secret = match registration.secret_change(false) {
        SecretChange::Keep | SecretChange::Drop => None,
        SecretChange::Take(given) => Some(given),
        SecretChange::Make => Some(Token::generate().expose().to_owned().into()),
    };
    let id = registration.id.unwrap_or_else(|| base32(&random::<16>()));
    if let Some(document) = sector::document(op, &id, None, &registration.metadata).await? {
        document.check(&registration.metadata)?;
    }
    let client = Client {
        id,
        secret: secret.as_deref().map(|secret| TokenHash::of(secret)),
        disabled: false,
        registered_at: op.now,
        metadata: registration.metadata,
    };
    if !clients::add(op.db, &client, op.by.clone(), op.now).await? {
        return Err(ClientFault::Taken(client.id));
    }
    Ok(Registered { client, secret })
}

/// A client that was changed.
pub struct Changed {
    /// The client before the change.
    pub before: Client,
    /// The client after it; equal if nothing had to be changed.
    pub after: Client,
    /// The names of the members that differ.
    pub members: Vec<String>,
    /// The secret that was made because the client needs one and had none. Only its hash is stored.
    pub made: Option<Token>,
    /// The members that were ignored, one sentence each.
    pub ignored: Vec<String>,
}

/// Changes the registration of a client, by the rules for a new one. Consents stay, and so does the secret unless the
/// change is about it.
pub async fn change(
    op: &Operation<'_>,
    id: &str,
    amendment: &Amendment,
    offered: &Offered,
) -> Result<Changed, ClientFault> {
    let token = Token::generate();
    let made = token.hash();
    let (asked, of) = (amendment.clone(), offered.clone());
    let before = clients::by_id(op.db, id).await?.ok_or(ClientFault::Unknown)?;
    let described = amendment.read(&before, offered)?.metadata;
    let document = sector::document(op, id, Some(&before.metadata), &described).await?;
    let edit = move |client: &Client| {
        let registration = asked.read(client, &of)?;
        sector::check(document.as_ref(), client, &registration.metadata)?;
        let secret = match registration.secret_change(client.secret.is_some()) {
            SecretChange::Keep => Secret::Keep,
            SecretChange::Drop => Secret::Drop,
            SecretChange::Make => Secret::Set(made),
            SecretChange::Take(given) => Secret::Set(TokenHash::of(&given)),
        };
        Ok::<_, ClientFault>((registration.metadata, secret))
    };
    let edited = clients::edit(op.db, id, edit, op.by.clone(), op.now).await?;
    let Edited { before, after } = edited.ok_or(ClientFault::Unknown)??;
    // Refresh tokens that were worth nothing without the secret must not become ones that are.
    if after.is_public() && !before.is_public() {
        revoke(op, id, Why::ClientPublic).await?;
    }
    Ok(Changed {
        members: changed(&before.metadata, &after.metadata),
        made: after.secret.is_some_and(|secret| secret.matches(&made)).then_some(token),
        ignored: amendment.read(&before, offered)?.ignored,
        before,
        after,
    })
}

/// Gives a client a new secret. The old secret is refused as soon as a node has seen the change.
pub async fn rotate_secret(op: &Operation<'_>, id: &str) -> Result<(Client, Token), ClientFault> {
    let secret = Token::generate();
    let hash = secret.hash();
    let edit = move |client: &Client| {
        if client.is_public() {
            return Err(ClientFault::Public(client.id.clone()));
        }
        Ok((client.metadata.clone(), Secret::Set(hash)))
    };
    let edited = clients::edit(op.db, id, edit, op.by.clone(), op.now).await?;
    Ok((edited.ok_or(ClientFault::Unknown)??.after, secret))
}

/// A client that was disabled, enabled or removed. The change is stored in the main database.
pub struct Switched {
    /// The client after the change; a removed one as it was.
    pub client: Client,
    /// Whether there was anything to change.
    pub changed: bool,
    /// Why the state store was not told, if it was not. After [`disable`] and [`remove`], a node redeems the client's
    /// codes until it has seen the change in the main database, about a second later. After [`enable`], the codes are
    /// refused for the rest of the minute after the client was disabled.
    pub not_told: Option<StateFault>,
}

/// Disables a client, revokes its grants for good, and withdraws its codes. Its registration and the consents given to it
/// stay.
pub async fn disable(op: &Operation<'_>, id: &str) -> Result<Switched, ClientFault> {
    let (client, changed) = set_disabled(op, id, true).await?;
    revoke(op, id, Why::ClientDisabled).await?;
    // Also for a client that was disabled before, because withdrawing its codes may have failed then.
    Ok(Switched { client, changed, not_told: withdraw(op, id).await.err() })
}

/// Enables a client. Its grants from before stay revoked.
pub async fn enable(op: &Operation<'_>, id: &str) -> Result<Switched, ClientFault> {
    let client = clients::by_id(op.db, id).await?.ok_or(ClientFault::Unknown)?;
    if client.disabled {
        // Disabling it may have been interrupted, and a grant may have begun at that very moment.
        revoke(op, id, Why::ClientDisabled).await?;
    }
    let (client, changed) = set_disabled(op, id, false).await?;
    let not_told = if changed { readmit(op, id).await.err() } else { None };
    Ok(Switched { client, changed, not_told })
}

async fn set_disabled(op: &Operation<'_>, id: &str, disabled: bool) -> Result<(Client, bool), ClientFault> {
    let changed = clients::set_disabled(op.db, id, disabled, op.by.clone(), op.now).await?;
    let client = clients::by_id(op.db, id).await?.ok_or(ClientFault::Unknown)?;
    Ok((client, changed))
}

/// Removes a client with the consents given to it, and withdraws its codes.
pub async fn remove(op: &Operation<'_>, id: &str) -> Result<Switched, ClientFault> {
    let client = clients::by_id(op.db, id).await?.ok_or(ClientFault::Unknown)?;
    if !clients::remove(op.db, id, op.by.clone(), op.now).await? {
        return Err(ClientFault::Unknown);
    }
    Ok(Switched { client, changed: true, not_told: withdraw(op, id).await.err() })
}

/// Revokes all grants of a client that are rows.
async fn revoke(op: &Operation<'_>, id: &str, why: Why) -> Result<(), DbError> {
    grants::revoke(op.db, Whose::Client(id.to_owned()), why, op.by.clone(), op.now).await?;
    Ok(())
}

/// Withdraws the codes of a client: none is redeemed from now on.
async fn withdraw(op: &Operation<'_>, id: &str) -> Result<(), StateFault> {
    Ok(op.state()?.codes.withdraw(id, op.now).await?)
}

/// Takes the withdrawal back.
async fn readmit(op: &Operation<'_>, id: &str) -> Result<(), StateFault> {
    Ok(op.state()?.codes.readmit(id, op.now).await?)
}
