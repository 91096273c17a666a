//! Credentials of clients: their public keys have to be usable, and their secrets are kept as they are needed.

use super::ClientFault;
use crate::keys::client_secrets::seal_secret;
use crate::keys::instance::InstanceKeys;
use crate::keys::jose::ForeignKeys;
use crate::operations::Operation;
use crate::protocol::client::{Metadata, MetadataFault, Problem};

/// Seals the secrets that the provider has to know itself. The instance key is read only for a client that needs it: a
/// command may run where it is not.
pub(super) struct Safe(Option<InstanceKeys>);

impl Safe {
    /// A safe for the secrets of a client with these metadata.
    pub(super) fn of(op: &Operation<'_>, metadata: &Metadata) -> Result<Safe, ClientFault> {
        Ok(Safe(metadata.needs_secret_back().then(|| op.instance()).transpose()?))
    }

    /// The secret as it is kept beside its hash; none for a client that does not need it back.
    pub(super) fn seal(
        &self,
        metadata: &Metadata,
        client_id: &str,
        secret: &str,
    ) -> Result<Option<Vec<u8>>, ClientFault> {
        match &self.0 {
            _ if !metadata.needs_secret_back() => Ok(None),
            Some(instance) => Ok(Some(seal_secret(instance, client_id, secret))),
            None => Err(ClientFault::Changed(client_id.to_owned())),
        }
    }
}

/// Refuses registered keys none of which can verify a signature, or one of which is broken.
pub(super) fn check_keys(metadata: &Metadata) -> Result<(), MetadataFault> {
    let Some(set) = &metadata.jwks else { return Ok(()) };
    let parsed = ForeignKeys::parse(set);
    let refuse = |why: String| Err(MetadataFault::new("jwks", Problem::Unreadable(format!("jwks: {why}"))));
    match parsed.left_out.first() {
        Some(broken) => refuse(broken.clone()),
        None if parsed.is_empty() => {
            refuse("none of its keys can verify a signature: RSA, EC on P-256 or OKP on Ed25519 can".into())
        }
        None => Ok(()),
    }
}
