//! Client secrets that the provider has to know itself: sealed under the instance key, and used for MACs.

use serde::Serialize;
use zeroize::Zeroizing;

use super::KeyError;
use super::instance::InstanceKeys;
use super::jose::sign_with_secret;
use super::key_set::Keys;
use super::seal;
use crate::protocol::client::ClientSecret;
use crate::secret::TokenHash;
use crate::store::clients::secrets::SealedSecret;

/// The purpose under which client secrets are sealed; the client and the hash of the secret are bound to it.
pub const PURPOSE: &str = "client secret";

/// Seals a secret.
pub fn seal_secret(instance: &InstanceKeys, client_id: &str, secret: &str) -> Vec<u8> {
    seal::seal(instance, PURPOSE, &bound(client_id, TokenHash::of(secret).as_bytes()), secret.as_bytes())
}

/// Seals a sealed secret again, under the first instance key.
pub fn seal_again(instance: &InstanceKeys, secret: &SealedSecret) -> Result<Vec<u8>, KeyError> {
    let bound = bound(&secret.client_id, &secret.hash);
    let plain = seal::open(instance, PURPOSE, &bound, &secret.sealed).map(Zeroizing::new);
    let plain = plain.map_err(|_unsealable| closed(&secret.client_id))?;
    Ok(seal::seal(instance, PURPOSE, &bound, &plain))
}

impl Keys {
    /// A secret in clear, if it is kept so that it can be known again.
    pub fn open_secret(
        &self,
        client_id: &str,
        secret: &ClientSecret,
    ) -> Result<Option<Zeroizing<String>>, KeyError> {
        let Some(sealed) = &secret.sealed else { return Ok(None) };
        let opened = seal::open(&self.instance, PURPOSE, &bound(client_id, secret.hash.as_bytes()), sealed);
        let opened = opened.map_err(|_unsealable| closed(client_id))?;
        let text = String::from_utf8(opened).map_err(|_no_text| closed(client_id))?;
        Ok(Some(Zeroizing::new(text)))
    }

    /// Claims as a JWT with a MAC under a secret; none if the secret is not kept so that it can be known again.
    pub fn sign_with_secret<T: Serialize>(
        &self,
        client_id: &str,
        secret: &ClientSecret,
        claims: &T,
    ) -> Result<Option<String>, KeyError> {
        let secret = self.open_secret(client_id, secret)?;
        secret.map(|secret| sign_with_secret(&secret, "JWT", claims)).transpose()
    }
}

fn closed(client_id: &str) -> KeyError {
    KeyError::Sealed(format!("a secret of client {client_id} cannot be opened"))
}

fn bound(client_id: &str, hash: &[u8]) -> Vec<u8> {
    [client_id.as_bytes(), &[0], hash].concat()
}
