//! Revoking keys in an emergency: they are destroyed at once, and other keys sign in their place.

use super::super::Operation;
use super::rotate::signing;
use super::{Installation, KeyFault};
use crate::keys::fingerprint::instance_keys_for;
use crate::keys::jose::KeyPair;
use crate::keys::operator::{self, find};
use crate::keys::stored_key::seal_pair;
use crate::protocol::client::SigningAlg;
use crate::store::signing_keys::{self, KeyState, StoredKey};

/// Which keys are revoked.
#[derive(Clone, Copy)]
pub enum Which<'a> {
    /// The one of this name.
    Named(&'a str),
    /// All that sign, or the one that signs with this algorithm.
    Signing(Option<SigningAlg>),
}

/// The consequence of revoking one key.
pub struct Consequence {
    /// The key.
    pub key: StoredKey,
    /// The key that takes over, if this one signs.
    pub next: Option<Next>,
}

/// The key that takes over from one that signs.
pub struct Next {
    /// The algorithm.
    pub alg: SigningAlg,
    /// The published spare. Without one, a key takes over that no verifier knows.
    pub spare: Option<StoredKey>,
    /// Whether a key has to be made, because the ring has no other one.
    must_be_made: bool,
}

/// The consequences of revoking keys; nothing is changed.
pub fn consequences(op: &Operation<'_>, which: Which<'_>) -> Result<Vec<Consequence>, KeyFault> {
    let keys = op.db.read_now(signing_keys::list)?;
    let gone: Vec<&StoredKey> = match which {
        Which::Named(kid) => {
            let named = keys.iter().find(|key| key.kid == kid);
            vec![named.ok_or_else(|| KeyFault::Unknown(kid.to_owned()))?]
        }
        Which::Signing(only) => {
            let rings = signing(&keys, only)?;
            rings.into_iter().filter_map(|alg| find(&keys, alg, KeyState::Active)).collect()
        }
    };
    let consequence = |key: &StoredKey| {
        let alg = SigningAlg::from_name(&key.alg).filter(|_| key.state == KeyState::Active.name());
        let next = alg.map(|alg| {
            let spare = find(&keys, alg, KeyState::Published).cloned();
            let must_be_made = spare.is_none() && find(&keys, alg, KeyState::Pending).is_none();
            Next { alg, spare, must_be_made }
        });
        Consequence { key: key.clone(), next }
    };
    Ok(gone.into_iter().map(consequence).collect())
}

/// A key that was revoked.
pub struct Revoked {
    /// The key.
    pub key: StoredKey,
    /// The name of the key that signs in its place, if it signed.
    pub signs: Option<String>,
}

/// Revokes keys: all of them or, if anything fails, none. A repetition after a part of it would destroy the keys that
/// had taken over.
pub fn revoke(
    op: &Operation<'_>,
    installation: Installation<'_>,
    gone: Vec<Consequence>,
) -> Result<Vec<Revoked>, KeyFault> {
    let fresh = |gone: &Consequence| match &gone.next {
        Some(Next { alg, must_be_made: true, .. }) => make(op, installation, *alg).map(Some),
        _ => Ok(None),
    };
    // Made outside the transaction, because making an RSA key takes long.
    let fresh = gone.iter().map(fresh).collect::<Result<Vec<_>, KeyFault>>()?;
    let policy = installation.policy;
    let signs = op.db.write_now(|conn| {
        let pairs = gone.iter().zip(&fresh);
        let revoke = |(gone, fresh): (&Consequence, &Option<StoredKey>)| {
            operator::revoke(conn, &gone.key, fresh.as_ref(), policy, op.by.clone(), op.now)
        };
        pairs.map(revoke).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(gone.into_iter().zip(signs).map(|(gone, signs)| Revoked { key: gone.key, signs }).collect())
}

fn make(op: &Operation<'_>, installation: Installation<'_>, alg: SigningAlg) -> Result<StoredKey, KeyFault> {
    let instance = instance_keys_for(op.db, installation.instance_key)?;
    let pair = KeyPair::generate(alg, installation.policy.rsa_bits)?;
    Ok(seal_pair(alg, &pair, KeyState::Active, &instance, op.now))
}
