//! Everything that is sealed in the database, opened once at start.

use std::sync::Arc;

use arc_swap::ArcSwap;
use openssl::symm::{Cipher, Crypter, Mode};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::KeyError;
use super::instance::{InstanceKeys, Source};
use super::jose::{KeyPair, thumbprint};
use super::policy::KeyPolicy;
use super::ring::{PURPOSE, Ring};
use super::seal;
use crate::db::{Conn, Db, DbError};
use crate::ids::{GrantId, RecordId};
use crate::protocol::client::SigningAlg;
use crate::secret::{Key, base64url, from_base64url};
use crate::store::signing_keys::{self, StoredKey};
use crate::store::{facts, secrets};

/// The fact under which the database records which instance key seals it.
pub const FACT: &str = "instance_key";

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
}

impl Keys {
    /// Opens all keys; makes what an empty database does not have yet. Blocks: for start-up.
    ///
    /// An instance key is made by itself only beside an empty embedded database: anywhere else a new one
    /// could not open what is there, or other nodes would not have it.
    pub fn open(db: &Db, source: &Source, policy: KeyPolicy, now: OffsetDateTime) -> Result<Keys, KeyError> {
        let instance = instance(db, source)?;
        // RSA takes a while to make: before the writer is held, not while.
        let is_empty = db.read_now(signing_keys::list)?.is_empty();
        let wanted = SigningAlg::ALL.into_iter().filter(|_| is_empty);
        let fresh = wanted.map(KeyPair::generate).collect::<Result<Vec<_>, _>>()?;
        let sealed = || {
            db.write_now(|conn| {
                if signing_keys::list(conn)?.is_empty() {
                    for (alg, pair) in SigningAlg::ALL.into_iter().zip(&fresh) {
                        signing_keys::insert(conn, &sealed(alg, pair, &instance, now), now)?;
                    }
                }
                Ok((
                    // As stored: every node and every start must publish the same bytes.
                    signing_keys::list(conn)?,
                    sealed_secret(conn, "sid", &instance)?,
                    sealed_secret(conn, "session reference", &instance)?,
                ))
            })
        };
        let (stored, sid, session_reference) = match sealed() {
            // Another node was first, at the same moment: its keys are there now.
            Err(error) if error.is_conflict() => sealed()?,
            first => first?,
        };
        let ring = Ring::open(&stored, &instance, policy)?;
        let csrf = Key::new(*instance.first().key.derive::<32>("csrf", b""));
        let opened = |name, bytes: Vec<u8>| open_secret(name, &bytes, &instance);
        Ok(Keys {
            ring: ArcSwap::new(Arc::new(ring)),
            sid: opened("sid", sid)?,
            session_reference: opened("session reference", session_reference)?,
            csrf,
            instance,
        })
    }
}

impl Keys {
    /// Hides which browser record a grant came from, in 22 characters only this provider can read. Mixed
    /// with the grant's random name, so that two tokens of one session have nothing in common.
    pub fn hide_record(&self, record: RecordId, grant_id: GrantId) -> Result<String, KeyError> {
        Ok(base64url(&self.one_block(Mode::Encrypt, mix(*record.as_bytes(), grant_id))?))
    }

    /// Reads what [`Keys::hide_record`] wrote.
    pub fn reveal_record(&self, hidden: &str, grant_id: GrantId) -> Option<RecordId> {
        let hidden = <[u8; 16]>::try_from(from_base64url(hidden)?).ok()?;
        RecordId::from_bytes(&mix(self.one_block(Mode::Decrypt, hidden).ok()?, grant_id))
    }

    fn one_block(&self, mode: Mode, block: [u8; 16]) -> Result<[u8; 16], KeyError> {
        let mut crypter = Crypter::new(Cipher::aes_256_ecb(), mode, self.session_reference.expose(), None)?;
        crypter.pad(false);
        let mut out = [0; 32];
        crypter.update(&block, &mut out)?;
        Ok(out.first_chunk::<16>().copied().unwrap_or_default())
    }
}

fn mix(mut block: [u8; 16], grant_id: GrantId) -> [u8; 16] {
    block.iter_mut().zip(grant_id.as_bytes()).for_each(|(byte, other)| *byte ^= other);
    block
}

/// Finds the instance key and holds it against the one the database was sealed with.
fn instance(db: &Db, source: &Source) -> Result<InstanceKeys, KeyError> {
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

fn sealed(alg: SigningAlg, pair: &KeyPair, instance: &InstanceKeys, now: OffsetDateTime) -> StoredKey {
    let kid = thumbprint(&pair.public_jwk);
    StoredKey {
        alg: alg.name().into(),
        state: "active".into(),
        public_jwk: serde_json::Value::Object(pair.public_jwk.clone()).to_string(),
        private_sealed: Some(seal::seal(instance, PURPOSE, kid.as_bytes(), &pair.private_der)),
        created_at: now.unix_timestamp(),
        since: now.unix_timestamp(),
        kid,
    }
}

fn sealed_secret(conn: &mut Conn, name: &str, instance: &InstanceKeys) -> Result<Vec<u8>, DbError> {
    let sealed = seal::seal(instance, "secret", name.as_bytes(), Key::generate().expose());
    secrets::get_or_insert(conn, name, sealed)
}

fn open_secret(name: &str, bytes: &[u8], instance: &InstanceKeys) -> Result<Key, KeyError> {
    let opened = seal::open(instance, "secret", name.as_bytes(), bytes).map(Zeroizing::new);
    let opened = opened.ok().and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    opened.map(Key::new).ok_or_else(|| KeyError::Sealed(format!("the secret {name:?} cannot be opened")))
}
