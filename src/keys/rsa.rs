//! RSA signatures. Signing contexts are reused, because making one costs a tenth of a signature.

use std::cell::RefCell;

use openssl::error::ErrorStack;
use openssl::md::Md;
use openssl::pkey::{Id, PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::sign::RsaPssSaltlen;
use thread_local::ThreadLocal;

use super::KeyError;
use crate::secret::sha256;

/// A parsed private key, ready for RS256 or PS256.
pub(super) struct RsaSigner {
    key: PKey<Private>,
    padding: Padding,
    /// One signing context for each thread.
    contexts: ThreadLocal<RefCell<PkeyCtx<Private>>>,
}

impl RsaSigner {
    /// Parses a key in PKCS#8 DER: for RS256 with [`Padding::PKCS1`], for PS256 with [`Padding::PKCS1_PSS`].
    ///
    /// Spec: RFC 7518 §3.3, §3.5
    pub(super) fn new(private_der: &[u8], padding: Padding) -> Result<RsaSigner, KeyError> {
        let key = PKey::private_key_from_pkcs8(private_der)?;
        if key.id() != Id::RSA || key.bits() < 2048 {
            return Err(KeyError::Crypto("RS256 and PS256 take an RSA key of 2048 bits or more".into()));
        }
        Ok(RsaSigner { key, padding, contexts: ThreadLocal::new() })
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let context = self.contexts.get_or_try(|| self.context().map(RefCell::new))?;
        let mut signature = vec![];
        context.borrow_mut().sign_to_vec(&sha256(message), &mut signature)?;
        Ok(signature)
    }

    /// A reusable context that signs SHA-256 hashes. For PS256 the salt is as long as the hash.
    fn context(&self) -> Result<PkeyCtx<Private>, ErrorStack> {
        let mut context = PkeyCtx::new(&self.key)?;
        context.sign_init()?;
        // Before the padding: that of PS256 would otherwise load SHA-1, which a FIPS provider forbids.
        context.set_signature_md(Md::sha256())?;
        context.set_rsa_padding(self.padding)?;
        if self.padding == Padding::PKCS1_PSS {
            context.set_rsa_mgf1_md(Md::sha256())?;
            context.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
        }
        Ok(context)
    }
}
