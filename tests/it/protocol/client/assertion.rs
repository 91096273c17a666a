//! Client assertions: every member, right and wrong.

use countersign::protocol::client::assertion::{Assertion, Audience, Statement};
use countersign::protocol::client::{Client, ClientAlg};
use countersign::secret::base64url;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::protocol::client;

const ISSUER: &str = "https://id.example";
const AUDIENCE: Audience<'_> = Audience { issuer: ISSUER, token_endpoint: "https://id.example/token" };
const NOW: i64 = 1_900_000_000;

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW).unwrap()
}

fn registered(more: Value) -> Client {
    let Value::Object(more) = more else { panic!("{more}") };
    let mut metadata = json!({
        "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example/jwks",
    });
    metadata.as_object_mut().unwrap().extend(more);
    client(metadata)
}

/// An assertion as it should be, changed: null takes a member away.
fn changed(header: Value, claims: Value) -> String {
    let merged = |mut usual: Value, changes: Value| {
        usual.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        usual.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        base64url(usual.to_string().as_bytes())
    };
    let usual = json!({
        "iss": "app", "sub": "app", "aud": ISSUER, "jti": "one", "iat": NOW, "exp": NOW + 60,
    });
    format!("{}.{}.c2ln", merged(json!({ "alg": "ES256" }), header), merged(usual, claims))
}

fn judged(client: &Client, text: &str) -> Result<(ClientAlg, String, i64), String> {
    let assertion = Assertion::read(text).map_err(|cause| cause.to_string())?;
    let stated: Result<Statement<'_>, _> = assertion.judge(client, AUDIENCE, now());
    let stated = stated.map_err(|cause| cause.to_string())?;
    Ok((stated.alg, stated.jti.to_owned(), stated.until.unix_timestamp() - NOW))
}

#[test]
fn an_assertion_is_good_until_its_expiry_and_ten_minutes_at_most() {
    let app = registered(json!({}));
    for (claims, until) in [
        (json!({}), 90),
        (json!({ "aud": [ISSUER] }), 90),
        (json!({ "iat": null }), 90),
        (json!({ "iat": null, "exp": NOW + 630 }), 660),
        (json!({ "exp": NOW + 3600 }), 630),
        (json!({ "iat": NOW + 30, "nbf": NOW + 30, "exp": NOW + 9000 }), 660),
        (json!({ "iat": NOW - 629, "exp": NOW + 9000 }), 1),
        (json!({ "exp": NOW - 29 }), 1),
        // Fractions are rounded towards refusal.
        (json!({ "exp": 1_900_000_060.9 }), 90),
        (json!({ "iat": 1_900_000_029.5 }), 90),
        (json!({ "exp": 1.900_000_06e9 }), 90),
    ] {
        assert_eq!(
            judged(&app, &changed(json!({}), claims.clone())).map(|(.., until)| until),
            Ok(until),
            "{claims}"
        );
    }
}

#[test]
fn every_wrong_member_is_refused_for_what_it_is() {
    let app = registered(json!({}));
    let rows: &[(Value, Value, &str)] = &[
        // Who.
        (json!({}), json!({ "iss": null }), "iss and sub"),
        (json!({}), json!({ "sub": null }), "iss and sub"),
        (json!({}), json!({ "iss": "other" }), "iss and sub"),
        (json!({}), json!({ "sub": "other" }), "iss and sub"),
        (json!({}), json!({ "sub": "APP" }), "iss and sub"),
        (json!({}), json!({ "sub": ["app"] }), "iss and sub"),
        // For whom.
        (json!({}), json!({ "aud": null }), "not this provider's issuer"),
        (json!({}), json!({ "aud": "https://id.example/" }), "not this provider's issuer"),
        (json!({}), json!({ "aud": "https://id.example/token" }), "not this provider's issuer"),
        (json!({}), json!({ "aud": ["https://id.example/token"] }), "not this provider's issuer"),
        (json!({}), json!({ "aud": { "iss": ISSUER } }), "not this provider's issuer"),
        (json!({}), json!({ "aud": [[ISSUER]] }), "not this provider's issuer"),
        (json!({}), json!({ "aud": [ISSUER, "https://evil.example"] }), "only audience"),
        (json!({}), json!({ "aud": [ISSUER, ISSUER] }), "only audience"),
        (json!({}), json!({ "aud": [] }), "only audience"),
        // When.
        (json!({}), json!({ "exp": null }), "has no exp"),
        (json!({}), json!({ "exp": "1900000060" }), "no number of seconds"),
        (json!({}), json!({ "exp": -1 }), "no number of seconds"),
        (json!({}), json!({ "exp": 1e300 }), "no number of seconds"),
        (json!({}), json!({ "exp": u64::MAX }), "no number of seconds"),
        (json!({}), json!({ "iat": "now" }), "no number of seconds"),
        (json!({}), json!({ "exp": (NOW + 60) * 1000 }), "in milliseconds"),
        (json!({}), json!({ "exp": 9_007_199_254_740_992_i64 }), "in milliseconds"),
        (json!({}), json!({ "exp": NOW - 30 }), "has expired"),
        (json!({}), json!({ "exp": 1_899_999_970.9 }), "has expired"),
        (json!({}), json!({ "iat": NOW - 630, "exp": NOW + 60 }), "older than 10 minutes"),
        (json!({}), json!({ "iat": null, "exp": NOW + 631 }), "lasts longer than 10 minutes"),
        (json!({}), json!({ "iat": NOW + 31 }), "dated in the future"),
        (json!({}), json!({ "iat": 1_900_000_030.1 }), "dated in the future"),
        (json!({}), json!({ "nbf": NOW + 60 }), "dated in the future"),
        // Once.
        (json!({}), json!({ "jti": null }), "has no jti"),
        (json!({}), json!({ "jti": "" }), "has no jti"),
        (json!({}), json!({ "jti": 7 }), "has no jti"),
        // Of which kind, and how signed.
        (json!({ "typ": "at+jwt" }), json!({}), "another kind"),
        (json!({ "typ": "oauth-authz-req+jwt" }), json!({}), "another kind"),
        (json!({ "typ": "dpop+jwt" }), json!({}), "another kind"),
        (json!({ "alg": "none" }), json!({}), "alg that is not accepted"),
        (json!({ "alg": "None" }), json!({}), "alg that is not accepted"),
        (json!({ "alg": "es256" }), json!({}), "alg that is not accepted"),
        (json!({ "alg": "RS512" }), json!({}), "alg that is not accepted"),
        (json!({ "alg": "HS256" }), json!({}), "has a MAC, but this client signs"),
        (json!({ "alg": null }), json!({}), "no JSON header with an alg"),
        (json!({ "crit": ["exp"], "exp": 1 }), json!({}), "has crit"),
    ];
    for (header, claims, expected) in rows {
        let refused = judged(&app, &changed(header.clone(), claims.clone())).unwrap_err();
        assert!(refused.contains(expected), "{header} {claims}: {refused}");
    }
}

#[test]
fn the_type_is_compared_as_media_types_are() {
    let app = registered(json!({}));
    for typ in [
        "JWT", "jwt", "application/jwt", "client-authentication+jwt", "application/Client-Authentication+JWT",
    ] {
        judged(&app, &changed(json!({ "typ": typ, "kid": "k", "jku": "https://evil.example" }), json!({})))
            .unwrap();
    }
}

#[test]
fn the_token_endpoint_is_an_audience_for_a_client_that_was_registered_so() {
    let older = registered(json!({ "assertion_audience": "issuer_or_token_endpoint" }));
    for (aud, is_good) in [
        (json!(ISSUER), true),
        (json!([ISSUER]), true),
        (json!("https://id.example/token"), true),
        (json!(["https://id.example/token"]), false),
        (json!("https://id.example/token/"), false),
        (json!("https://id.example/userinfo"), false),
        (json!([ISSUER, "https://id.example/token"]), false),
    ] {
        let text = changed(json!({}), json!({ "aud": aud }));
        assert_eq!(judged(&older, &text).is_ok(), is_good, "{aud}");
    }
}

/// The registration decides about the algorithm; the header only says which of the allowed ones it is.
#[test]
fn the_algorithm_is_one_that_the_client_may_use() {
    let any = registered(json!({}));
    let es256 = registered(json!({ "token_endpoint_auth_signing_alg": "ES256" }));
    let eddsa = registered(json!({ "token_endpoint_auth_signing_alg": "EdDSA" }));
    let by_secret = client(json!({ "token_endpoint_auth_method": "client_secret_jwt" }));
    let basic = client(json!({ "token_endpoint_auth_method": "client_secret_basic" }));
    let unnamed = client(json!({}));
    for (alg, good) in [
        ("RS256", [true, false, false, false]),
        ("PS256", [true, false, false, false]),
        ("ES256", [true, true, false, false]),
        ("EdDSA", [true, false, true, false]),
        ("Ed25519", [true, false, true, false]),
        ("HS256", [false, false, false, true]),
        ("HS512", [false; 4]),
        ("none", [false; 4]),
    ] {
        let text = changed(json!({ "alg": alg }), json!({}));
        let judged_by = [&any, &es256, &eddsa, &by_secret].map(|client| judged(client, &text).is_ok());
        assert_eq!(judged_by, good, "{alg}");
        for other in [&basic, &unnamed] {
            let refused = judged(other, &text).unwrap_err();
            assert!(refused.contains("not its registered method"), "{alg}: {refused}");
        }
    }
}

#[test]
fn what_is_no_jws_is_refused_before_anything_is_looked_up() {
    let good = changed(json!({}), json!({}));
    let [header, claims] = [0, 1].map(|at| good.split('.').nth(at).unwrap().to_owned());
    let encoded = |text: &str| base64url(text.as_bytes());
    for (text, expected) in [
        (String::new(), "three parts"),
        ("x".into(), "three parts"),
        (format!("{good}.x"), "three parts"),
        (format!("{header}.{claims}."), "not signed"),
        (format!("{header}..c2ln"), "no JSON object with claims"),
        (format!(".{claims}.c2ln"), "no JSON header"),
        (format!("{header}=.{claims}.c2ln"), "no JSON header"),
        (format!("{header}.{claims}.c2l"), "not signed"),
        (format!("{}.{claims}.c2ln", encoded("[]")), "no JSON header"),
        (format!("{}.{claims}.c2ln", encoded(r#"{"alg":"none","alg":"ES256"}"#)), "no JSON header"),
        (format!("{header}.{}.c2ln", encoded(r#"{"sub":"a","sub":"app"}"#)), "no JSON object with claims"),
        (format!("{header}.{}.c2ln", encoded("\"app\"")), "no JSON object with claims"),
        (format!("{header}.{claims}.{}", "A".repeat(16 * 1024)), "too long"),
    ] {
        let refused = Assertion::read(&text).unwrap_err().to_string();
        assert!(refused.contains(expected), "{text:.80}: {refused}");
    }
    assert_eq!(Assertion::read(&good).unwrap().named(), Some("app"));
    let by_issuer = Assertion::read(&changed(json!({}), json!({ "sub": null }))).unwrap();
    assert_eq!(by_issuer.named(), Some("app"), "whose developer is told");
}
