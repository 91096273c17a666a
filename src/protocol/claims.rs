//! The claims of the tokens that this provider issues.

use serde::Serialize;
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use crate::ids::GrantId;
use crate::protocol::client::{ClientAlg, SigningAlg};
use crate::protocol::grant::Authenticated;
use crate::secret::{base64url, sha256, sha512};

/// How much longer than the longest token a revocation is kept, for clocks that differ.
pub const REVOCATION_SLACK: Duration = Duration::minutes(5);
/// `nbf` lies this long before `iat`, for verifiers whose clocks are behind.
const NOT_BEFORE: Duration = Duration::minutes(1);
/// The authentication context class of a sign-in with a single factor.
pub const ACR_SINGLE_FACTOR: &str = "urn:countersign:acr:1";

/// The claims about the authentication of a person.
///
/// Spec: OpenID Connect Core §2, RFC 9068 §2.2.1
#[derive(Clone, Debug, Serialize)]
pub struct Authentication<'a> {
    /// When the person authenticated.
    pub auth_time: i64,
    /// The authentication context class.
    pub acr: &'a str,
    /// The authentication methods.
    pub amr: &'a [String],
}

impl<'a> Authentication<'a> {
    /// The claims about this authentication.
    pub fn of(person: &'a Authenticated) -> Authentication<'a> {
        Authentication { auth_time: person.auth_time.unix_timestamp(), acr: &person.acr, amr: &person.amr }
    }
}

/// An ID Token's claims.
///
/// Spec: OpenID Connect Core §2
#[derive(Clone, Debug, Serialize)]
pub struct IdToken<'a> {
    /// The issuer, byte for byte.
    pub iss: &'a str,
    /// The person.
    pub sub: &'a str,
    /// The client, as a single string.
    pub aud: &'a str,
    /// Seconds since the epoch.
    pub exp: i64,
    /// Seconds since the epoch.
    pub iat: i64,
    /// The authentication.
    #[serde(flatten)]
    pub authentication: Authentication<'a>,
    /// The nonce as received; absent if none was received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<&'a str>,
    /// The identifier of the session for this client.
    pub sid: &'a str,
    /// Binds the ID Token to the access token that is issued with it.
    pub at_hash: String,
    /// The unique identifier.
    pub jti: String,
    /// The claims about the person that the client requested in the ID Token by name.
    #[serde(flatten)]
    pub person: Map<String, Value>,
}

/// An access token's claims.
///
/// Spec: RFC 9068 §2.2
#[derive(Clone, Debug, Serialize)]
pub struct AccessToken<'a> {
    /// The issuer.
    pub iss: &'a str,
    /// The person.
    pub sub: &'a str,
    /// The resources; a string if one, an array if several.
    pub aud: Value,
    /// Seconds since the epoch.
    pub exp: i64,
    /// Seconds since the epoch.
    pub iat: i64,
    /// A minute before `iat`.
    pub nbf: i64,
    /// The grant id and 8 random bytes.
    pub jti: String,
    /// The client it was issued to.
    pub client_id: &'a str,
    /// The scopes it carries, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The authentication, where a person is involved.
    #[serde(flatten)]
    pub authentication: Option<Authentication<'a>>,
    /// The session. Tokens for this provider's own endpoints carry it, and those of clients with pairwise names; only this
    /// provider reads it.
    #[serde(rename = "urn:countersign:claim:session", skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The names of the claims to release at the `UserInfo` endpoint, beside those of the scopes.
    #[serde(rename = "urn:countersign:claim:userinfo", skip_serializing_if = "Vec::is_empty")]
    pub userinfo: Vec<String>,
    /// `groups`, `roles`, `entitlements`, for a resource that is configured to receive them.
    #[serde(flatten)]
    pub person: Map<String, Value>,
}

/// The form of `aud`: a string if there is one, an array if there are several.
pub fn audience(of: &[String]) -> Value {
    match of {
        [one] => Value::from(one.as_str()),
        several => Value::from(several.to_vec()),
    }
}

/// Makes a `jti` that names its grant, so that one record of the grant revokes all of its tokens.
pub fn jti(grant_id: GrantId, unique: [u8; 8]) -> String {
    base64url(&[grant_id.as_bytes().as_slice(), &unique].concat())
}

/// The `nbf` of an access token issued at `now`.
pub fn not_before(now: OffsetDateTime) -> i64 {
    (now - NOT_BEFORE).unix_timestamp()
}

/// Binds an access token to its ID Token: the left half of the hash of the access token, by the hash function
/// of the algorithm that signs the ID Token. Ed25519 hashes with SHA-512.
///
/// Spec: OpenID Connect Core §3.1.3.6, RFC 8032 §5.1
pub fn at_hash(alg: impl Into<ClientAlg>, token: &str) -> String {
    match alg.into().signing() {
        Some(SigningAlg::EdDSA) => base64url(sha512(token.as_bytes()).split_at(32).0),
        Some(SigningAlg::RS256 | SigningAlg::ES256 | SigningAlg::PS256) | None => {
            base64url(sha256(token.as_bytes()).split_at(16).0)
        }
    }
}
