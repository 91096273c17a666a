//! The crate that services embed: no token passes that the keys did not sign, and no key set, header or token
//! makes it panic.

use std::sync::LazyLock;

use countersign_verifier::{Algorithm, Check, KeySet, Refusal, bearer_token, decode_unverified, verify};
use data_encoding::BASE64URL_NOPAD;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::input::{edited, lines};

const ISSUER: &str = "https://id.example.com";
const API: &str = "https://api.example.com";
const NOW: i64 = 1_800_000_000;

/// One issuer with a key for each kind of signature.
struct Issuer {
    ec: PKey<Private>,
    ed: PKey<Private>,
    keys: KeySet,
    /// Two good tokens.
    tokens: [String; 2],
}

static ISSUED: LazyLock<Issuer> = LazyLock::new(Issuer::new);

/// The input is five lines: edits of a token, a header, claims, a whole token, and a key set.
pub fn run(input: &[u8]) {
    let [edits, header, claims, whole, set] = lines::<5>(input);
    for token in &ISSUED.tokens {
        passes_only_if_signed(&edited(token, edits));
    }
    let (header, claims) = (BASE64URL_NOPAD.encode(header), BASE64URL_NOPAD.encode(claims));
    let signature = ISSUED.tokens[0].rsplit('.').next().unwrap_or_default();
    passes_only_if_signed(&format!("{header}.{claims}.{signature}"));
    passes_only_if_signed(&format!("{header}.{claims}."));
    signed_claims(&claims);
    if let Ok(text) = std::str::from_utf8(whole) {
        passes_only_if_signed(text);
        of_a_header(text);
    }
    if let Ok(keys) = KeySet::from_json(set) {
        assert!(keys.kids().len() <= keys.len());
        // Foreign keys, whatever they are, do not make our tokens valid.
        let strange = verify(&ISSUED.tokens[0], &keys, &check(), now());
        assert!(strange.is_err(), "{:?}", keys.kids());
    }
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW).expect("an instant")
}

fn check() -> Check {
    Check::access_token(ISSUER, API)
}

fn passes_only_if_signed(token: &str) {
    match verify(token, &ISSUED.keys, &check(), now()) {
        Ok(_) => assert!(ISSUED.tokens.iter().any(|own| same_words(own, token)), "{token:?}"),
        Err(refusal) => can_be_said(&refusal),
    }
    let Ok(read) = decode_unverified(token) else { return };
    assert!(read.header.is_object() && read.claims.is_object());
}

/// The same header and claims: ECDSA has two valid signatures for each.
fn same_words(own: &str, token: &str) -> bool {
    own.rsplit_once('.').map(|(signed, _)| signed) == token.rsplit_once('.').map(|(signed, _)| signed)
}

/// Any claims, signed with the right keys: a token that passes is for this service, in force, and of the
/// right kind.
fn signed_claims(claims: &str) {
    for (header, key) in [(header("ES256", "ec"), &ISSUED.ec), (header("EdDSA", "ed"), &ISSUED.ed)] {
        let token = sign(&header, claims, key);
        match verify(&token, &ISSUED.keys, &check(), now()) {
            Ok(read) => {
                assert_eq!(read.iss, ISSUER);
                assert!(read.aud.iter().any(|aud| aud == API) && !read.sub.is_empty());
                assert!(read.exp > NOW && read.iat <= NOW + 59 && read.nbf.is_none_or(|nbf| nbf <= NOW + 59));
                assert!(read.client_id.is_some() && read.jti.is_some() && !read.raw.contains_key("cnf"));
                assert!(read.scopes().all(|scope| read.has_scope(scope)));
                let _lists = (read.roles(), read.groups(), read.entitlements());
                let expired = OffsetDateTime::from_unix_timestamp(read.exp);
                assert!(
                    expired.is_err()
                        || expired.is_ok_and(|at| verify(&token, &ISSUED.keys, &check(), at).is_err())
                );
                let elsewhere = Check::access_token(ISSUER, "https://other.example");
                assert!(
                    read.aud.iter().any(|aud| aud == "https://other.example")
                        || verify(&token, &ISSUED.keys, &elsewhere, now()).is_err()
                );
                assert!(verify(&token, &ISSUED.keys, &Check::id_token(ISSUER, API), now()).is_err());
            }
            Err(refusal) => {
                assert!(!matches!(refusal, Refusal::BadSignature { .. }), "{token:?} was signed");
                can_be_said(&refusal);
            }
        }
    }
}

/// A refusal goes into a header and into the log, and must break neither.
fn can_be_said(refusal: &Refusal) {
    let challenge = refusal.www_authenticate(Some("https://api.example.com/\"meta\r\n"));
    assert!(challenge.bytes().all(|byte| (0x20..=0x7E).contains(&byte)), "{challenge:?}");
    assert!(
        challenge.matches('"').count().is_multiple_of(2) && challenge.starts_with("Bearer"),
        "{challenge:?}"
    );
    let said = refusal.to_string();
    assert!(!said.contains(['\n', '\r', '\0', '\x1B']), "{said:?}");
    assert!((400..=403).contains(&refusal.status()));
}

fn of_a_header(text: &str) {
    match bearer_token(Some(text)) {
        Ok(token) => assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())),
        Err(refusal) => can_be_said(&refusal),
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',') {
        assert_eq!(bearer_token(Some(&format!("bEaReR  {text} "))), Ok(text));
    }
}

fn header(alg: &str, kid: &str) -> String {
    BASE64URL_NOPAD.encode(json!({ "typ": "at+jwt", "alg": alg, "kid": kid }).to_string().as_bytes())
}

fn sign(header: &str, claims: &str, key: &PKey<Private>) -> String {
    let text = format!("{header}.{claims}");
    let signature = if key.ec_key().is_ok() {
        let mut ecdsa = Signer::new(MessageDigest::sha256(), key).expect("SHA-256");
        let der = ecdsa.sign_oneshot_to_vec(text.as_bytes()).expect("signing");
        let pair = EcdsaSig::from_der(&der).expect("a signature");
        let half = |number: &openssl::bn::BigNumRef| number.to_vec_padded(32).expect("32 bytes");
        [half(pair.r()), half(pair.s())].concat()
    } else {
        let mut ed25519 = Signer::new_without_digest(key).expect("Ed25519");
        ed25519.sign_oneshot_to_vec(text.as_bytes()).expect("signing")
    };
    format!("{text}.{}", BASE64URL_NOPAD.encode(&signature))
}

impl Issuer {
    fn new() -> Issuer {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("P-256");
        let ec = EcKey::generate(&group).expect("a key");
        let ed = PKey::generate_ed25519().expect("a key");
        let (mut x, mut y) = (BigNum::new().expect("a number"), BigNum::new().expect("a number"));
        let mut context = BigNumContext::new().expect("memory");
        ec.public_key().affine_coordinates(&group, &mut x, &mut y, &mut context).expect("a point");
        let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let padded = |number: BigNum| number.to_vec_padded(32).expect("32 bytes");
        let set = json!({ "keys": [
            { "kty": "EC", "crv": "P-256", "use": "sig", "alg": Algorithm::ES256.as_str(), "kid": "ec",
              "x": text(&padded(x)), "y": text(&padded(y)) },
            { "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": Algorithm::EdDSA.as_str(), "kid": "ed",
              "x": text(&ed.raw_public_key().expect("Ed25519")) },
        ] });
        let keys = KeySet::from_json(set.to_string().as_bytes()).expect("a key set");
        assert_eq!(keys.len(), 2);
        let ec = PKey::from_ec_key(ec).expect("a key");
        let claims: Map<String, Value> = json!({ "iss": ISSUER, "sub": "ann", "aud": API, "exp": NOW + 600,
            "iat": NOW, "jti": "1", "client_id": "shop", "scope": "read" })
        .as_object()
        .expect("an object")
        .clone();
        let claims = text(Value::Object(claims).to_string().as_bytes());
        let tokens = [sign(&header("ES256", "ec"), &claims, &ec), sign(&header("EdDSA", "ed"), &claims, &ed)];
        Issuer { ec, ed, keys, tokens }
    }
}
