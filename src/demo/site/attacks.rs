//! Forged tokens, which the API must refuse. An attacker could make most of them; the expired one is signed by the
//! provider's own key, so that nothing is wrong with it but its time.

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

use super::buttons::Attack;
use super::error::SiteError;
use super::relying_party::Site;
use super::session::Person;
use crate::keys::jose::{KeyPair, Signer};
use crate::protocol::client::SigningAlg;
use crate::secret::{Token, base64url, from_base64url};

/// The `typ` of an access token.
const ACCESS_TOKEN: &str = "at+jwt";
/// An issuer that the API does not trust.
const OTHER_ISSUER: &str = "https://issuer.example";

/// The members of a JSON object.
type Members = Map<String, Value>;

/// Forges a token from the good one.
pub(super) fn forge(
    attack: Attack,
    site: &Site,
    person: &Person,
    good: &str,
    now: OffsetDateTime,
) -> Result<String, SiteError> {
    let mut parts = good.splitn(3, '.');
    let mut next =
        || parts.next().ok_or_else(|| SiteError::Ours("the access token has not three parts".into()));
    let (header, claims, signature) = (next()?, next()?, next()?);
    Ok(match attack {
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
        Attack::Issuer => by_other_issuer(members(good)?.1, now)?,
        Attack::Expired => expired(site, good, now)?,
    })
}

/// Changes the first character of the signature.
fn flipped(signature: &str) -> String {
    let mut characters = signature.chars();
    let first = if characters.next() == Some('A') { 'B' } else { 'A' };
    std::iter::once(first).chain(characters).collect()
}

/// Header and claims of a token.
fn members(token: &str) -> Result<(Members, Members), SiteError> {
    let decoded = decode_unverified(token).map_err(|error| SiteError::Ours(error.to_string()))?;
    match (decoded.header, decoded.claims) {
        (Value::Object(header), Value::Object(claims)) => Ok((header, claims)),
        _ => Err(SiteError::Ours("a token's parts are objects".into())),
    }
}

fn encoded(members: &Members) -> String {
    base64url(Value::Object(members.clone()).to_string().as_bytes())
}

/// Signs with HMAC and the public key. A verifier that trusts `alg` in the header would use that key as the secret.
///
/// Spec: RFC 8725 §2.1
fn with_public_key(site: &Site, good: &str, claims: &str) -> Result<String, SiteError> {
    let failed = |error: ErrorStack| SiteError::Ours(error.to_string());
    let kid = members(good)?.0.get("kid").cloned().unwrap_or_default();
    let snapshot = site.app.keys.snapshot.load();
    let set: Value =
        serde_json::from_slice(&snapshot.jwks.bytes).map_err(|error| SiteError::Ours(error.to_string()))?;
    let mut keys = set.get("keys").and_then(Value::as_array).into_iter().flatten();
    let jwk = keys.find(|key| key.get("kid") == Some(&kid));
    let jwk = jwk.ok_or_else(|| SiteError::Ours("the key of the token is not published".into()))?;
    let key = PKey::hmac(&pem(jwk)?).map_err(failed)?;
    let header = json!({ "alg": "HS256", "kid": kid, "typ": ACCESS_TOKEN });
    let input = format!("{}.{claims}", base64url(header.to_string().as_bytes()));
    let mut signer = sign::Signer::new(MessageDigest::sha256(), &key).map_err(failed)?;
    let mac = signer.sign_oneshot_to_vec(input.as_bytes()).map_err(failed)?;
    Ok(format!("{input}.{}", base64url(&mac)))
}

/// The public key as PEM, which such attacks use as the secret.
fn pem(jwk: &Value) -> Result<Vec<u8>, SiteError> {
    let failed = |error: ErrorStack| SiteError::Ours(error.to_string());
    let number = |name: &str| {
        let bytes = jwk.get(name).and_then(Value::as_str).and_then(from_base64url);
        let bytes = bytes.ok_or_else(|| SiteError::Ours(format!("a published key has no {name}")))?;
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

/// Signs with a new key of another issuer.
fn by_other_issuer(mut claims: Members, now: OffsetDateTime) -> Result<String, SiteError> {
    claims.insert("iss".into(), json!(OTHER_ISSUER));
    claims.extend(times(now, lifetime(&claims)));
    let failed = |error: crate::keys::KeyError| SiteError::Ours(error.to_string());
    let pair = KeyPair::generate(SigningAlg::ES256, 0).map_err(failed)?;
    let signer = Signer::new(SigningAlg::ES256, "stranger", &pair.private_der).map_err(failed)?;
    signer.sign(ACCESS_TOKEN, &claims).map_err(failed)
}

/// Signs with the key of the provider, for a time an hour ago.
fn expired(site: &Site, good: &str, now: OffsetDateTime) -> Result<String, SiteError> {
    let (header, mut claims) = members(good)?;
    claims.extend(times(now - Duration::HOUR, lifetime(&claims)));
    claims.insert("jti".into(), json!(Token::generate().expose()));
    let alg = header.get("alg").and_then(Value::as_str).and_then(SigningAlg::from_name);
    let signed = site.app.keys.snapshot.load().sign(alg.unwrap_or_default(), ACCESS_TOKEN, &claims);
    signed.map_err(|error| SiteError::Ours(error.to_string()))
}

/// The lifetime of the good token, in seconds.
fn lifetime(claims: &Members) -> i64 {
    let seconds = |name: &str| claims.get(name).and_then(Value::as_i64).unwrap_or_default();
    seconds("exp") - seconds("iat")
}

fn times(issued: OffsetDateTime, lifetime: i64) -> [(String, Value); 3] {
    let iat = issued.unix_timestamp();
    [("iat".into(), json!(iat)), ("nbf".into(), json!(iat - 60)), ("exp".into(), json!(iat + lifetime))]
}
