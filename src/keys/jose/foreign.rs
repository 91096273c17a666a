//! Public keys of clients, parsed once.

use serde_json::{Map, Value};

use super::verify::VerifyingKey;
use crate::protocol::client::{JwkSet, SigningAlg};
use crate::secret::from_base64url;

/// How many keys are tried for a token that names none.
const TRIED: usize = 3;
/// The largest RSA modulus, in bytes: verifying with a larger one takes too long.
const LARGEST_MODULUS: usize = 1024;
/// The largest RSA exponent, in bytes.
const LARGEST_EXPONENT: usize = 4;

/// The keys of one client that can verify.
#[derive(Default)]
pub struct ForeignKeys {
    keys: Vec<ForeignKey>,
    /// Why a key of the set is left out, one sentence each.
    pub left_out: Vec<String>,
}

struct ForeignKey {
    kid: Option<String>,
    alg: SigningAlg,
    key: VerifyingKey,
}

/// Why no key of a client verified a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The client has no key of this name for the algorithm.
    UnknownKid,
    /// The client has no key for the algorithm.
    NoKey,
    /// The token names no key, and too many fit.
    TooMany,
    /// The signature is not of the key.
    Wrong,
}

impl ForeignKeys {
    /// Parses a set. Keys for encryption and of other algorithms are passed over.
    ///
    /// Spec: RFC 7517 §4, §5; RFC 7518 §6
    pub fn parse(set: &JwkSet) -> ForeignKeys {
        let mut parsed = ForeignKeys::default();
        for (at, jwk) in set.keys.iter().enumerate() {
            let text = |name: &str| jwk.get(name).and_then(Value::as_str);
            let kid = text("kid").map(str::to_owned);
            for alg in algorithms(jwk) {
                match key(alg, jwk) {
                    Ok(key) => parsed.keys.push(ForeignKey { kid: kid.clone(), alg, key }),
                    Err(why) => {
                        let name = kid.clone().unwrap_or_else(|| format!("number {}", at + 1));
                        parsed.left_out.push(format!("key {name} cannot verify {}: {why}", alg.name()));
                    }
                }
            }
        }
        parsed
    }

    /// Tells whether there is no key that can verify.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Verifies a signature. The name in the header only selects among the keys of this client; a key without a name fits
    /// any.
    ///
    /// Spec: RFC 7515 §5.2, RFC 8725 §3.1
    pub fn verify(
        &self,
        alg: SigningAlg,
        kid: Option<&str>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Mismatch> {
        let of_alg = || self.keys.iter().filter(|key| key.alg == alg);
        let named = |key: &&ForeignKey| kid.is_none() || key.kid.as_deref() == kid;
        let mut fitting: Vec<&ForeignKey> = of_alg().filter(named).collect();
        if fitting.is_empty() {
            fitting = of_alg().filter(|key| key.kid.is_none()).collect();
        }
        match fitting.len() {
            0 if kid.is_some() => Err(Mismatch::UnknownKid),
            0 => Err(Mismatch::NoKey),
            count if count > TRIED => Err(Mismatch::TooMany),
            _ if fitting.iter().any(|fitting| fitting.key.matches(message, signature)) => Ok(()),
            _ => Err(Mismatch::Wrong),
        }
    }
}

/// The algorithms that a key can verify; none if it is for something else.
fn algorithms(jwk: &Map<String, Value>) -> Vec<SigningAlg> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let operations = jwk.get("key_ops").and_then(Value::as_array);
    let verifies =
        operations.is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
    if text("use").is_some_and(|purpose| purpose != "sig") || !verifies {
        return vec![];
    }
    let of_kind: &[SigningAlg] = match (text("kty"), text("crv")) {
        (Some("RSA"), _) => &[SigningAlg::RS256, SigningAlg::PS256],
        (Some("EC"), Some("P-256")) => &[SigningAlg::ES256],
        (Some("OKP"), Some("Ed25519")) => &[SigningAlg::EdDSA],
        _ => &[],
    };
    let named = |alg: &&SigningAlg| text("alg").is_none_or(|name| SigningAlg::from_name(name) == Some(**alg));
    of_kind.iter().filter(named).copied().collect()
}

fn key(alg: SigningAlg, jwk: &Map<String, Value>) -> Result<VerifyingKey, String> {
    if matches!(alg, SigningAlg::RS256 | SigningAlg::PS256) {
        check_rsa(jwk)?;
    }
    // Only the key itself: what else the JWK says was looked at above.
    let names = ["kty", "crv", "x", "y", "n", "e"];
    let required = jwk.iter().filter(|(name, _)| names.contains(&name.as_str()));
    let required = required.map(|(name, value)| (name.clone(), value.clone())).collect();
    VerifyingKey::new(alg, "", &required).map_err(|error| error.to_string())
}

/// Spec: RFC 7518 §3.3, §6.3.1; RFC 8017 §3.1
fn check_rsa(jwk: &Map<String, Value>) -> Result<(), &'static str> {
    let number = |name: &str| jwk.get(name).and_then(Value::as_str).and_then(from_base64url);
    let (Some(modulus), Some(exponent)) = (number("n"), number("e")) else {
        return Err("n or e is not base64url");
    };
    let bits = |bytes: &[u8]| {
        let significant = bytes.iter().position(|byte| *byte != 0).and_then(|at| bytes.get(at..));
        significant
            .and_then(|bytes| Some(8 * bytes.len() - bytes.first()?.leading_zeros() as usize))
            .unwrap_or(0)
    };
    if bits(&modulus) < 2048 || modulus.len() > LARGEST_MODULUS {
        return Err("its modulus must have 2048 to 8192 bits");
    }
    let is_odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
    if bits(&exponent) < 2 || exponent.len() > LARGEST_EXPONENT || !is_odd {
        return Err("its exponent must be odd, at least 3, and of 32 bits at most");
    }
    Ok(())
}
