//! Clients: registering and changing them.

mod sector; // documents of sectors

use time::Duration;
use zeroize::Zeroizing;

use super::{Operation, StateFault};
use crate::db::DbError;
use crate::keys::KeyError;
use crate::keys::policy::KeyPolicy;
use crate::keys::promise;
use crate::protocol::client::{AuthMethod, Client, ClientSecret, Metadata, MetadataFault, Secrets};
use crate::protocol::registration::{Amendment, Offered, Registration, SecretChange, changed};
use crate::protocol::revoked::Why;
use crate::secret::{Token, TokenHash, base32, random};
use crate::store::clients::{self, Edited, NewSecret, Secret};
use crate::store::grants::{self, Whose};

pub use rotation::{Old, Rotated, Rotation, rotate_secret};

use credentials::{Safe, check_keys};

mod credentials; // keys are usable, and secrets are kept as they are needed
mod rotation; // a new secret in place of the old one

/// Why a client is not registered or changed.
#[derive(Debug, thiserror::Error)]
pub enum ClientFault {
    /// There is no such client, or it was removed at this moment.
    #[error("there is no such client")]
    Unknown,
    /// Another client has this identifier.
    #[error("there is a client {0} already")]
    Taken(String),
    /// The client is public, or authenticates with a key of its own.
    #[error("client {0} is public, or signs with a key of its own: it has no secret to rotate")]
    NoSecret(String),
    /// The client has two live secrets already: the older of them.
    #[error("client {client_id} has two secrets already: the old one works until {}", shown(.old))]
    TwoSecrets {
        /// The client.
        client_id: String,
        /// The older secret.
        old: Box<ClientSecret>,
    },
    /// Its metadata cannot be registered.
    #[error(transparent)]
    Metadata(#[from] MetadataFault),
    /// The client was changed at this moment, so that its secret has to be kept in another way.
    #[error("client {0} was changed at this moment; try again")]
    Changed(String),
    /// The instance key, under which a secret has to be sealed, cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

fn shown(old: &ClientSecret) -> String {
    old.ends_at.map(|end| end.to_string()).unwrap_or_default()
}

/// A new client.
pub struct Registered {
    /// The client.
    pub client: Client,
    /// Its secret, made or given; none for a client without one. Only its hash is stored, and the secret itself under the
    /// instance key if it is needed for MACs.
    pub secret: Option<Zeroizing<String>>,
}

/// Registers a client. An identifier that is not given is made, and so is the secret of a client that needs one.
pub async fn register(op: &Operation<'_>, registration: Registration) -> Result<Registered, ClientFault> {
    check_keys(&registration.metadata)?;
    let secret = match registration.secret_change(&Secrets::default()) {
        SecretChange::Keep | SecretChange::Drop => None,
        SecretChange::Take(given) => Some(given),
        SecretChange::Make => Some(Token::client_secret().expose().to_owned().into()),
    };
    let safe = Safe::of(op, &registration.metadata)?;
    let id = registration.id.unwrap_or_else(|| base32(&random::<16>()));
    if let Some(document) = sector::document(op, &id, None, &registration.metadata).await? {
        document.check(&registration.metadata)?;
    }
    let ends_at = registration.secret_lasts.map(|lasts| op.now + lasts);
    let stored = |secret: &Zeroizing<String>| {
        let sealed = safe.seal(&registration.metadata, &id, secret)?;
        Ok::<_, ClientFault>(ClientSecret {
            sealed,
            ends_at,
            ..ClientSecret::of(TokenHash::of(secret), op.now)
        })
    };
    let secrets = secret.as_ref().map(stored).transpose()?.map(Secrets::one).unwrap_or_default();
    let metadata = registration.metadata;
    let client = Client { id, secrets, disabled: false, registered_at: op.now, metadata };
    if !clients::add(op.db, &client, op.by.clone(), op.now).await? {
        return Err(ClientFault::Taken(client.id));
    }
    Ok(Registered { client, secret })
}

/// Records the lifetimes that a client has of its own: keys that sign its tokens have to be public for as long. Until a
/// node has seen the record, its tokens live as long as those that were offered before.
pub async fn offer_lifetimes(
    op: &Operation<'_>,
    metadata: &Metadata,
    policy: &KeyPolicy,
) -> Result<(), DbError> {
    let longest = metadata.access_token_ttl.max(metadata.id_token_ttl);
    let Some(seconds) = longest else { return Ok(()) };
    let policy = policy.clone();
    op.db.write(move |conn| promise::offer(conn, &policy, Duration::seconds(seconds.into()))).await
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
    let token = Token::client_secret();
    let made = token.hash();
    let before = clients::by_id(op.db, id).await?.ok_or(ClientFault::Unknown)?;
    let described = amendment.read(&before, offered)?.metadata;
    let safe = Safe::of(op, &described)?;
    let document = sector::document(op, id, Some(&before.metadata), &described).await?;
    let is_weaker = described.strength() < before.metadata.strength();
    let becomes_public = described.token_endpoint_auth_method == Some(AuthMethod::None);
    let (asked, of, fresh, now) = (amendment.clone(), offered.clone(), token.expose().to_owned(), op.now);
    let fresh = Zeroizing::new(fresh);
    let edit = move |client: &Client| {
        let registration = asked.read(client, &of)?;
        check_keys(&registration.metadata)?;
        sector::check(document.as_ref(), client, &registration.metadata)?;
        let given = match registration.secret_change(&client.secrets) {
            SecretChange::Keep => return Ok((registration.metadata, Secret::Keep)),
            SecretChange::Drop => return Ok((registration.metadata, Secret::Drop)),
            SecretChange::Make => fresh,
            SecretChange::Take(given) => given,
        };
        let sealed = safe.seal(&registration.metadata, &client.id, &given)?;
        let new = NewSecret { hash: TokenHash::of(&given), sealed, ends_at: None };
        Ok::<_, ClientFault>((registration.metadata, Secret::Set(new, now)))
    };
    // Refresh tokens that were worth nothing without the better credential must not become ones that are. Those from before
    // the change are revoked before it, so that none is left if the process dies between; those that began meanwhile, after.
    let why = if becomes_public { Why::ClientPublic } else { Why::ClientWeaker };
    if is_weaker {
        revoke(op, id, why).await?;
    }
    let edited = clients::edit(op.db, id, edit, op.by.clone(), op.now).await?;
    let Edited { before, after } = edited.ok_or(ClientFault::Unknown)??;
    if is_weaker || after.metadata.strength() < before.metadata.strength() {
        revoke(op, id, why).await?;
    }
    Ok(Changed {
        members: changed(&before.metadata, &after.metadata),
        made: after.secrets.newest().is_some_and(|newest| newest.hash.matches(&made)).then_some(token),
        ignored: amendment.read(&before, offered)?.ignored,
        before,
        after,
    })
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
