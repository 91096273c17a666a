//! The algorithms that sign tokens, and their names.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::protocol::cause::Cause;
use crate::protocol::refusal::{Refusal, UNAVAILABLE};

/// A signature algorithm of this provider's keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SigningAlg {
    /// RSA PKCS#1 v1.5 with SHA-256; every client can verify it.
    #[default]
    RS256,
    /// ECDSA on P-256 with SHA-256; a twelfth of the cost.
    ES256,
    /// RSA-PSS with SHA-256.
    PS256,
    /// `EdDSA` on Ed25519, which RFC 9864 calls `Ed25519`.
    #[serde(alias = "Ed25519")]
    EdDSA,
}

impl SigningAlg {
    /// Every algorithm this program knows.
    pub const ALL: [SigningAlg; 4] =
        [SigningAlg::RS256, SigningAlg::ES256, SigningAlg::PS256, SigningAlg::EdDSA];
    /// The algorithms that every provider signs with.
    pub const ALWAYS: [SigningAlg; 2] = [SigningAlg::RS256, SigningAlg::ES256];

    /// The name under which keys are stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            SigningAlg::RS256 => "RS256",
            SigningAlg::ES256 => "ES256",
            SigningAlg::PS256 => "PS256",
            SigningAlg::EdDSA => "EdDSA",
        }
    }

    /// Reads any registered name.
    pub fn from_name(name: &str) -> Option<SigningAlg> {
        NamedAlg::from_name(name).map(NamedAlg::alg)
    }
}

/// An algorithm by the name that a client registered and that its tokens carry.
///
/// Spec: RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedAlg {
    alg: SigningAlg,
    name: &'static str,
}

impl NamedAlg {
    /// The name of `EdDSA` on Ed25519 that also names the curve.
    const ED25519: NamedAlg = NamedAlg { alg: SigningAlg::EdDSA, name: "Ed25519" };

    /// The names of an algorithm; any of them may be registered.
    pub fn of(alg: SigningAlg) -> impl Iterator<Item = NamedAlg> {
        [alg.into(), NamedAlg::ED25519].into_iter().filter(move |named: &NamedAlg| named.alg == alg)
    }

    /// Every name of every algorithm.
    pub fn all() -> impl Iterator<Item = NamedAlg> {
        SigningAlg::ALL.into_iter().flat_map(NamedAlg::of)
    }

    /// Reads a registered name.
    pub fn from_name(name: &str) -> Option<NamedAlg> {
        NamedAlg::all().find(|named| named.name == name)
    }

    /// The algorithm.
    pub fn alg(self) -> SigningAlg {
        self.alg
    }

    /// The name.
    pub fn name(self) -> &'static str {
        self.name
    }
}

impl From<SigningAlg> for NamedAlg {
    fn from(alg: SigningAlg) -> NamedAlg {
        NamedAlg { alg, name: alg.name() }
    }
}

impl Serialize for NamedAlg {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for NamedAlg {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NamedAlg, D::Error> {
        let name = String::deserialize(deserializer)?;
        NamedAlg::from_name(&name).ok_or_else(|| D::Error::custom("it is no signature algorithm known here"))
    }
}

impl Default for NamedAlg {
    fn default() -> NamedAlg {
        SigningAlg::default().into()
    }
}

/// An algorithm that a client names for itself: one of signatures, or a MAC under its secret.
///
/// Spec: RFC 7518 §3.1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAlg {
    /// A signature.
    Signed(NamedAlg),
    /// HMAC with SHA-256.
    HS256,
}

impl ClientAlg {
    /// Every name of every algorithm.
    pub fn all() -> impl Iterator<Item = ClientAlg> {
        NamedAlg::all().map(ClientAlg::Signed).chain([ClientAlg::HS256])
    }

    /// Reads a registered name.
    pub fn from_name(name: &str) -> Option<ClientAlg> {
        ClientAlg::all().find(|alg| alg.name() == name)
    }

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            ClientAlg::Signed(named) => named.name(),
            ClientAlg::HS256 => "HS256",
        }
    }

    /// The algorithm of the key that signs; none for a MAC.
    pub fn signing(self) -> Option<SigningAlg> {
        match self {
            ClientAlg::Signed(named) => Some(named.alg()),
            ClientAlg::HS256 => None,
        }
    }
}

impl<A: Into<NamedAlg>> From<A> for ClientAlg {
    fn from(alg: A) -> ClientAlg {
        ClientAlg::Signed(alg.into())
    }
}

impl Serialize for ClientAlg {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for ClientAlg {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ClientAlg, D::Error> {
        let name = String::deserialize(deserializer)?;
        ClientAlg::from_name(&name).ok_or_else(|| D::Error::custom("it is no signature algorithm known here"))
    }
}

impl Default for ClientAlg {
    fn default() -> ClientAlg {
        SigningAlg::default().into()
    }
}

/// The refusal for a client whose algorithm has no key. If the algorithm is configured the failure is
/// temporary; otherwise the registration cannot be served.
///
/// Spec: OpenID Connect Registration §2 (`id_token_signed_response_alg`)
pub fn no_key(alg: SigningAlg, configured: &[SigningAlg]) -> Refusal {
    const NO_KEY: &str = "no key signs with the algorithm this client is registered for";
    let cause = Cause::new(NO_KEY).with("id_token_signed_response_alg", alg.name()).mend(
        "the provider's operator names it in algorithms under [keys], or registers the application for another one \
         (countersign client update ID --id-token-alg ALG); \
         `countersign keys list` shows what signs, and from when",
    );
    if configured.contains(&alg) {
        return Refusal::from(UNAVAILABLE).because(cause);
    }
    Refusal::new("unauthorized_client", NO_KEY).because(cause)
}

/// The refusal for a client whose ID Tokens have a MAC, and which has no secret for it.
pub fn no_secret() -> Refusal {
    const NO_SECRET: &str = "this client has no live secret for its ID Tokens";
    let cause = Cause::new(NO_SECRET).with("id_token_signed_response_alg", ClientAlg::HS256.name());
    let cause = cause.mend("give it a new one: countersign client rotate-secret ID");
    Refusal::new("unauthorized_client", NO_SECRET).because(cause)
}
