//! The verifier that finds its keys itself, against a real server: how often it asks, and what it does when it cannot.

use std::thread;
use std::time::Duration as StdDuration;

use countersign_verifier::{BuildError, Refusal, TokenKind, Verifier, VerifyError};
use serde_json::json;
use time::Duration;
use tokio::task::JoinSet;

use crate::keys_server::{Answer, KeysServer};
use crate::signer::{
    API, CLIENT, ES256, ISSUER, NOW, RS256, Signer, access_claims, all, at, id_claims, jwks, with,
};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

fn verifier(server: &KeysServer) -> Verifier {
    Verifier::builder(ISSUER, API).jwks_url(server.url("/jwks")).build().unwrap()
}

/// A token that is good at a later moment.
fn token_at(signer: &Signer, now: i64) -> String {
    signer.sign(&signer.header(), &with(access_claims(), json!({ "iat": now, "exp": now + 600, "nbf": now })))
}

async fn passes(verifier: &Verifier, signer: &Signer, now: i64) -> bool {
    verifier.verify_at(&token_at(signer, now), at(now)).await.is_ok()
}

/// Waits for a refresh on the side, which nobody waits for.
async fn until(server: &KeysServer, requests: usize) {
    for _ in 0..500 {
        if server.requests() >= requests {
            return;
        }
        tokio::time::sleep(StdDuration::from_millis(10)).await;
    }
    panic!("{} requests instead of {requests}", server.requests());
}

#[tokio::test]
async fn a_hundred_callers_wait_for_one_fetch() {
    let server = KeysServer::with_keys(jwks(all()));
    server.delay(StdDuration::from_millis(200));
    let verifier = verifier(&server);
    let mut callers = JoinSet::new();
    for _ in 0..100 {
        let verifier = verifier.clone();
        callers.spawn(async move { passes(&verifier, &ES256, NOW).await });
    }
    assert!(callers.join_all().await.into_iter().all(|passed| passed));
    assert_eq!(server.requests(), 1);
}

#[test]
fn callers_in_several_runtimes_wait_for_one_fetch() {
    let server = KeysServer::with_keys(jwks(all()));
    server.delay(StdDuration::from_millis(200));
    let verifier = verifier(&server);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                assert!(runtime.block_on(passes(&verifier, &ES256, NOW)));
            });
        }
    });
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn made_up_keys_cause_one_fetch_and_harm_nobody() {
    let server = KeysServer::with_keys(jwks(all()));
    let verifier = verifier(&server);
    assert!(passes(&verifier, &ES256, NOW).await);
    server.delay(StdDuration::from_millis(200));
    let mut attackers = JoinSet::new();
    for number in 0..1000 {
        let verifier = verifier.clone();
        attackers.spawn(async move {
            let header = with(ES256.header(), json!({ "kid": format!("made-up-{number}") }));
            verifier.verify_at(&ES256.sign(&header, &access_claims()), at(NOW)).await.unwrap_err()
        });
    }
    tokio::task::yield_now().await;
    // The attack's fetch is under way for 200 ms: who has a known key does not notice.
    let honest = tokio::time::timeout(StdDuration::from_millis(150), passes(&verifier, &ES256, NOW)).await;
    assert!(honest.unwrap());
    for error in attackers.join_all().await {
        assert!(matches!(error, VerifyError::Refused(Refusal::UnknownKey { .. })), "{error}");
        assert_eq!(error.status(), 401);
    }
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn a_hopeless_token_is_not_worth_a_fetch() {
    let server = KeysServer::with_keys(jwks(all()));
    let verifier = verifier(&server);
    assert!(verifier.verify_at("no.token.", at(NOW)).await.is_err());
    let stranger = with(access_claims(), json!({ "iss": "https://other.example.com" }));
    assert!(verifier.verify_at(&ES256.sign(&ES256.header(), &stranger), at(NOW)).await.is_err());
    assert_eq!(server.requests(), 0);
    assert!(passes(&verifier, &ES256, NOW).await);
    let unknown = with(ES256.header(), json!({ "kid": "other" }));
    for changes in [json!({ "exp": NOW }), json!({ "aud": "other" }), json!({ "cnf": {} })] {
        let token = ES256.sign(&unknown, &with(access_claims(), changes));
        assert!(verifier.verify_at(&token, at(NOW)).await.is_err());
    }
    let long = with(ES256.header(), json!({ "kid": "k".repeat(300) }));
    assert!(verifier.verify_at(&ES256.sign(&long, &access_claims()), at(NOW)).await.is_err());
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_at_once_and_then_after_the_cooldown() {
    let server = KeysServer::with_keys(jwks([&*ES256]));
    let verifier = verifier(&server);
    assert!(passes(&verifier, &ES256, NOW).await);

    let (second, third) = (Signer::ec("ec-2"), Signer::ec("ec-3"));
    server.put_keys(jwks([&*ES256, &second]));
    assert!(passes(&verifier, &second, NOW + 1).await);
    assert!(passes(&verifier, &ES256, NOW + 1).await);
    assert_eq!(server.requests(), 2);

    server.put_keys(jwks([&second, &third]));
    assert!(!passes(&verifier, &third, NOW + 30).await, "the last fetch for an unknown key was 29 s ago");
    assert_eq!(server.requests(), 2);
    assert!(passes(&verifier, &third, NOW + 31).await);
    assert!(!passes(&verifier, &ES256, NOW + 31).await, "a key taken out of the set is gone");
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn a_key_found_absent_does_not_spend_the_next_fetch() {
    let server = KeysServer::with_keys(jwks([&*ES256]));
    let verifier = verifier(&server);
    let (gone, new) = (Signer::ec("gone"), Signer::ec("new"));
    assert!(!passes(&verifier, &gone, NOW).await);
    assert_eq!(server.requests(), 2);
    assert!(!passes(&verifier, &gone, NOW + 31).await);
    assert_eq!(server.requests(), 2);
    server.put_keys(jwks([&*ES256, &new]));
    assert!(passes(&verifier, &new, NOW + 32).await);
    assert!(!passes(&verifier, &gone, NOW + 90).await, "after twice the cooldown it is asked for again");
    assert_eq!(server.requests(), 4);
}

#[tokio::test]
async fn known_keys_outlive_the_server_for_an_hour() {
    let mut server = KeysServer::with_keys(jwks(all()));
    let verifier = verifier(&server);
    assert!(passes(&verifier, &ES256, NOW).await);
    server.die();
    for later in [1, 599, 600, 601, 3600, HOUR + 599] {
        assert!(passes(&verifier, &ES256, NOW + later).await, "{later} s later");
    }
    let later = NOW + HOUR + 601;
    let error = verifier.verify_at(&token_at(&ES256, later), at(later)).await.unwrap_err();
    assert!(matches!(error, VerifyError::KeysUnavailable(_)));
    assert_eq!((error.status(), error.www_authenticate(None)), (503, None));
}

#[tokio::test]
async fn a_refresh_happens_on_the_side_when_its_time_has_come() {
    let server = KeysServer::with_keys(jwks([&*ES256, &*RS256]));
    let verifier = verifier(&server);
    assert!(passes(&verifier, &ES256, NOW).await);
    assert!(passes(&verifier, &ES256, NOW + 599).await);
    assert_eq!(server.requests(), 1);
    server.put_keys(jwks([&*RS256]));
    server.delay(StdDuration::from_millis(100));
    assert!(passes(&verifier, &ES256, NOW + 600).await, "the old set serves meanwhile");
    until(&server, 2).await;
    tokio::time::sleep(StdDuration::from_millis(300)).await;
    assert!(passes(&verifier, &RS256, NOW + 601).await);
    assert!(!passes(&verifier, &ES256, NOW + 601).await, "a withdrawn key is gone with the refresh");
}

/// A refresh that was answered before the set changed, and whose answer arrives after a newer one.
#[tokio::test]
async fn of_overlapping_fetches_the_one_begun_later_wins() {
    let server = KeysServer::with_keys(jwks([&*ES256, &*RS256]));
    let verifier = verifier(&server);
    assert!(passes(&verifier, &ES256, NOW).await);
    server.hold_next();
    assert!(passes(&verifier, &ES256, NOW + 600).await, "the old set serves meanwhile");
    until(&server, 2).await;
    let new = Signer::ec("ec-2");
    server.put_keys(jwks([&*RS256, &new]));
    assert!(passes(&verifier, &new, NOW + 601).await, "a fetch begun before the key is not waited for");
    assert_eq!(server.requests(), 3);
    assert!(!passes(&verifier, &ES256, NOW + 601).await, "withdrawn");
    server.release();
    tokio::time::sleep(StdDuration::from_millis(200)).await;
    assert!(!passes(&verifier, &ES256, NOW + 602).await, "the older answer brings no key back");
    assert!(passes(&verifier, &new, NOW + 602).await);
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn a_bad_answer_never_replaces_good_keys() {
    let server = KeysServer::with_keys(jwks(all()));
    let verifier = verifier(&server);
    assert!(passes(&verifier, &ES256, NOW).await);
    let elsewhere = format!("Location: {}\r\n", server.url("/other"));
    server.put("/other", Answer::ok("", jwks([&*RS256])));
    let bad = [
        Answer("500 Internal Server Error", String::new(), jwks([&*RS256])),
        Answer("302 Found", elsewhere, Vec::new()),
        Answer::ok("", b"<html>".to_vec()),
        Answer::ok("", br#"{"keys":[]}"#.to_vec()),
        Answer::ok("", [jwks([&*RS256]), vec![b' '; 65_536]].concat()),
    ];
    for (number, answer) in bad.into_iter().enumerate() {
        let later = NOW + 700 + 40 * i64::try_from(number).unwrap();
        server.put("/jwks", answer);
        assert!(passes(&verifier, &ES256, later).await);
        until(&server, number + 2).await;
        tokio::time::sleep(StdDuration::from_millis(50)).await;
        assert!(passes(&verifier, &ES256, later + 1).await, "answer {number}");
        assert!(passes(&verifier, &ES256, later + 29).await, "answer {number}");
        tokio::time::sleep(StdDuration::from_millis(50)).await;
        assert_eq!(server.requests(), number + 2, "no second attempt within the cooldown");
    }
}

#[tokio::test]
async fn without_keys_all_callers_share_one_failure_and_the_next_success() {
    let server = KeysServer::start();
    server.delay(StdDuration::from_millis(50));
    let verifier = verifier(&server);
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let verifier = verifier.clone();
        callers.spawn(async move { verifier.verify_at(&ES256.access_token(), at(NOW)).await.unwrap_err() });
    }
    for error in callers.join_all().await {
        assert!(error.to_string().ends_with("/jwks answered 404"), "{error}");
    }
    assert_eq!(server.requests(), 1);
    server.put_keys(jwks(all()));
    assert!(!passes(&verifier, &ES256, NOW).await, "the failure is a moment old");
    assert!(passes(&verifier, &ES256, NOW + 1).await);
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn a_caller_who_hangs_up_stops_nobody() {
    let server = KeysServer::with_keys(jwks(all()));
    server.delay(StdDuration::from_millis(200));
    let verifier = verifier(&server);
    let impatient = tokio::time::timeout(StdDuration::from_millis(50), passes(&verifier, &ES256, NOW)).await;
    assert!(impatient.is_err());
    assert!(passes(&verifier, &ES256, NOW).await);
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn how_long_keys_are_fresh_is_the_servers_word_within_bounds() {
    for (headers, fresh) in [
        ("Cache-Control: public, max-age=900\r\n", 900),
        ("Cache-Control: MAX-AGE=900\r\nAge: 100\r\n", 800),
        ("Cache-Control: max-age=1\r\n", 60),
        ("Cache-Control: max-age=900, no-store\r\n", 60),
        ("Cache-Control: max-age=99999999\r\n", DAY),
        ("Cache-Control: max-age=x\r\n", 600),
        ("", 600),
    ] {
        let server = KeysServer::start();
        server.put("/jwks", Answer::ok(headers, jwks(all())));
        let verifier = verifier(&server);
        assert!(passes(&verifier, &ES256, NOW).await);
        assert!(passes(&verifier, &ES256, NOW + fresh - 1).await);
        tokio::time::sleep(StdDuration::from_millis(20)).await;
        assert_eq!(server.requests(), 1, "{headers}");
        assert!(passes(&verifier, &ES256, NOW + fresh).await);
        until(&server, 2).await;
    }
}

#[tokio::test]
async fn keys_are_found_through_the_issuers_metadata() {
    let server = KeysServer::with_keys(jwks(all()));
    let path = "/tenant/.well-known/openid-configuration";
    let issuer = server.url("/tenant");
    let metadata = |issuer: &str, jwks_uri: &str| {
        Answer::ok("", json!({ "issuer": issuer, "jwks_uri": jwks_uri }).to_string().into_bytes())
    };
    let outcome = async |answer| {
        server.put(path, answer);
        let verifier = Verifier::builder(&issuer, API).build().unwrap();
        let token = ES256.sign(&ES256.header(), &with(access_claims(), json!({ "iss": issuer })));
        verifier.verify_at(&token, at(NOW)).await.map_err(|error| error.to_string())
    };
    assert_eq!(outcome(metadata(&issuer, &server.url("/jwks"))).await.unwrap().iss, issuer);
    let error = outcome(metadata(&server.url("/other"), &server.url("/jwks"))).await.unwrap_err();
    assert!(error.contains("the metadata is that of issuer"), "{error}");
    for answer in
        [metadata(&issuer, "file:///etc/passwd"), metadata(&issuer, "jwks"), Answer::ok("", b"[]".into())]
    {
        assert!(outcome(answer).await.is_err());
    }
}

#[tokio::test]
async fn this_moment_is_the_machines() {
    let server = KeysServer::with_keys(jwks(all()));
    let verifier = verifier(&server);
    verifier.warm_up().await.unwrap();
    assert_eq!(server.requests(), 1);
    let now = time::OffsetDateTime::from(std::time::UNIX_EPOCH + std::time::UNIX_EPOCH.elapsed().unwrap());
    assert!(verifier.verify(&token_at(&ES256, now.unix_timestamp())).await.is_ok());
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_client_checks_id_tokens_and_their_nonce() {
    let server = KeysServer::with_keys(jwks(all()));
    let builder = Verifier::builder(ISSUER, CLIENT).kind(TokenKind::IdToken);
    let verifier = builder.jwks_url(server.url("/jwks")).build().unwrap();
    let token = RS256.sign(&with(RS256.header(), json!({ "typ": "JWT" })), &id_claims());
    assert!(verifier.verify_with_nonce(&token, "n-1", at(NOW)).await.is_ok());
    let error = verifier.verify_with_nonce(&token, "n-2", at(NOW)).await.unwrap_err();
    assert!(matches!(error, VerifyError::Refused(Refusal::WrongNonce)));
}

#[test]
fn what_cannot_be_safe_is_not_built() {
    let built = |issuer: &str| Verifier::builder(issuer, API).build();
    for issuer in ["https://id.example.com", "http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:1"]
    {
        assert!(built(issuer).is_ok(), "{issuer}");
    }
    for issuer in
        ["http://id.example.com", "http://localhost.example.com", "http://10.0.0.1", "ftp://localhost"]
    {
        assert!(matches!(built(issuer), Err(BuildError::Insecure(_))), "{issuer}");
    }
    assert!(matches!(built("id.example.com"), Err(BuildError::NotAUrl(_))));
    assert!(Verifier::builder("http://id.internal", API).allow_http().build().is_ok());
    let none = Verifier::builder(ISSUER, API).algorithms([]).build();
    assert!(matches!(none, Err(BuildError::NoAlgorithm)));
    let extreme =
        Verifier::builder(ISSUER, API).cooldown(Duration::MAX).stale_if_error(Duration::MAX).build();
    assert!(extreme.is_ok());
}
