//! What passes, and a table of what does not: each token is signed well and has one thing wrong.
//!
//! Holds `claims.rs`, `json.rs`.

use countersign_verifier::{
    Algorithm, BoundTokens, Check, KeySet, Part, Refusal, TokenKind, decode_unverified, verify,
};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer as Sign;
use serde_json::{Value, json};

use crate::signer::{
    API, CLIENT, EDDSA, ES256, ISSUER, NOW, RS256, Signer, access_claims, all, at, b64, id_claims, key_set,
    verify_access, verify_id, with,
};

#[test]
fn a_token_of_every_algorithm_passes() {
    for signer in all() {
        let claims = verify_access(&signer.access_token()).unwrap();
        assert_eq!(claims.alg.as_str(), signer.alg);
        assert_eq!(claims.kid.as_deref(), Some(&*signer.kid));
        assert_eq!((&*claims.iss, &*claims.sub, &*claims.aud), (ISSUER, "person-1", &[API.to_owned()][..]));
        assert_eq!((claims.exp, claims.iat, claims.nbf), (NOW + 600, NOW, Some(NOW - 60)));
        assert_eq!(claims.jti.as_deref(), Some("token-1"));
        assert_eq!(claims.client_id.as_deref(), Some(CLIENT));
        assert!(claims.has_scope("orders:read") && claims.has_scope("orders:write"));
        assert!(!claims.has_scope("orders") && !claims.has_scope(""));
        assert_eq!(claims.require_scope("admin").unwrap_err().status(), 403);
        assert_eq!(claims.roles(), ["clerk", "buyer"]);
        assert_eq!(claims.groups(), [""; 0]);
        assert_eq!(claims.raw["acr"], "1");
    }
}

#[test]
fn an_id_token_passes_for_its_client_and_its_login() {
    for typ in [json!("JWT"), json!("jwt"), json!("application/JWT"), Value::Null] {
        let token = ES256.sign(&with(ES256.header(), json!({ "typ": typ })), &id_claims());
        let mut check = Check::id_token(ISSUER, CLIENT);
        for (nonce, outcome) in
            [(None, Ok("s-1")), (Some("n-1"), Ok("s-1")), (Some("n-2"), Err(Refusal::WrongNonce))]
        {
            check.nonce = nonce.map(str::to_owned);
            let found = verify(&token, &key_set(all()), &check, at(NOW)).map(|claims| claims.sid.unwrap());
            assert_eq!(found.as_deref().map_err(Clone::clone), outcome);
        }
    }
}

/// RFC 9864 gave the algorithm a second name; a key may carry either, or none.
#[test]
fn ed25519_passes_under_both_names() {
    let mut jwk = EDDSA.jwk.clone();
    for of_key in [json!("EdDSA"), json!("Ed25519"), Value::Null] {
        jwk = with(jwk, json!({ "alg": of_key }));
        let keys = KeySet::from_json(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap();
        for name in ["EdDSA", "Ed25519"] {
            let token = EDDSA.sign(&with(EDDSA.header(), json!({ "alg": name })), &access_claims());
            let claims = verify(&token, &keys, &Check::access_token(ISSUER, API), at(NOW)).unwrap();
            assert_eq!(claims.alg, Algorithm::EdDSA, "{name} by a key for {of_key}");
        }
    }
}

/// Made with `printf %s TOKEN | openssl dgst -sha256 -binary | head -c 16 | basenc --base64url`; SHA-512 and 32
/// bytes for Ed25519.
#[test]
fn an_id_token_binds_the_access_token_beside_it() {
    let token = "sample.access.token-value_01";
    let (sha256, sha512) = ("ZlmqiRYTL0xOmBlhp6OD2A", "-HOEiZMM2_ptHvXmm8f1YkY457edngFLONLVGqzRLrk");
    for signer in all() {
        let (right, other) = if signer.alg == "EdDSA" { (sha512, sha256) } else { (sha256, sha512) };
        let bound = |at_hash: Value| {
            let claims = with(id_claims(), json!({ "at_hash": at_hash }));
            let header = with(signer.header(), json!({ "typ": "JWT" }));
            verify_id(&signer.sign(&header, &claims)).unwrap().require_access_token(token)
        };
        assert_eq!(bound(json!(right)), Ok(()), "{}", signer.alg);
        assert_eq!(bound(json!(other)), Err(Refusal::OtherAccessToken), "{}", signer.alg);
        assert_eq!(bound(json!([right])), Err(Refusal::OtherAccessToken));
        assert_eq!(bound(Value::Null), Err(Refusal::MissingClaim("at_hash")));
    }
}

#[test]
fn a_wrong_header_is_refused() {
    let typed =
        |found: &str| Refusal::WrongType { found: Some(found.to_owned()), wanted: TokenKind::AccessToken };
    let table = [
        (json!({ "alg": "none" }), Refusal::AlgorithmNone),
        (json!({ "alg": "nOnE" }), Refusal::AlgorithmNone),
        (json!({ "alg": "HS256" }), Refusal::SymmetricAlgorithm { alg: "HS256".into() }),
        (json!({ "alg": "hs512" }), Refusal::SymmetricAlgorithm { alg: "hs512".into() }),
        (json!({ "alg": "es256" }), Refusal::UnknownAlgorithm { alg: "es256".into() }),
        (json!({ "alg": "RS384" }), Refusal::UnknownAlgorithm { alg: "RS384".into() }),
        (json!({ "alg": "" }), Refusal::UnknownAlgorithm { alg: String::new() }),
        (json!({ "alg": null }), Refusal::MalformedHeader("alg")),
        (json!({ "alg": 256 }), Refusal::MalformedHeader("alg")),
        (json!({ "alg": ["ES256"] }), Refusal::MalformedHeader("alg")),
        (json!({ "crit": ["b64"], "b64": false }), Refusal::CriticalExtension),
        (json!({ "crit": [] }), Refusal::CriticalExtension),
        (json!({ "typ": null }), Refusal::WrongType { found: None, wanted: TokenKind::AccessToken }),
        (json!({ "typ": "JWT" }), typed("JWT")),
        (json!({ "typ": "logout+jwt" }), typed("logout+jwt")),
        (json!({ "typ": "dpop+jwt" }), typed("dpop+jwt")),
        (json!({ "typ": "application/application/at+jwt" }), typed("application/application/at+jwt")),
        (json!({ "typ": 1 }), Refusal::MalformedHeader("typ")),
        (json!({ "kid": 1 }), Refusal::MalformedHeader("kid")),
        (json!({ "kid": "x" }), Refusal::UnknownKey { kid: Some("x".into()), alg: Algorithm::ES256 }),
        (json!({ "kid": "" }), Refusal::UnknownKey { kid: Some(String::new()), alg: Algorithm::ES256 }),
    ];
    for (changes, refusal) in table {
        let token = ES256.sign(&with(ES256.header(), changes.clone()), &access_claims());
        assert_eq!(verify_access(&token).unwrap_err(), refusal, "{changes}");
    }
    let unsigned = ES256.sign(&with(ES256.header(), json!({ "alg": "None" })), &access_claims());
    let unsigned = format!("{}.", unsigned.rsplit_once('.').unwrap().0);
    assert_eq!(verify_access(&unsigned).unwrap_err(), Refusal::AlgorithmNone);
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+JWT"] {
        let token = ES256.sign(&with(ES256.header(), json!({ "typ": typ })), &access_claims());
        assert!(verify_access(&token).is_ok(), "{typ}");
    }
}

#[test]
fn wrong_claims_are_refused() {
    let audience = |found: &[&str]| Refusal::WrongAudience {
        found: found.iter().map(|&aud| aud.to_owned()).collect(),
        expected: API.into(),
    };
    let issuer = |found: &str| Refusal::WrongIssuer { found: found.into(), expected: ISSUER.into() };
    let table = [
        (json!({ "iss": null }), Refusal::MissingClaim("iss")),
        (json!({ "iss": "https://id.example.com/" }), issuer("https://id.example.com/")),
        (json!({ "iss": "https://ID.example.com" }), issuer("https://ID.example.com")),
        (json!({ "iss": [ISSUER] }), Refusal::MalformedClaim("iss")),
        (json!({ "sub": null }), Refusal::MissingClaim("sub")),
        (json!({ "sub": "" }), Refusal::MalformedClaim("sub")),
        (json!({ "sub": 7 }), Refusal::MalformedClaim("sub")),
        (json!({ "aud": null }), Refusal::MissingClaim("aud")),
        (json!({ "aud": [] }), audience(&[])),
        (json!({ "aud": "https://api.example.com/" }), audience(&["https://api.example.com/"])),
        (json!({ "aud": ["a", "b"] }), audience(&["a", "b"])),
        (json!({ "aud": [API, 1] }), Refusal::MalformedClaim("aud")),
        (json!({ "aud": { "0": API } }), Refusal::MalformedClaim("aud")),
        (json!({ "client_id": null }), Refusal::MissingClaim("client_id")),
        (json!({ "jti": null }), Refusal::MissingClaim("jti")),
        (json!({ "jti": 1 }), Refusal::MalformedClaim("jti")),
        (json!({ "scope": ["orders:read"] }), Refusal::MalformedClaim("scope")),
        (json!({ "amr": "pwd" }), Refusal::MalformedClaim("amr")),
        (json!({ "amr": [1] }), Refusal::MalformedClaim("amr")),
        (json!({ "auth_time": "now" }), Refusal::MalformedClaim("auth_time")),
        (json!({ "cnf": { "jkt": "t" } }), Refusal::BoundToken),
        (json!({ "cnf": "t" }), Refusal::BoundToken),
    ];
    for (changes, refusal) in table {
        let token = ES256.sign(&ES256.header(), &with(access_claims(), changes.clone()));
        assert_eq!(verify_access(&token).unwrap_err(), refusal, "{changes}");
    }
    let several = with(access_claims(), json!({ "aud": ["https://other.example.com", API] }));
    assert!(verify_access(&ES256.sign(&ES256.header(), &several)).is_ok());
}

#[test]
fn kinds_of_tokens_are_kept_apart() {
    let header = with(ES256.header(), json!({ "typ": "JWT" }));
    let other = |found: &[&str]| Refusal::WrongAudience {
        found: found.iter().map(|&aud| aud.to_owned()).collect(),
        expected: CLIENT.into(),
    };
    let table = [
        (json!({ "events": {} }), Refusal::ForeignClaim("events")),
        (json!({ "client_id": CLIENT }), Refusal::ForeignClaim("client_id")),
        (json!({ "scope": "openid" }), Refusal::ForeignClaim("scope")),
        (json!({ "aud": [CLIENT, "other"] }), other(&[CLIENT, "other"])),
        (json!({ "azp": "other" }), other(&[CLIENT])),
        (json!({ "exp": null }), Refusal::MissingClaim("exp")),
    ];
    for (changes, refusal) in table {
        let token = ES256.sign(&header, &with(id_claims(), changes.clone()));
        assert_eq!(verify_id(&token).unwrap_err(), refusal, "{changes}");
    }
    let found = Some("at+jwt".to_owned());
    let wanted = TokenKind::IdToken;
    assert_eq!(verify_id(&ES256.access_token()).unwrap_err(), Refusal::WrongType { found, wanted });
}

#[test]
fn a_bound_token_passes_when_the_caller_checks_the_proof() {
    let bound = with(access_claims(), json!({ "cnf": { "jkt": "thumb", "x5t#S256": "print" } }));
    let check = Check { bound_tokens: BoundTokens::CallerChecks, ..Check::access_token(ISSUER, API) };
    let token = ES256.sign(&ES256.header(), &bound);
    let claims = verify(&token, &key_set(all()), &check, at(NOW)).unwrap();
    assert_eq!((claims.bound_jkt(), claims.bound_x5t_s256()), (Some("thumb"), Some("print")));
}

#[test]
fn algorithms_cannot_be_confused() {
    // The oldest trick: an HMAC whose secret is the public key everybody knows.
    let secret = PKey::hmac(&RS256.private.public_key_to_pem().unwrap()).unwrap();
    let header = json!({ "typ": "at+jwt", "alg": "HS256", "kid": "rsa-1" }).to_string();
    let signed = format!("{}.{}", b64(header.as_bytes()), b64(access_claims().to_string().as_bytes()));
    let mac = Sign::new(MessageDigest::sha256(), &secret).unwrap().sign_oneshot_to_vec(signed.as_bytes());
    let token = format!("{signed}.{}", b64(&mac.unwrap()));
    assert_eq!(verify_access(&token).unwrap_err(), Refusal::SymmetricAlgorithm { alg: "HS256".into() });

    // An RSA key serves the one algorithm of its member, even for a signature that would match.
    let as_pss =
        Signer { alg: "PS256", kid: "rsa-1".into(), private: RS256.private.clone(), jwk: Value::Null };
    let (key, token) = (Algorithm::RS256, Algorithm::PS256);
    let refusal = Refusal::KeyOfOtherAlgorithm { kid: "rsa-1".into(), key, token };
    assert_eq!(verify_access(&as_pss.access_token()).unwrap_err(), refusal);

    // The service's own list rules over all of them.
    let check = Check { algorithms: vec![Algorithm::ES256], ..Check::access_token(ISSUER, API) };
    let outcome = verify(&RS256.access_token(), &key_set(all()), &check, at(NOW));
    assert_eq!(outcome.unwrap_err(), Refusal::AlgorithmNotAllowed { alg: Algorithm::RS256 });
}

#[test]
fn a_key_brought_along_is_never_used() {
    let stranger = Signer::ec("ec-1");
    let url = "https://evil.example.com/jwks.json";
    for member in
        [json!({ "jwk": stranger.jwk }), json!({ "jku": url }), json!({ "x5u": url, "x5c": ["AA"] })]
    {
        let token = stranger.sign(&with(stranger.header(), member.clone()), &access_claims());
        assert_eq!(verify_access(&token).unwrap_err(), Refusal::BadSignature { kid: Some("ec-1".into()) });
        let token = ES256.sign(&with(ES256.header(), member), &access_claims());
        assert!(verify_access(&token).is_ok(), "such a member changes nothing");
    }
}

#[test]
fn without_a_kid_exactly_one_key_must_fit() {
    let token = ES256.sign(&with(ES256.header(), json!({ "kid": null })), &access_claims());
    let check = Check::access_token(ISSUER, API);
    assert!(verify(&token, &key_set(all()), &check, at(NOW)).is_ok());
    let outcome = verify(&token, &key_set([&*ES256, &Signer::ec("ec-2")]), &check, at(NOW));
    assert_eq!(outcome.unwrap_err(), Refusal::AmbiguousKey { kid: None, alg: Algorithm::ES256 });
    let outcome = verify(&token, &key_set([&*RS256]), &check, at(NOW));
    assert_eq!(outcome.unwrap_err(), Refusal::UnknownKey { kid: None, alg: Algorithm::ES256 });
    let outcome = verify(&ES256.access_token(), &key_set([&*ES256, &Signer::ec("ec-1")]), &check, at(NOW));
    assert!(matches!(outcome.unwrap_err(), Refusal::AmbiguousKey { kid: Some(_), .. }));
}

#[test]
fn only_compact_tokens_are_read() {
    let token = ES256.access_token();
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    for text in [
        String::new(),
        ".".into(),
        "..".into(),
        "a".into(),
        format!("{header}.{claims}"),
        format!("{header}.{claims}."),
        format!(".{claims}.{signature}"),
        format!("{header}..{signature}"),
        format!("{token}.x"),
        format!("{token}."),
        format!("{token}.a.b"),
    ] {
        assert_eq!(verify_access(&text).unwrap_err(), Refusal::NotCompact, "{text}");
    }
    for text in [format!("{token}="), format!("{token}\n"), format!("{token} "), format!("{token}ä")] {
        assert_eq!(verify_access(&text).unwrap_err(), Refusal::BadEncoding(Part::Signature), "{text}");
    }
    let json = json!({ "payload": claims, "protected": header, "signature": signature }).to_string();
    assert!(verify_access(&json).is_err());
    let long = with(access_claims(), json!({ "padding": "x".repeat(16 * 1024) }));
    let refusal = verify_access(&ES256.sign(&ES256.header(), &long)).unwrap_err();
    assert!(matches!(refusal, Refusal::TooLong { bytes } if bytes > 16 * 1024));
}

#[test]
fn json_with_two_meanings_is_refused() {
    let claims = access_claims().to_string();
    let twice = |members: &str| format!("{},{members}}}", claims.strip_suffix('}').unwrap());
    for (text, name) in [
        (twice(r#""sub":"admin""#), "sub"),
        (twice(r#""\u0073ub":"admin""#), "sub"),
        (twice(r#""x":1,"x":1"#), "x"),
        (twice(r#""cnf":{"jkt":"a","jkt":"b"}"#), "jkt"),
        (twice(r#""deep":[[{"a":{},"a":{}}]]"#), "a"),
    ] {
        let refusal = verify_access(&ES256.sign_text(&ES256.header().to_string(), &text)).unwrap_err();
        assert_eq!(refusal, Refusal::DuplicateMember { part: Part::Claims, name: name.into() });
    }
    let header = r#"{"typ":"at+jwt","alg":"ES256","kid":"ec-1","alg":"none"}"#;
    let refusal = verify_access(&ES256.sign_text(header, &claims)).unwrap_err();
    assert_eq!(refusal, Refusal::DuplicateMember { part: Part::Header, name: "alg".into() });

    let deep = format!("{}1{}", "[".repeat(4000), "]".repeat(4000));
    for text in
        ["", "[]", "null", "1", "{", "{}{}", "\u{feff}{}", &twice(&format!(r#""x":{deep}"#)), "{'a':1}"]
    {
        let token = ES256.sign_text(&ES256.header().to_string(), text);
        let refusal = verify_access(&token).unwrap_err();
        let expected = if text.is_empty() { Refusal::NotCompact } else { Refusal::NotAnObject(Part::Claims) };
        assert_eq!(refusal, expected, "{text:.40}");
    }
}

#[test]
fn a_signature_of_another_shape_is_refused() {
    let token = ES256.access_token();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let raw = decode_unverified(&token).unwrap().signature;
    let der = Sign::new(MessageDigest::sha256(), &ES256.private)
        .unwrap()
        .sign_oneshot_to_vec(signed.as_bytes())
        .unwrap();
    let (r, s) = raw.split_at(32);
    let padded = [&[0], r, &[0], s].concat();
    for wrong in
        [der, padded, [0; 64].to_vec(), [0xff; 64].to_vec(), raw[..63].to_vec(), [&raw[..], &[0]].concat()]
    {
        let refusal = verify_access(&format!("{signed}.{}", b64(&wrong))).unwrap_err();
        assert_eq!(refusal, Refusal::BadSignature { kid: Some("ec-1".into()) });
    }
    assert_eq!(b64(&raw), signature);
}

#[test]
fn an_inspector_sees_what_is_there() {
    let decoded = decode_unverified(&ES256.access_token()).unwrap();
    assert_eq!((decoded.header, decoded.claims), (ES256.header(), access_claims()));
    assert_eq!(decoded.signature.len(), 64);
    assert_eq!(decode_unverified("e30.e30").unwrap_err(), Refusal::NotCompact);
    assert!(decode_unverified("e30.e30.AA").is_ok(), "even what no service would accept");
}
