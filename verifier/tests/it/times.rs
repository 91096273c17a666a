//! Times: the bounds to the second, and values made to break arithmetic.
//!
//! Holds `check.rs`, `claims.rs`, `json.rs`.

use countersign_verifier::{Check, Refusal, verify};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::signer::{API, ES256, ISSUER, NOW, access_claims, all, at, key_set, verify_access, with};

fn with_text(name: &str, number: &str) -> String {
    let claims = with(access_claims(), json!({ name: "HERE" })).to_string();
    ES256.sign_text(&ES256.header().to_string(), &claims.replace("\"HERE\"", number))
}

#[test]
fn hostile_times_are_refused_without_panic() {
    let hostile = [
        "1e300", "-1e300", "1e19", "10000000000000000000", "18446744073709551615", "18446744073709551616",
        "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-1", "-0.5", "-1e-300",
        "9007199254740993", "9007199254740994.5", "9.1e15", "\"1800000000\"", "null", "true", "[]",
        "[1800000000]", "{}",
    ];
    for name in ["exp", "iat", "nbf", "auth_time"] {
        for number in hostile {
            let refusal = verify_access(&with_text(name, number)).unwrap_err();
            assert_eq!(refusal, Refusal::MalformedClaim(name), "{name} {number}");
        }
        for number in ["1e400", "NaN", "Infinity", "0x7", "01", "+1", "1_0"] {
            assert!(verify_access(&with_text(name, number)).is_err(), "{name} {number}");
        }
    }
    assert_eq!(verify_access(&with_text("exp", "9007199254740992")).unwrap_err(), Refusal::ExpiryTooFar);
    assert_eq!(verify_access(&with_text("exp", "1800000600000")).unwrap_err(), Refusal::ExpiryTooFar);
    for exp in ["0", "0.0", "-0", "-0.0"] {
        assert_eq!(
            verify_access(&with_text("exp", exp)).unwrap_err(),
            Refusal::Expired { seconds: NOW },
            "{exp}"
        );
    }
    for exp in ["1800000600.0", "1.8000006e9", "18000006E2"] {
        assert_eq!(verify_access(&with_text("exp", exp)).unwrap().exp, NOW + 600, "{exp}");
    }
}

/// A fraction of a second never makes a token valid for longer.
#[test]
fn every_json_number_is_a_time_and_fractions_are_rounded_towards_refusal() {
    let exp = |number: &str| verify_access(&with_text("exp", number)).map(|claims| claims.exp);
    assert_eq!(exp("1800000600.999"), Ok(NOW + 600));
    assert_eq!(exp("1800000000.999"), Err(Refusal::Expired { seconds: 0 }));
    assert_eq!(exp("1.8000000015e9"), Ok(NOW + 1));
    assert_eq!(exp("19e8"), Ok(1_900_000_000));
    assert_eq!(exp("1e-1"), Err(Refusal::Expired { seconds: NOW }));
    for claim in ["iat", "nbf"] {
        let read = |number: &str| verify_access(&with_text(claim, number));
        assert!(read("1800000030.0").is_ok() && read("1e9").is_ok() && read("0.5").is_ok(), "{claim}");
        let refused = Refusal::NotYetValid { claim, seconds: 31 };
        assert_eq!(read("1800000030.000001").unwrap_err(), refused);
    }
    assert_eq!(verify_access(&with_text("iat", "1e9")).unwrap().iat, 1_000_000_000);
    assert_eq!(verify_access(&with_text("auth_time", "1799999999.9")).unwrap().auth_time, Some(NOW - 1));
}

#[test]
fn every_bound_holds_to_the_second() {
    const FIFTY_YEARS: i64 = 50 * 31_556_952;
    let ahead = |claim, seconds| Err(Refusal::NotYetValid { claim, seconds });
    let table = [
        (json!({ "exp": NOW + 1 }), Ok(())),
        (json!({ "exp": NOW }), Err(Refusal::Expired { seconds: 0 })),
        (json!({ "exp": NOW - 12 }), Err(Refusal::Expired { seconds: 12 })),
        (json!({ "exp": NOW + FIFTY_YEARS }), Ok(())),
        (json!({ "exp": NOW + FIFTY_YEARS + 1 }), Err(Refusal::ExpiryTooFar)),
        (json!({ "exp": null }), Err(Refusal::MissingClaim("exp"))),
        (json!({ "iat": null }), Err(Refusal::MissingClaim("iat"))),
        (json!({ "iat": NOW + 30 }), Ok(())),
        (json!({ "iat": NOW + 31 }), ahead("iat", 31)),
        (json!({ "iat": 0 }), Ok(())),
        (json!({ "nbf": null }), Ok(())),
        (json!({ "nbf": NOW + 30 }), Ok(())),
        (json!({ "nbf": NOW + 31 }), ahead("nbf", 31)),
    ];
    for (changes, outcome) in table {
        let token = ES256.sign(&ES256.header(), &with(access_claims(), changes.clone()));
        assert_eq!(verify_access(&token).map(|_| ()), outcome, "{changes}");
    }
}

#[test]
fn leeway_is_bounded() {
    for (leeway, ahead, passes) in [
        (Duration::ZERO, 1, false),
        (Duration::seconds(-5), 0, true),
        (Duration::MINUTE, 59, true),
        (Duration::MINUTE, 60, false),
        (Duration::MAX, 60, false),
    ] {
        let check = Check { leeway, ..Check::access_token(ISSUER, API) };
        let token = ES256.sign(&ES256.header(), &with(access_claims(), json!({ "iat": NOW + ahead })));
        assert_eq!(verify(&token, &key_set(all()), &check, at(NOW)).is_ok(), passes, "{leeway} {ahead}");
    }
}

#[test]
fn any_clock_is_borne() {
    let token = ES256.access_token();
    let check = Check::access_token(ISSUER, API);
    for now in [time::PrimitiveDateTime::MIN, time::PrimitiveDateTime::MAX] {
        assert!(verify(&token, &key_set(all()), &check, now.assume_utc()).is_err());
    }
    assert!(verify(&token, &key_set(all()), &check, OffsetDateTime::UNIX_EPOCH).is_err());
}
