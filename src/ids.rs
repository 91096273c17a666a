//! Identifiers: random, opaque, and of distinct types.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::secret::{base32, base64url, from_base64url, random};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Generates a new identifier.
            pub fn generate() -> Self {
                Self(random())
            }

            /// The identifier of these bytes; none unless there are 16.
            pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// Parses the form of 22 characters.
            pub fn parse(text: &str) -> Option<Self> {
                Self::from_bytes(&from_base64url(text)?)
            }

            /// The 16 bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&base64url(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| D::Error::custom("not a 16-byte identifier"))
            }
        }
    };
}

id! {
    /// Names one authorization: generated with its code, and carried by every token issued from it.
    GrantId
}
id! {
    /// Names the session of one account at this provider; it stays the same when the person authenticates again.
    SessionId
}
id! {
    /// Names the record of a browser; the public half of the session cookie.
    RecordId
}
id! {
    /// Names a pending authorization request, so that it can be completed only once.
    TicketId
}

/// Generates the `sub` of a person: a version 4 UUID, which other systems can store.
pub fn new_sub() -> String {
    uuid::Builder::from_random_bytes(random()).into_uuid().to_string()
}

/// Generates the identifier of a request, for the log and for error pages.
pub fn request_id() -> String {
    base32(&random::<10>())
}
