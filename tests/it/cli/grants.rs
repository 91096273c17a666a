//! `countersign grant`: what operators see of the access that applications keep, and taking it back.

use countersign::operations::{Operation, people};
use countersign::protocol::refresh::RefreshToken;
use serde_json::{Value, json};
use time::Duration;

use super::debugging::{command, failures, particular};
use crate::endpoints::refresh::{good, native, refresh_token, refreshing, userinfo};
use crate::support::TEST;
use crate::support::app::TestApp;
use crate::support::rp::Rp;

const OFFLINE: &[(&str, Option<&str>)] =
    &[("scope", Some("openid offline_access")), ("prompt", Some("consent"))];

fn run(app: &TestApp, words: &[&str]) -> (bool, String) {
    let output = command(app, words).output().unwrap();
    let told = if output.status.success() { &output.stdout } else { &output.stderr };
    (output.status.success(), String::from_utf8(told.clone()).unwrap())
}

fn listed(app: &TestApp, words: &[&str]) -> Vec<Value> {
    let (done, told) = run(app, &[&["grant", "list", "--json"], words].concat());
    assert!(done, "{told}");
    serde_json::from_str(&told).unwrap()
}

#[actix_web::test]
async fn grants_are_listed_shown_and_revoked() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    app.user("eve").await;
    let (bank, phone) = (Rp::new(&app, refreshing(json!({}))).await, Rp::new(&app, native()).await);
    let browser = app.browser();
    let session = bank.tokens(&browser, "ada", &[]).await;
    let offline = phone.tokens(&app.browser(), "ada", OFFLINE).await;
    bank.tokens(&app.browser(), "eve", OFFLINE).await;
    let newer = good(&phone.refresh(&browser, &refresh_token(&offline), &[]).await);
    let id = |tokens: &Value| RefreshToken::parse(&refresh_token(tokens)).unwrap().family.to_string();
    assert_eq!(listed(&app, &[]).len(), 3);
    assert_eq!(listed(&app, &["--limit", "2"]).len(), 2);
    assert_eq!(listed(&app, &["--person", "eve"]).len(), 1);
    assert_eq!(listed(&app, &["--client", &bank.client_id]).len(), 2);
    let of_ada = listed(&app, &["--person", "ada", "--client", &phone.client_id]);
    let [grant] = &of_ada[..] else { panic!("{of_ada:?}") };
    for (name, value) in [
        ("grant_id", json!(id(&offline))),
        ("client_id", json!(phone.client_id)),
        ("sub", json!(ada.id)),
        ("login", json!("ada")),
        ("kind", json!("offline")),
        ("live", json!(true)),
        ("scope", json!("offline_access openid")),
        ("generation", json!(1)),
    ] {
        assert_eq!(grant[name], value, "{name}");
    }
    let text = run(&app, &["grant", "list", "--person", "ada"]).1;
    assert!(
        text.starts_with("GRANT_ID")
            && text.contains("session")
            && text.contains("in 29 d unused, in 179 d at most"),
        "{text}"
    );
    let shown = run(&app, &["grant", "show", &id(&session), "--json"]).1;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["kind"], &shown["client_id"]), (&json!("session"), &json!(bank.client_id)));

    assert_eq!(userinfo(&phone, &browser, &newer).await, 200);
    let (done, told) = run(&app, &["grant", "revoke", &id(&offline)]);
    assert!(done && told.contains("Revoked grant"), "{told}");
    assert!(run(&app, &["grant", "revoke", &id(&offline)]).1.contains("was revoked already"));
    assert_eq!(userinfo(&phone, &browser, &newer).await, 401);
    assert_eq!(phone.refresh(&browser, &refresh_token(&newer), &[]).await.status, 400);
    let of_ada = listed(&app, &["--client", &phone.client_id]);
    assert_eq!((&of_ada[0]["live"], &of_ada[0]["revoked_because"]), (&json!(false), &json!("by_operator")));
    assert_eq!(bank.refresh(&browser, &refresh_token(&session), &[]).await.status, 200);
    let told = run(&app, &["audit", "list", "--event", "grant.revoked", "--json"]).1;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told[0]["actor_kind"], &told[0]["context"]["why"]), (&json!("cli"), &json!("by_operator")));
    for words in [["grant", "show", "nonsense"], ["grant", "revoke", "AAAAAAAAAAAAAAAAAAAAAA"]] {
        let (done, told) = run(&app, &words);
        assert!(!done && told.contains("there is no grant"), "{told}");
    }
    let (done, told) = run(&app, &["grant", "list", "--person", "nobody"]);
    assert!(!done && told.contains("there is no person"), "{told}");
    app.finish().await;
}

/// Every refusal says what exactly is wrong, to the developer of the client that sent the token.
#[actix_web::test]
async fn every_refusal_of_a_refresh_token_is_explained() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let browser = app.browser();
    let (rp, other) = (Rp::new(&app, native()).await, Rp::new(&app, native()).await);
    let begin = async |rp: &Rp<'_>| refresh_token(&rp.tokens(&app.browser(), "ada", OFFLINE).await);
    let refused = async |rp: &Rp<'_>, token: &str| {
        let answer = rp.refresh(&browser, token, &[]).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (400, &json!("invalid_grant")));
    };
    let token = begin(&rp).await;
    refused(&rp, &token[..60]).await;
    refused(&rp, &begin(&other).await).await;
    let second = refresh_token(&good(&rp.refresh(&browser, &token, &[]).await));
    good(&rp.refresh(&browser, &second, &[]).await);
    refused(&rp, &token).await;
    app.clock.advance(Duration::seconds(40));
    refused(&rp, &token).await;
    refused(&rp, &second).await;
    let (key, family) = (countersign::secret::Key::generate(), countersign::ids::GrantId::generate());
    refused(&rp, &RefreshToken::make(&key, family, 0, &[1; 17]).expose()).await;
    let last = begin(&rp).await;
    let op = Operation::new(&app.app.db, &app.app.state, TEST, app.clock.now());
    people::disable(&op, &ada).await.unwrap();
    refused(&rp, &last).await;
    let told = failures(&app, &rp.client_id, 7).await;
    let told_of = |words: &str| {
        let found = told.iter().find(|failure| failure["cause"].as_str().unwrap().contains(words));
        found.unwrap_or_else(|| panic!("{words}: {told:#?}"))
    };
    for (words, name, value) in [
        ("does not look like one of ours", "length", "60 characters instead of 73"),
        ("was issued to another client", "issued to", other.client_id.as_str()),
        ("came late", "generation", "0, the newest is 2"),
        ("was used again; the grant is revoked", "generation", "0, the newest is 2"),
        ("is unknown", "grant", &family.to_string()),
    ] {
        assert_eq!(particular(told_of(words), name), value, "{words}");
    }
    for words in ["an earlier refresh token of it was used again", "the person's account was disabled"] {
        assert!(particular(told_of(words), "ago").ends_with(" s"), "{words}");
    }
    let disabled = countersign::store::users::by_id(&app.app.db, &ada.id).await.unwrap().unwrap();
    people::enable(&op, &disabled).await.unwrap();
    // Failures are kept for a while only: each of the rest has a client of its own.
    let (idle, busy) = (Rp::new(&app, native()).await, Rp::new(&app, native()).await);
    let mut used = begin(&busy).await;
    for _ in 0..8 {
        app.clock.advance(Duration::days(20));
        used = refresh_token(&good(&busy.refresh(&browser, &used, &[]).await));
    }
    let unused = begin(&idle).await;
    app.clock.advance(Duration::days(29));
    refused(&busy, &used).await;
    app.clock.advance(Duration::days(1) + Duration::seconds(7));
    refused(&idle, &unused).await;
    for (rp, words) in
        [(&idle, "it was not used for too long"), (&busy, "its grant has reached its latest end")]
    {
        let told = failures(&app, &rp.client_id, 1).await;
        assert!(told[0]["cause"].as_str().unwrap().contains(words), "{told:?}");
        assert!(particular(&told[0], "too late by").ends_with(" s"), "{words}");
    }
    drop(op);
    app.finish().await;
}
