//! Public documents, serialized once, with an entity tag made from the content.

use bytes::Bytes;

use crate::secret::{base64url, sha256};

/// A document with its entity tag.
#[derive(Clone)]
pub struct Published {
    /// The body.
    pub bytes: Bytes,
    /// The quoted entity tag: the same on every node and after every restart.
    pub etag: String,
}

impl Published {
    /// Makes the entity tag of a body.
    pub fn new(body: String) -> Published {
        let bytes = Bytes::from(body);
        let hash = sha256(&bytes);
        Published { etag: format!("\"{}\"", base64url(hash.first_chunk::<12>().unwrap_or(&[0; 12]))), bytes }
    }
}
