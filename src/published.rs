//! What is published for everybody: serialized once, and named by its content.

use bytes::Bytes;

use crate::secret::{base64url, sha256};

/// A document with its entity tag.
#[derive(Clone)]
pub struct Published {
    /// The body.
    pub bytes: Bytes,
    /// Its entity tag, with quotes: the same on every node and after every restart.
    pub etag: String,
}

impl Published {
    /// Names a body by its content.
    pub fn new(body: String) -> Published {
        let bytes = Bytes::from(body);
        let hash = sha256(&bytes);
        Published { etag: format!("\"{}\"", base64url(hash.first_chunk::<12>().unwrap_or(&[0; 12]))), bytes }
    }
}
