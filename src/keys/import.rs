//! Import of keys from PEM or JWK files.

use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private, Public};
use openssl::rsa::Rsa;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::jose::{KeyPair, public_jwk};
use crate::protocol::client::SigningAlg;
use crate::secret::from_base64url;

/// The smallest accepted RSA key, in bits.
const SMALLEST_RSA: u32 = 2048;

/// A key as a file holds it.
pub struct ImportedKey {
    /// Its `kid`, if the file names one.
    pub kid: Option<String>,
    /// Its algorithm; none for an RSA key whose file does not name it.
    pub alg: Option<SigningAlg>,
    /// The public half.
    pub public_jwk: Map<String, Value>,
    /// The private half in PKCS#8 DER, if the file holds it.
    pub private_der: Option<Zeroizing<Vec<u8>>>,
}

/// Either half of a key.
enum Half {
    Private(PKey<Private>),
    Public(PKey<Public>),
}

/// The keys of a file.
pub struct KeyFile {
    /// The usable keys.
    pub keys: Vec<ImportedKey>,
    /// What was skipped and why, one sentence each.
    pub skipped: Vec<String>,
}

/// Reads PEM blocks, a JWK, or a JWK set. Of several keys an unusable one is skipped. Errors contain nothing of a
/// key.
pub fn read(text: &str) -> Result<KeyFile, String> {
    // Some editors write a byte order mark.
    let text = text.trim_start_matches('\u{feff}').trim();
    let blocks = pem_blocks(text);
    if !blocks.is_empty() {
        let is_key =
            |block: &Block| ["PRIVATE KEY", "PUBLIC KEY"].iter().any(|end| block.label.ends_with(end));
        let (of_keys, others): (Vec<Block>, Vec<Block>) = blocks.into_iter().partition(is_key);
        let read = |(at, block): (usize, &Block)| {
            let name = format!("key {} ({})", at + 1, block.label);
            (name, from_pem(&block.text).and_then(|half| imported_key(half, None, None)))
        };
        let mut found = keep_usable(of_keys.iter().enumerate().map(read).collect())?;
        let others =
            others.iter().map(|block| format!("a PEM block was passed over: {:?} is no key", block.label));
        found.skipped.extend(others);
        return Ok(found);
    }
    let Ok(Value::Object(jwk)) = serde_json::from_str(text) else {
        return Err("it is neither a PEM block nor a JWK".into());
    };
    let Some(set) = jwk.get("keys") else { return keep_usable(vec![(String::new(), from_jwk(&jwk))]) };
    let keys = set.as_array().filter(|keys| !keys.is_empty()).ok_or("its member keys is no list of JWKs")?;
    let keys = keys.iter().enumerate().map(|(at, jwk)| {
        let kid = jwk.get("kid").and_then(Value::as_str);
        let name = kid.map_or_else(|| format!("key {}", at + 1), |kid| format!("key {} ({kid:?})", at + 1));
        (name, jwk.as_object().ok_or("it is no JSON object".to_owned()).and_then(from_jwk))
    });
    keep_usable(keys.collect())
}

/// Keeps the usable keys. It is an error if there is none.
fn keep_usable(read: Vec<(String, Result<ImportedKey, String>)>) -> Result<KeyFile, String> {
    let (single, mut found) = (read.len() == 1, KeyFile { keys: vec![], skipped: vec![] });
    for (name, key) in read {
        match key {
            Ok(key) => found.keys.push(key),
            Err(why) if single => return Err(why),
            Err(why) => found.skipped.push(format!("{name} was passed over: {why}")),
        }
    }
    if found.keys.is_empty() {
        let none = "it holds no key";
        return Err(if found.skipped.is_empty() { none.into() } else { found.skipped.join("; ") });
    }
    Ok(found)
}

/// A PEM block with its label.
struct Block {
    label: String,
    text: Zeroizing<String>,
}

/// The PEM blocks of a text; text around them is ignored. A block without an end line is kept, and fails to parse
/// later.
///
/// Spec: RFC 7468 §2
fn pem_blocks(text: &str) -> Vec<Block> {
    let (mut blocks, mut open) = (vec![], None::<Block>);
    for line in text.lines().map(str::trim) {
        if let Some(mut block) = open.take() {
            block.text.extend([
                line, "
",
            ]);
            if line == format!("-----END {}-----", block.label) {
                blocks.push(block);
            } else {
                open = Some(block);
            }
        } else if let Some(label) =
            line.strip_prefix("-----BEGIN ").and_then(|line| line.strip_suffix("-----"))
        {
            // Allocated at full size: a string that grows leaves unwiped copies behind.
            let mut block =
                Block { label: label.into(), text: Zeroizing::new(String::with_capacity(text.len() + 2)) };
            block.text.extend([
                line, "
",
            ]);
            open = Some(block);
        }
    }
    blocks.extend(open);
    blocks
}

fn from_pem(text: &str) -> Result<Half, String> {
    if text.contains("PUBLIC KEY-----") {
        let key = PKey::public_key_from_pem(text.as_bytes());
        return key.map(Half::Public).map_err(|_detail| "the PEM block is no public key".into());
    }
    // Without a callback OpenSSL would ask for a passphrase on the terminal.
    let key = PKey::private_key_from_pem_callback(text.as_bytes(), |_| Ok(0));
    key.map(Half::Private).map_err(|_detail| {
        "the PEM block is no private key that can be read; one with a passphrase has to be decrypted first, as with \
         openssl pkey -in FILE"
            .into()
    })
}

/// Spec: RFC 7517 §4, RFC 7518 §6, RFC 8037 §2
fn from_jwk(jwk: &Map<String, Value>) -> Result<ImportedKey, String> {
    let alg = match text_of(jwk, "alg") {
        None => None,
        Some(name) => {
            Some(SigningAlg::from_name(name).ok_or(format!("its alg {name:?} is none we sign with"))?)
        }
    };
    if text_of(jwk, "use").is_some_and(|usage| usage != "sig") {
        return Err("it is not for signatures (use)".into());
    }
    let kid = text_of(jwk, "kid").map(str::to_owned);
    let is_private = jwk.contains_key("d");
    let wrong = |_detail| "its members do not make a key".to_owned();
    let half = match (text_of(jwk, "kty"), text_of(jwk, "crv")) {
        (Some("RSA"), _) if is_private => Half::Private(rsa_private(jwk)?),
        (Some("RSA"), _) => {
            let key = Rsa::from_public_components(number(jwk, "n")?, number(jwk, "e")?);
            Half::Public(key.and_then(PKey::from_rsa).map_err(wrong)?)
        }
        (Some("EC"), Some("P-256")) => {
            let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).map_err(wrong)?;
            let (x, y) = (number(jwk, "x")?, number(jwk, "y")?);
            let public = EcKey::from_public_key_affine_coordinates(&group, &x, &y).map_err(wrong)?;
            if is_private {
                let d = number(jwk, "d")?;
                let key = EcKey::from_private_components(&group, &d, public.public_key()).map_err(wrong)?;
                Half::Private(PKey::from_ec_key(key).map_err(wrong)?)
            } else {
                Half::Public(PKey::from_ec_key(public).map_err(wrong)?)
            }
        }
        (Some("OKP"), Some("Ed25519")) if is_private => {
            Half::Private(PKey::private_key_from_raw_bytes(&bytes(jwk, "d")?, Id::ED25519).map_err(wrong)?)
        }
        (Some("OKP"), Some("Ed25519")) => {
            Half::Public(PKey::public_key_from_raw_bytes(&bytes(jwk, "x")?, Id::ED25519).map_err(wrong)?)
        }
        _ => return Err("it is neither RSA nor on P-256 or Ed25519".into()),
    };
    let key = imported_key(half, kid, alg)?;
    for (name, value) in &key.public_jwk {
        if jwk.get(name) != Some(value) {
            return Err(format!(
                "its member {name} does not belong to the rest, or is not in its shortest form"
            ));
        }
    }
    Ok(key)
}

fn rsa_private(jwk: &Map<String, Value>) -> Result<PKey<Private>, String> {
    let part = |name| number(jwk, name);
    let key = Rsa::from_private_components(
        part("n")?,
        part("e")?,
        part("d")?,
        part("p")?,
        part("q")?,
        part("dp")?,
        part("dq")?,
        part("qi")?,
    );
    let key = key.and_then(PKey::from_rsa);
    key.map_err(|_detail| "its members do not make a key".into())
}

/// Checks a key and names its algorithm, which must fit its type.
fn imported_key(half: Half, kid: Option<String>, alg: Option<SigningAlg>) -> Result<ImportedKey, String> {
    let failed = |_detail| "it cannot be used".to_owned();
    let (id, bits, public_jwk, private_der) = match half {
        Half::Private(key) => {
            check(&key)?;
            let pair = KeyPair::of(&key).map_err(failed)?;
            (key.id(), key.bits(), pair.public_jwk, Some(pair.private_der))
        }
        Half::Public(key) => (key.id(), key.bits(), public_jwk(&key).map_err(failed)?, None),
    };
    let fits: &[SigningAlg] = match id {
        Id::RSA if bits < SMALLEST_RSA => {
            return Err(format!("an RSA key of {bits} bits is too short; 2048 is the least"));
        }
        Id::RSA => &[SigningAlg::RS256, SigningAlg::PS256],
        Id::ED25519 => &[SigningAlg::EdDSA],
        _ => &[SigningAlg::ES256],
    };
    match alg {
        Some(alg) if !fits.contains(&alg) => {
            Err(format!("its alg {} is not for this kind of key", alg.name()))
        }
        None if fits.len() == 1 => {
            Ok(ImportedKey { kid, alg: fits.first().copied(), public_jwk, private_der })
        }
        alg => Ok(ImportedKey { kid, alg, public_jwk, private_der }),
    }
}

/// Refuses a private key with inconsistent parts: its signatures would be invalid, or leak the key.
fn check(key: &PKey<Private>) -> Result<(), String> {
    let sound = match (key.rsa(), key.ec_key()) {
        (Ok(rsa), _) => rsa.check_key().unwrap_or(false),
        (_, Ok(ec)) => ec.group().curve_name() == Some(Nid::X9_62_PRIME256V1) && ec.check_key().is_ok(),
        _ => key.id() == Id::ED25519,
    };
    if sound { Ok(()) } else { Err("it is no sound RSA, P-256 or Ed25519 key".into()) }
}

fn text_of<'a>(jwk: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    jwk.get(name).and_then(Value::as_str)
}

fn bytes(jwk: &Map<String, Value>, name: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let text = text_of(jwk, name).ok_or(format!("its member {name} is missing"))?;
    from_base64url(text).map(Zeroizing::new).ok_or(format!("its member {name} is not base64url"))
}

fn number(jwk: &Map<String, Value>, name: &str) -> Result<BigNum, String> {
    BigNum::from_slice(&bytes(jwk, name)?).map_err(|_detail| format!("its member {name} is no number"))
}
