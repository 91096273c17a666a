//! Client assertions that were used: each is accepted once, on whichever node.

use time::OffsetDateTime;

use super::StateError;
use super::kv::{Drawer, Key};
use super::mac::MacKv;
use crate::secret::{base64url, sha256};

/// The drawer of used assertions.
#[derive(Clone)]
pub struct Assertions {
    kv: MacKv,
}

impl Assertions {
    pub(super) fn new(kv: MacKv) -> Assertions {
        Assertions { kv }
    }

    /// Uses up the assertion of this name; false when it was used before. It is remembered until it would be refused anyway.
    ///
    /// Spec: RFC 7523 §3
    pub async fn spend(
        &self,
        client_id: &str,
        jti: &str,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        let name = sha256(&[client_id.as_bytes(), &[0], jti.as_bytes()].concat());
        let key = Key::new(Drawer::Assertion, &base64url(&name));
        self.kv.put_new(&key, &[], until, now).await
    }
}
