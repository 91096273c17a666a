//! Tokens that must be refused. Most are what a thief could make; for the last ones the provider's own keys
//! sign, so that everything about the token is right but the one thing it is about.

use countersign_verifier::decode_unverified;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::sign;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::fault::Fault;
use super::{Person, Site};
use crate::keys::jose::{KeyPair, Signer};
use crate::protocol::client::SigningAlg;
use crate::secret::{Token, base64url, from_base64url};

/// The `typ` of an access token.
const ACCESS_TOKEN: &str = "at+jwt";
/// An issuer nobody here trusts.
const STRANGER: &str = "https://issuer.example";

/// The members of a JSON object.
type Members = Map<String, Value>;

/// What to do to a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attack {
    /// Another character in the signature.
    Flip,
    /// Other roles in the claims.
    Role,
    /// A header that says there is no signature.
    AlgNone,
    /// A signature made with the public key as a shared secret.
    Hmac,
    /// A genuine access token, for UserInfo.
    Audience,
    /// A genuine token of another kind.
    IdToken,
    /// A good signature of somebody else.
    Issuer,
    /// A genuine token whose time is over.
    Expired,
}

impl Attack {
    /// Makes the token from the person's good one.
    pub(super) fn make(
        self,
        site: &Site,
        person: &Person,
        good: &str,
        now: OffsetDateTime,
    ) -> Result<String, Fault> {
        let mut parts = good.splitn(3, '.');
        let mut next =
            || parts.next().ok_or_else(|| Fault::Ours("the access token has not three parts".into()));
        let (header, claims, signature) = (next()?, next()?, next()?);
        Ok(match self {
            Attack::Flip => format!("{header}.{claims}.{}", flipped(signature)),
            Attack::Role => {
                let mut claims = members(good)?.1;
                claims.insert("roles".into(), json!(["admin"]));
                format!("{header}.{}.{signature}", encoded(&claims))
            }
            Attack::AlgNone => {
                let header = json!({ "alg": "none", "typ": ACCESS_TOKEN });
                format!("{}.{claims}.", base64url(header.to_string().as_bytes()))
            }
            Attack::Hmac => with_public_key(site, good, claims)?,
            Attack::Audience => person.userinfo_token.clone(),
            Attack::IdToken => person.id_token.clone(),
            Attack::Issuer => from_stranger(members(good)?.1, now)?,
            Attack::Expired => over(site, good, now)?,
        })
    }
}

/// The first character of the signature becomes another one.
fn flipped(signature: &str) -> String {
    let mut characters = signature.chars();
    let first = if characters.next() == Some('A') { 'B' } else { 'A' };
    std::iter::once(first).chain(characters).collect()
}

/// Header and claims of a token.
fn members(token: &str) -> Result<(Members, Members), Fault> {
    let decoded = decode_unverified(token).map_err(|error| Fault::Ours(error.to_string()))?;
    match (decoded.header, decoded.claims) {
        (Value::Object(header), Value::Object(claims)) => Ok((header, claims)),
        _ => Err(Fault::Ours("a token's parts are objects".into())),
    }
}

fn encoded(members: &Members) -> String {
    base64url(Value::Object(members.clone()).to_string().as_bytes())
}

/// Everybody has the public key. A verifier that lets the header choose would use it as a shared secret.
///
/// Spec: RFC 8725 §2.1
fn with_public_key(site: &Site, good: &str, claims: &str) -> Result<String, Fault> {
    let failed = |error: ErrorStack| Fault::Ours(error.to_string());
    let kid = members(good)?.0.get("kid").cloned().unwrap_or_default();
    let ring = site.app.keys.ring.load();
    let set: Value =
        serde_json::from_slice(&ring.jwks.bytes).map_err(|error| Fault::Ours(error.to_string()))?;
    let mut keys = set.get("keys").and_then(Value::as_array).into_iter().flatten();
    let jwk = keys.find(|key| key.get("kid") == Some(&kid));
    let jwk = jwk.ok_or_else(|| Fault::Ours("the key of the token is not published".into()))?;
    let key = PKey::hmac(&pem(jwk)?).map_err(failed)?;
    let header = json!({ "alg": "HS256", "kid": kid, "typ": ACCESS_TOKEN });
    let input = format!("{}.{claims}", base64url(header.to_string().as_bytes()));
    let mut signer = sign::Signer::new(MessageDigest::sha256(), &key).map_err(failed)?;
    let mac = signer.sign_oneshot_to_vec(input.as_bytes()).map_err(failed)?;
    Ok(format!("{input}.{}", base64url(&mac)))
}

/// A public key in the form that such attacks use as the secret.
fn pem(jwk: &Value) -> Result<Vec<u8>, Fault> {
    let failed = |error: ErrorStack| Fault::Ours(error.to_string());
    let number = |name: &str| {
        let bytes = jwk.get(name).and_then(Value::as_str).and_then(from_base64url);
        let bytes = bytes.ok_or_else(|| Fault::Ours(format!("a published key has no {name}")))?;
        BigNum::from_slice(&bytes).map_err(failed)
    };
    if jwk.get("kty").and_then(Value::as_str) == Some("RSA") {
        let key = Rsa::from_public_components(number("n")?, number("e")?).map_err(failed)?;
        return key.public_key_to_pem().map_err(failed);
    }
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).map_err(failed)?;
    let mut point = openssl::ec::EcPoint::new(&group).map_err(failed)?;
    let mut context = BigNumContext::new().map_err(failed)?;
    point.set_affine_coordinates_gfp(&group, &*number("x")?, &*number("y")?, &mut context).map_err(failed)?;
    EcKey::from_public_key(&group, &point).and_then(|key| key.public_key_to_pem()).map_err(failed)
}

/// A good signature by a key of somebody whom nobody here trusts.
fn from_stranger(mut claims: Members, now: OffsetDateTime) -> Result<String, Fault> {
    claims.insert("iss".into(), json!(STRANGER));
    claims.extend(times(now));
    let failed = |error: crate::keys::KeyError| Fault::Ours(error.to_string());
    let pair = KeyPair::generate(SigningAlg::ES256, 0).map_err(failed)?;
    let signer = Signer::new(SigningAlg::ES256, "stranger", &pair.private_der).map_err(failed)?;
    signer.sign(ACCESS_TOKEN, &claims).map_err(failed)
}

/// Signed by the provider's own key, for a time an hour ago.
fn over(site: &Site, good: &str, now: OffsetDateTime) -> Result<String, Fault> {
    let (header, mut claims) = members(good)?;
    claims.extend(times(now - Duration::HOUR));
    claims.insert("jti".into(), json!(Token::generate().expose()));
    let alg = header.get("alg").and_then(Value::as_str).and_then(SigningAlg::from_name);
    let signed = site.app.keys.ring.load().sign(alg.unwrap_or_default(), ACCESS_TOKEN, &claims);
    signed.map_err(|error| Fault::Ours(error.to_string()))
}

fn times(issued: OffsetDateTime) -> [(String, Value); 3] {
    let iat = issued.unix_timestamp();
    let exp = iat + crate::protocol::claims::TOKEN_LIFETIME.whole_seconds();
    [("iat".into(), json!(iat)), ("nbf".into(), json!(iat - 60)), ("exp".into(), json!(exp))]
}
