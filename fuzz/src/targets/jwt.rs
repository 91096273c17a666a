//! Tokens of the provider that come back: a token that verifies was signed by the provider, and one kind
//! never passes for another.

use countersign::protocol::bearer::Presented;
use countersign::protocol::client::SigningAlg;
use countersign::protocol::hint::{Hint, HintClaims};
use countersign::web::hint;
use data_encoding::BASE64URL_NOPAD;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use serde_json::Value;

use crate::input::{edited, lines};
use crate::provider::{ISSUER, Provider, with};

/// The input is four lines: edits of a token, a header, claims, and a whole token.
pub fn run(input: &[u8]) {
    let [edits, header, claims, whole] = lines::<4>(input);
    with(|provider| {
        for real in [&provider.id_token, &provider.access_token] {
            is_only_read_if_ours(provider, &edited(real, edits));
            // Other claims under a signature that was right for the original ones.
            let mut parts = real.split('.');
            let (own, _, signature) = (parts.next(), parts.next(), parts.next());
            let claims = BASE64URL_NOPAD.encode(claims);
            for header in [own.unwrap_or_default(), &BASE64URL_NOPAD.encode(header)] {
                is_only_read_if_ours(
                    provider,
                    &format!("{header}.{claims}.{}", signature.unwrap_or_default()),
                );
                is_only_read_if_ours(provider, &format!("{header}.{claims}."));
            }
        }
        is_only_read_if_ours(provider, &with_the_public_key(provider, header, claims));
        if let Ok(whole) = std::str::from_utf8(whole) {
            is_only_read_if_ours(provider, whole);
        }
        if let (Ok(typ), Ok(claims)) = (std::str::from_utf8(header), serde_json::from_slice(claims)) {
            signed_by_us(provider, typ, &claims);
        }
    });
}

fn is_only_read_if_ours(provider: &Provider, token: &str) {
    let verified = provider.app.keys.snapshot.load().verify::<Value>(token);
    let ours = [&provider.id_token, &provider.access_token];
    let signed = |token: &str| token.rsplit_once('.').map(|(signed, _)| signed.to_owned());
    assert!(verified.is_err() || ours.iter().any(|our| signed(our) == signed(token)), "{token:?} verifies");
    let hint = provider.wait(hint::verify(&provider.app, token, provider.now)).expect("a store");
    assert!(hint.is_err() || signed(token) == signed(&provider.id_token), "{token:?} is no ID Token");
}

/// The oldest attack: the public key, which is known to all, used as the secret of an HMAC.
fn with_the_public_key(provider: &Provider, header: &[u8], claims: &[u8]) -> String {
    let key = PKey::hmac(&provider.app.keys.snapshot.load().jwks.bytes).expect("a key");
    let text = format!("{}.{}", BASE64URL_NOPAD.encode(header), BASE64URL_NOPAD.encode(claims));
    let mut hmac = Signer::new(MessageDigest::sha256(), &key).expect("HMAC");
    let mac = hmac.sign_oneshot_to_vec(text.as_bytes()).expect("HMAC");
    format!("{text}.{}", BASE64URL_NOPAD.encode(&mac))
}

/// Whatever claims the provider signs come back unchanged, and pass only for their own kind of token.
fn signed_by_us(provider: &Provider, typ: &str, claims: &Value) {
    let snapshot = provider.app.keys.snapshot.load();
    let token = snapshot.sign(SigningAlg::ES256, typ, claims).expect("signing");
    let Ok(read) = snapshot.verify::<Value>(&token) else {
        assert!(token.len() > 16 * 1024 || !claims.is_object(), "{claims}");
        return;
    };
    assert_eq!(read.claims, *claims);
    let typ = read.typ.as_deref();
    if let Ok(hint) = snapshot.verify::<HintClaims>(&token)
        && let Ok(accepted) = Hint::accept(typ, hint.claims, ISSUER, provider.now)
    {
        assert!(matches!(typ, None | Some("jwt")));
        assert_eq!(
            (&claims["iss"], &claims["sub"], &claims["aud"]),
            (&Value::from(ISSUER), &Value::from(accepted.sub), &Value::from(accepted.client_id))
        );
    }
    if let Ok(presented) = snapshot.verify::<Presented>(&token)
        && presented.claims.check(typ, ISSUER, provider.now).is_ok()
    {
        assert_eq!((typ, &claims["iss"]), (Some("at+jwt"), &Value::from(ISSUER)));
        assert!(presented.claims.exp > provider.now.unix_timestamp() && presented.claims.scope.has("openid"));
        let grant = presented.claims.grant_id();
        let hidden = presented.claims.session.as_deref();
        let _whatever = grant.and_then(|grant| provider.app.keys.reveal_session(hidden?, grant));
    }
}
