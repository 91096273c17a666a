//! Everything that is sealed in the database, opened once at start.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::KeyError;
use super::by_hand::SECRET;
use super::instance::{InstanceKeys, Source};
use super::jose::KeyPair;
use super::policy::KeyPolicy;
use super::promise;
use super::ring::{Fault, Read, Ring};
use super::seal;
use super::upkeep::sealed;
use crate::aside::Urgency;
use crate::db::{Conn, Db, DbError};
use crate::ids::{GrantId, RecordId, SessionId};
use crate::protocol::client::SigningAlg;
use crate::secret::{Key, MacKeys, base64url, from_base64url};
use crate::store::events::Vault;
use crate::store::signing_keys::{self, KeyState};
use crate::store::{facts, secrets};

/// The fact under which the database records which instance key seals it.
pub const FACT: &str = "instance_key";
/// The name of the secret that seals the keys of persons.
const AUDIT: &str = "audit";
/// The purpose of the keys that authenticate what is kept in the state store.
const STATE: &str = "state";

/// The keys of a running provider.
pub struct Keys {
    /// Seals tickets, and whatever else is kept outside.
    pub instance: InstanceKeys,
    /// The signing keys; replaced as a whole when they change.
    pub ring: ArcSwap<Ring>,
    /// Derives `sid` claims.
    pub sid: Key,
    /// Hides which session an access token belongs to.
    session_reference: Key,
    /// Authenticates forms that carry no ticket.
    pub csrf: Key,
    /// Authenticates the cookie of a browser in which somebody has signed in.
    pub device: Key,
    /// Seals personal detail of events.
    pub vault: Vault,
    /// Authenticate what is kept in the state store.
    pub state: MacKeys,
}

impl Keys {
    /// Opens all keys; makes what an empty database does not have yet. Blocks: for start-up.
    ///
    /// An instance key is made by itself only beside an empty embedded database: anywhere else a new one
    /// could not open what is there, or other nodes would not have it. The first keys of an empty database
    /// sign at once: nobody can have cached a set without them.
    pub fn open(db: &Db, source: &Source, policy: &KeyPolicy, now: OffsetDateTime) -> Result<Keys, KeyError> {
        let instance = instance_of(db, source)?;
        // RSA takes a while to make: before the writer is held, not while.
        let is_empty = db.read_now(signing_keys::list_all)?.is_empty();
        let wanted = policy.algorithms.iter().filter(|_| is_empty);
        let first = |alg: &SigningAlg| {
            let pair = KeyPair::generate(*alg, policy.rsa_bits)?;
            Ok(sealed(*alg, &pair, KeyState::Active, &instance, now))
        };
        let fresh = wanted.map(first).collect::<Result<Vec<_>, KeyError>>()?;
        let asked = Instant::now();
        let (stored, promise, sid, session_reference, audit) = db.write_now(|conn| {
            // Nodes that start at the same moment follow one another from here on.
            let promise = promise::begin(conn, policy, now)?;
            if signing_keys::list_all(conn)?.is_empty() {
                for key in &fresh {
                    signing_keys::insert(conn, key, now)?;
                }
            }
            Ok((
                signing_keys::list(conn)?,
                promise,
                sealed_secret(conn, "sid", &instance)?,
                sealed_secret(conn, "session reference", &instance)?,
                sealed_secret(conn, AUDIT, &instance)?,
            ))
        })?;
        let ring = Ring::open(Read { keys: stored, promise, asked }, &instance, policy, None);
        if let Some(Fault::Locked(words)) = ring.faults.iter().find(|fault| matches!(fault, Fault::Locked(_)))
        {
            return Err(KeyError::Sealed(words.clone()));
        }
        ring.tell_faults();
        // From the key that the database names: nodes that list several, in whatever order, agree on it.
        let recorded = db.read_now(|conn| facts::get(conn, FACT))?;
        let named = instance.named(recorded.as_deref().unwrap_or_default());
        let derived = |purpose| Key::new(*named.key.derive::<32>(purpose, b""));
        let opened = |name, bytes: Vec<u8>| open_secret(name, &bytes, &instance);
        let keys = Keys {
            ring: ArcSwap::new(Arc::new(ring)),
            sid: opened("sid", sid)?,
            session_reference: opened("session reference", session_reference)?,
            csrf: derived("csrf"),
            device: derived("device"),
            vault: Vault::new(&opened(AUDIT, audit)?),
            state: instance.mac_keys(&recorded.unwrap_or_default(), STATE),
            instance,
        };
        // Whoever serves must be able to sign: what is missing is made good before, and not by the way.
        let algorithms = keys.ring.load().algorithms();
        if SigningAlg::ALWAYS.iter().any(|alg| !algorithms.contains(alg)) {
            keys.settle(db, Urgency::Soon, &|| now)?;
        }
        Ok(keys)
    }
}

impl Keys {
    /// Hides which session a grant came from, in 43 characters only this provider can read: under a pad that
    /// the grant's random name makes its own, so that two tokens of one session have nothing in common.
    pub fn hide_session(&self, record: RecordId, session_id: SessionId, grant_id: GrantId) -> String {
        let mut pad = self.session_reference.mac(&[grant_id.as_bytes()]);
        let plain = record.as_bytes().iter().chain(session_id.as_bytes());
        pad.iter_mut().zip(plain).for_each(|(pad, plain)| *pad ^= plain);
        base64url(&pad)
    }

    /// Reads what [`Keys::hide_session`] wrote. The token around it is signed: it needs to be unreadable, not
    /// unforgeable.
    pub fn reveal_session(&self, hidden: &str, grant_id: GrantId) -> Option<(RecordId, SessionId)> {
        let mut plain = from_base64url(hidden).filter(|hidden| hidden.len() == 32)?;
        let pad = self.session_reference.mac(&[grant_id.as_bytes()]);
        plain.iter_mut().zip(pad).for_each(|(plain, pad)| *plain ^= pad);
        let (record, session_id) = plain.split_at_checked(16)?;
        Some((RecordId::from_bytes(record)?, SessionId::from_bytes(session_id)?))
    }
}

/// Finds the instance key and holds it against the one the database was sealed with.
pub fn instance_of(db: &Db, source: &Source) -> Result<InstanceKeys, KeyError> {
    let recorded = db.read_now(|conn| facts::get(conn, FACT))?;
    let found = InstanceKeys::read(source)?;
    match (found, recorded) {
        (Some(keys), Some(recorded)) => compare(db, keys, &recorded),
        (None, Some(recorded)) => Err(KeyError::Instance(format!(
            "{} needs instance key {recorded}, and {} does not exist; bring the key back from its copy",
            db.shown_url(),
            place(source)
        ))),
        (Some(keys), None) => record(db, keys),
        (None, None) => match source {
            Source::File { path, may_create: true } if db.is_embedded() => {
                record(db, InstanceKeys::create(path)?)
            }
            _ => Err(KeyError::Instance(format!(
                "there is no instance key at {}; make one with `countersign keys init` and give it to every node",
                place(source)
            ))),
        },
    }
}

/// The keys that authenticate what is kept in the state store, for a program that is no node: it makes no instance
/// key. Where no node has run yet nothing is stored, and a key of the moment does.
pub fn state_keys(db: &Db, source: &Source) -> Result<MacKeys, KeyError> {
    match db.read_now(|conn| facts::get(conn, FACT))? {
        Some(recorded) => Ok(instance_of(db, source)?.mac_keys(&recorded, STATE)),
        None => Ok(MacKeys::new(Key::generate(), vec![])),
    }
}

fn compare(db: &Db, keys: InstanceKeys, recorded: &str) -> Result<InstanceKeys, KeyError> {
    let at_hand = keys.fingerprints();
    if at_hand.iter().any(|key| key == recorded) {
        return Ok(keys);
    }
    Err(KeyError::Instance(format!(
        "{} was sealed with instance key {recorded}, but the one at hand is {}; bring the right key back",
        db.shown_url(),
        at_hand.join(", ")
    )))
}

/// Of several nodes that start at once, with keys of their own, the first is recorded.
fn record(db: &Db, keys: InstanceKeys) -> Result<InstanceKeys, KeyError> {
    let fingerprint = keys.first().fingerprint();
    let recorded = db.write_now(|conn| facts::get_or_insert(conn, FACT, &fingerprint))?;
    compare(db, keys, &recorded)
}

fn place(source: &Source) -> String {
    match source {
        Source::Given(_) => "COUNTERSIGN_INSTANCE_KEY".into(),
        Source::File { path, .. } => path.display().to_string(),
    }
}

/// The keys for personal detail of events, for the command line: none when the instance key is not at hand, or
/// no server has recorded one yet. Makes no instance key.
pub fn vault(db: &Db, source: &Source) -> Result<Option<Vault>, KeyError> {
    let recorded = db.read_now(|conn| facts::get(conn, FACT))?;
    let Some((keys, recorded)) = InstanceKeys::read(source)?.zip(recorded) else { return Ok(None) };
    let instance = compare(db, keys, &recorded)?;
    // A look writes nothing, unless the database is from before there was this secret.
    let stored = db.read_now(secrets::list)?.into_iter().find(|(name, _)| name == AUDIT);
    let sealed = match stored {
        Some((_, sealed)) => sealed,
        None => db.write_now(|conn| sealed_secret(conn, AUDIT, &instance))?,
    };
    Ok(Some(Vault::new(&open_secret(AUDIT, &sealed, &instance)?)))
}

fn sealed_secret(conn: &mut Conn, name: &str, instance: &InstanceKeys) -> Result<Vec<u8>, DbError> {
    let sealed = seal::seal(instance, SECRET, name.as_bytes(), Key::generate().expose());
    secrets::get_or_insert(conn, name, sealed)
}

fn open_secret(name: &str, bytes: &[u8], instance: &InstanceKeys) -> Result<Key, KeyError> {
    let opened = seal::open(instance, SECRET, name.as_bytes(), bytes).map(Zeroizing::new);
    let opened = opened.ok().and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    opened.map(Key::new).ok_or_else(|| KeyError::Sealed(format!("the secret {name:?} cannot be opened")))
}
