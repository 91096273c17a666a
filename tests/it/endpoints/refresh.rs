//! `/token` with a refresh token: what it gives, what it refuses, and when a grant ends.
//!
//! Holds `endpoints/token/refresh.rs`, `endpoints/token/family.rs`.

use countersign::protocol::refresh::RefreshToken;
use countersign::store::clients::Secret;
use countersign::store::{clients, grants};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use super::refusal;
use crate::store::trail;
use crate::support::TEST;
use crate::support::app::{API, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::{Rp, claims};

const BOTH: [&str; 2] = ["authorization_code", "refresh_token"];
const OFFLINE: &[(&str, Option<&str>)] =
    &[("scope", Some("openid email offline_access")), ("prompt", Some("consent"))];

/// An application with refresh tokens.
pub fn refreshing(more: Value) -> Value {
    let Value::Object(more) = more else { panic!("no members: {more}") };
    let mut metadata = json!({ "grant_types": BOTH });
    metadata.as_object_mut().unwrap().extend(more);
    metadata
}

/// An application on a device, which has no secret.
pub fn native() -> Value {
    refreshing(json!({ "token_endpoint_auth_method": "none", "application_type": "native" }))
}

pub fn refresh_token(tokens: &Value) -> String {
    tokens["refresh_token"].as_str().unwrap_or_else(|| panic!("no refresh token: {tokens}")).to_owned()
}

pub async fn userinfo(rp: &Rp<'_>, browser: &Browser, tokens: &Value) -> u16 {
    let token = tokens["access_token"].as_str().unwrap();
    let request = browser.request(Method::GET, &rp.app.at("/userinfo")).bearer_auth(token);
    browser.send(request).await.status.as_u16()
}

/// The tokens of an answer that must be one of success.
pub fn good(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

#[track_caller]
fn invalid(answer: &Answer) {
    assert_eq!(refusal(answer), (400, "invalid_grant".to_owned()));
}

/// OpenID Connect certification, `oidcc-refresh-token`.
#[actix_web::test]
async fn a_refresh_answers_with_the_same_person_and_new_tokens() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let rp = Rp::new(&app, refreshing(json!({}))).await;
    let browser = app.browser();
    let nonce = "n".repeat(43);
    let first = rp.tokens(&browser, "ada", &[OFFLINE, &[("nonce", Some(&nonce))]].concat()).await;
    assert_eq!(first["scope"], "email offline_access openid");
    app.clock.advance(Duration::seconds(2));
    let answer = rp.refresh(&browser, &refresh_token(&first), &[("scope", Some("openid email"))]).await;
    let second = good(&answer);
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    assert_eq!((&second["token_type"], &second["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert_eq!(second["scope"], "email openid");
    assert_eq!(second["refresh_token"], first["refresh_token"], "a confidential client keeps it");
    let [before, after] = [&first, &second].map(|tokens| claims(&tokens["id_token"]));
    for same in ["iss", "sub", "aud", "auth_time", "sid", "acr", "amr"] {
        assert_eq!(before[same], after[same], "{same}");
        assert!(!after[same].is_null(), "{same}");
    }
    assert_eq!(before["nonce"], nonce);
    assert!(after.get("nonce").is_none() && after.get("azp").is_none());
    assert_eq!(after["iat"].as_i64().unwrap(), before["iat"].as_i64().unwrap() + 2);
    assert!(before["at_hash"] != after["at_hash"] && before["jti"] != after["jti"]);
    for tokens in [&first, &second] {
        let access = claims(&tokens["access_token"]);
        assert!(access.get("urn:countersign:claim:session").is_none(), "its row decides");
        assert_eq!(userinfo(&rp, &browser, tokens).await, 200);
    }
    let told = browser
        .send(
            browser
                .request(Method::GET, &app.at("/userinfo"))
                .bearer_auth(second["access_token"].as_str().unwrap()),
        )
        .await
        .json();
    assert_eq!((&told["sub"], &told["email"]), (&json!(ada.id), &json!("ada@example.com")));
    app.finish().await;
}

#[actix_web::test]
async fn only_who_it_was_issued_to_may_use_it_and_only_for_a_part_of_it() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let scope = "openid email offline_access balances.read balances.transfer";
    let rp = Rp::new(&app, refreshing(json!({ "scope": scope }))).await;
    let other = Rp::new(&app, refreshing(json!({}))).await;
    let browser = app.browser();
    let request = [
        ("scope", Some("openid offline_access balances.read")),
        ("prompt", Some("consent")),
        ("resource", Some(API)),
    ];
    let tokens = rp.tokens(&browser, "ada", &request).await;
    let token = refresh_token(&tokens);
    let cut = &token[..token.len() - 1];
    let foreign = RefreshToken::make(
        &countersign::secret::Key::generate(),
        RefreshToken::parse(&token).unwrap().family,
        0,
        &[1; 17],
    );
    let unknown = RefreshToken::make(
        &countersign::secret::Key::generate(),
        countersign::ids::GrantId::generate(),
        0,
        &[1; 17],
    );
    let (wrong_scope, wrong_target) = ((400, "invalid_scope"), (400, "invalid_target"));
    let (grant, request) = ((400, "invalid_grant"), (400, "invalid_request"));
    let long = "x".repeat(5000);
    #[rustfmt::skip]
    let rows: Vec<(&str, &[(&str, Option<&str>)], (u16, &str))> = vec![
        (&token, &[("refresh_token", None)], request),
        (&token, &[("refresh_token", Some(""))], request),
        ("nonsense", &[], grant),
        (cut, &[], grant),
        (&long, &[], grant),
        (&token, &[("scope", Some("openid email"))], wrong_scope),
        (&token, &[("scope", Some("unheard-of"))], wrong_scope),
        (&token, &[("scope", Some("openid \u{e9}"))], wrong_scope),
        (&token, &[("resource", Some("https://other.example"))], wrong_target),
    ];
    for (token, changed, expected) in rows {
        let answer = rp.refresh(&browser, token, changed).await;
        let (status, error) = refusal(&answer);
        assert_eq!((status, error.as_str()), expected, "{token} {changed:?}");
    }
    invalid(&rp.refresh(&browser, &foreign.expose(), &[]).await);
    invalid(&rp.refresh(&browser, &unknown.expose(), &[]).await);
    invalid(&other.refresh(&browser, &token, &[]).await);
    let wrong =
        Rp { secret: "wrong".into(), client_id: rp.client_id.clone(), ..Rp::new(&app, json!({})).await };
    assert_eq!(refusal(&wrong.refresh(&browser, &token, &[]).await), (401, "invalid_client".to_owned()));
    let nothing = browser.request(Method::POST, &app.at("/token"));
    let nothing = nothing.form(&[("grant_type", "refresh_token"), ("refresh_token", &token)]);
    assert_eq!(refusal(&browser.send(nothing).await), (401, "invalid_client".to_owned()));
    // None of this ended anything; and less than everything can be asked for, each time anew.
    for (changed, audience, scope) in [
        (&[("resource", Some(API))][..], json!(API), json!("balances.read")),
        (&[("scope", Some("openid"))][..], json!(API), Value::Null),
        (&[], json!(API), json!("balances.read")),
    ] {
        let tokens = good(&rp.refresh(&browser, &token, changed).await);
        let access = claims(&tokens["access_token"]);
        assert_eq!((&access["aud"], &tokens["scope"]), (&audience, &scope), "{changed:?}");
        assert_eq!(refresh_token(&tokens), token);
    }
    app.finish().await;
}

/// A client that registered the grant type gets a token with each code; what it may do depends on how it asked.
#[actix_web::test]
async fn a_refresh_token_comes_with_the_grant_type() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let browser = app.browser();
    let plain = Rp::new(&app, json!({})).await;
    let tokens = plain.tokens(&browser, "ada", OFFLINE).await;
    assert!(tokens.get("refresh_token").is_none());
    assert_eq!(tokens["scope"], "email openid", "offline_access needs the grant type");
    let answer = plain.refresh(&browser, "rt_x", &[]).await;
    assert_eq!(refusal(&answer), (400, "unauthorized_client".to_owned()));
    for (metadata, asked, granted) in [
        // A site has to ask for consent.
        (json!({}), &[("scope", Some("openid offline_access"))][..], "openid"),
        (json!({}), OFFLINE, "email offline_access openid"),
        (
            json!({ "application_type": "native" }),
            &[("scope", Some("openid offline_access"))],
            "offline_access openid",
        ),
        (
            json!({ "first_party": true }),
            &[("scope", Some("openid offline_access"))],
            "offline_access openid",
        ),
        (json!({ "scope": "openid email" }), OFFLINE, "email openid"),
        (json!({}), &[], "openid"),
    ] {
        let rp = Rp::new(&app, refreshing(metadata.clone())).await;
        let tokens = rp.tokens(&app.browser(), "ada", asked).await;
        assert_eq!(tokens["scope"], granted, "{metadata} {asked:?}");
        let id = RefreshToken::parse(&refresh_token(&tokens)).unwrap().family;
        let family = grants::find(&app.app.db, id).await.unwrap().unwrap();
        assert_eq!(family.terms.is_offline(), granted.contains("offline"));
    }
    app.finish().await;
}

/// What a person allowed once is granted later without being asked for.
#[actix_web::test]
async fn offline_access_is_granted_on_a_stored_consent() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, refreshing(json!({}))).await;
    let browser = app.browser();
    let scope = [("scope", Some("openid offline_access"))];
    assert_eq!(rp.tokens(&browser, "ada", &scope).await["scope"], "openid");
    let again = browser.get(&rp.authorize(&scope)).await.answered("code").unwrap();
    assert_eq!(good(&rp.redeem(&browser, &again, &[]).await)["scope"], "openid", "the person is not asked");
    let page = browser.open(&rp.authorize(&[&scope[..], &[("prompt", Some("consent"))]].concat())).await;
    assert!(page.body.contains("Stay connected to your account"), "{}", page.body);
    app.clock.advance(Duration::seconds(5));
    let allowed = app.clock.now();
    let back = browser.submit(&page, &[("decision", "allow")]).await;
    let tokens = good(&rp.redeem(&browser, &back.answered("code").unwrap(), &[]).await);
    assert_eq!(tokens["scope"], "offline_access openid");
    app.clock.advance(Duration::hours(1));
    for browser in [browser, app.browser()] {
        let code = match browser.get(&rp.authorize(&scope)).await {
            answer if answer.location().is_some_and(|to| to.path().ends_with("/login")) => {
                rp.code(&browser, "ada", &scope).await
            }
            answer => answer.answered("code").unwrap(),
        };
        let tokens = good(&rp.redeem(&browser, &code, &[]).await);
        assert_eq!(tokens["scope"], "offline_access openid");
        let id = RefreshToken::parse(&refresh_token(&tokens)).unwrap().family;
        let listed = grants::by_id(&app.app.db, id).await.unwrap().unwrap();
        assert_eq!(
            listed.agreed_at.unix_timestamp(),
            allowed.unix_timestamp(),
            "when the person last agreed"
        );
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_public_clients_token_is_replaced_and_an_old_one_ends_the_family() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let rp = Rp::new(&app, native()).await;
    let browser = app.browser();
    let refresh = async |token: &str| rp.refresh(&browser, token, &[]).await;
    let first = rp.tokens(&browser, "ada", OFFLINE).await;
    let second = good(&refresh(&refresh_token(&first)).await);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    // The answer was lost: the same successor, for thirty seconds.
    for seconds in [0, 20, 5] {
        app.clock.advance(Duration::seconds(seconds));
        let repeated = good(&refresh(&refresh_token(&first)).await);
        assert_eq!(repeated["refresh_token"], second["refresh_token"], "{seconds}");
    }
    let third = good(&refresh(&refresh_token(&second)).await);
    assert_eq!(userinfo(&rp, &browser, &third).await, 200);
    app.clock.advance(Duration::seconds(10));
    invalid(&refresh(&refresh_token(&first)).await);
    for tokens in [&first, &second, &third] {
        assert_eq!(userinfo(&rp, &browser, tokens).await, 401);
        invalid(&refresh(&refresh_token(tokens)).await);
    }
    let id = RefreshToken::parse(&refresh_token(&first)).unwrap().family;
    let told: Vec<String> =
        trail(&app.app.db).into_iter().filter(|line| line.contains("grant.reused")).collect();
    let said =
        format!(r#"{} grant.reused {} {{"grant":"{id}","generation":0,"newest":2}}"#, rp.client_id, ada.id);
    assert_eq!(told, [said]);
    // A successor that was used meanwhile: late, and the fourth time too often.
    let first = rp.tokens(&app.browser(), "ada", OFFLINE).await;
    let second = good(&refresh(&refresh_token(&first)).await);
    let third = good(&refresh(&refresh_token(&second)).await);
    for time in 1..=3 {
        invalid(&refresh(&refresh_token(&first)).await);
        assert_eq!(userinfo(&rp, &browser, &third).await, 200, "{time}");
    }
    invalid(&refresh(&refresh_token(&first)).await);
    assert_eq!(userinfo(&rp, &browser, &third).await, 401);
    app.finish().await;
}

/// Wrong credentials and another client's use of a token are no reuse: they would be a way to end other people's access.
#[actix_web::test]
async fn who_could_not_use_a_token_ends_nothing() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let (rp, other) = (Rp::new(&app, native()).await, Rp::new(&app, native()).await);
    let browser = app.browser();
    let first = rp.tokens(&browser, "ada", OFFLINE).await;
    let second = good(&rp.refresh(&browser, &refresh_token(&first), &[]).await);
    app.clock.advance(Duration::seconds(31));
    invalid(&other.refresh(&browser, &refresh_token(&first), &[]).await);
    let family = RefreshToken::parse(&refresh_token(&first)).unwrap().family;
    let forged = RefreshToken::make(&countersign::secret::Key::generate(), family, 0, &[1; 17]);
    invalid(&rp.refresh(&browser, &forged.expose(), &[]).await);
    // From a backup: newer than the database is.
    let position = grants::find(&app.app.db, family).await.unwrap().unwrap().facts.position;
    let back = countersign::protocol::refresh::Position { generation: 0, ..position };
    assert!(grants::move_on(&app.app.db, family, position, back).await.unwrap());
    invalid(&rp.refresh(&browser, &refresh_token(&second), &[]).await);
    assert_eq!(userinfo(&rp, &browser, &second).await, 200);
    assert!(grants::find(&app.app.db, family).await.unwrap().unwrap().facts.revoked.is_none());
    // The alarm is an error in the log, which `finish` would complain about.
    app.stop().await;
}

/// Before, at, and after each end. The clock goes on meanwhile; the table of the rule has the very second.
#[actix_web::test]
async fn a_family_ends_when_its_kind_and_its_client_say() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let (days, hours) = (Duration::days, Duration::hours);
    let site = || refreshing(json!({ "first_party": true }));
    let spa = || refreshing(json!({ "first_party": true, "token_endpoint_auth_method": "none" }));
    let session = &[("scope", Some("openid"))][..];
    for (metadata, asked, idle, absolute) in [
        (site(), OFFLINE, days(30), days(180)),
        (site(), session, hours(8), hours(24)),
        (native(), OFFLINE, days(30), days(180)),
        (native(), session, hours(8), hours(24)),
        (spa(), OFFLINE, hours(8), hours(24)),
        (spa(), session, hours(8), hours(24)),
    ] {
        for early in [20, 0, -1] {
            let rp = Rp::new(&app, metadata.clone()).await;
            let browser = app.browser();
            let tokens = rp.tokens(&browser, "ada", asked).await;
            app.clock.advance(idle - Duration::seconds(early));
            let answer = rp.refresh(&browser, &refresh_token(&tokens), &[]).await;
            let expected = if early > 0 { 200 } else { 400 };
            assert_eq!(
                answer.status.as_u16(),
                expected,
                "{metadata} {asked:?} idle {early}: {}",
                answer.body
            );

            let mut tokens = rp.tokens(&app.browser(), "ada", asked).await;
            let step = idle / 2;
            let mut left = absolute - Duration::seconds(early);
            while left > step + Duration::minutes(1) {
                app.clock.advance(step);
                left -= step;
                tokens = good(&rp.refresh(&browser, &refresh_token(&tokens), &[]).await);
            }
            app.clock.advance(left);
            let answer = rp.refresh(&browser, &refresh_token(&tokens), &[]).await;
            assert_eq!(
                answer.status.as_u16(),
                expected,
                "{metadata} {asked:?} in all {early}: {}",
                answer.body
            );
        }
    }
    app.finish().await;
}

/// A code that is redeemed twice ends its family for good, and the second redemption gives nothing.
#[actix_web::test]
async fn a_replayed_code_ends_its_family_for_its_whole_life() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, native()).await;
    let browser = app.browser();
    let code = rp.code(&browser, "ada", OFFLINE).await;
    let tokens = good(&rp.redeem(&browser, &code, &[]).await);
    let second = good(&rp.refresh(&browser, &refresh_token(&tokens), &[]).await);
    // A replay that could not have been the first redemption ends nothing.
    invalid(
        &rp.redeem(
            &browser,
            &code,
            &[("code_verifier", Some("another-verifier_0123456789-ABCDEFGHIJKLMNOPQRST"))],
        )
        .await,
    );
    assert_eq!(userinfo(&rp, &browser, &second).await, 200);
    invalid(&rp.redeem(&browser, &code, &[]).await);
    assert_eq!(userinfo(&rp, &browser, &second).await, 401);
    for days in [0, 1, 29] {
        app.clock.advance(Duration::days(days));
        grants::sweep(&app.app.db, Duration::ZERO, app.clock.now()).await.unwrap();
        invalid(&rp.refresh(&browser, &refresh_token(&second), &[]).await);
    }
    app.finish().await;
}

/// A better method ends nothing; going back to a weaker one does.
#[actix_web::test]
async fn a_client_that_authenticates_by_a_weaker_method_loses_its_grants() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, refreshing(json!({}))).await;
    let tokens = rp.tokens(&app.browser(), "ada", OFFLINE).await;
    let id = RefreshToken::parse(&refresh_token(&tokens)).unwrap().family;
    let op = countersign::operations::Operation::new(&app.app.db, &app.app.state, TEST, app.clock.now());
    let op = op.sealing(&app.app.config.instance_key);
    let offered = app.app.config.offered(&app.app.resources.load());
    for (method, revoked) in [
        ("client_secret_post", None),
        ("client_secret_jwt", None),
        ("client_secret_basic", Some(countersign::protocol::revoked::Why::ClientWeaker)),
    ] {
        let amendment = countersign::protocol::registration::Amendment {
            set: serde_json::from_value(json!({ "token_endpoint_auth_method": method })).unwrap(),
            ..Default::default()
        };
        countersign::operations::clients::change(&op, &rp.client_id, &amendment, &offered).await.unwrap();
        let family = grants::find(&app.app.db, id).await.unwrap().unwrap();
        assert_eq!(family.facts.revoked.map(|(_, why)| why), revoked, "{method}");
    }
    drop(op);
    app.finish().await;
}

/// A client that has had to authenticate and no longer has to: what was worth nothing without its secret ends.
#[actix_web::test]
async fn a_client_that_becomes_public_loses_its_grants() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, refreshing(json!({}))).await;
    let browser = app.browser();
    let tokens = rp.tokens(&browser, "ada", OFFLINE).await;
    let amendment = countersign::protocol::registration::Amendment {
        set: serde_json::from_value(json!({ "token_endpoint_auth_method": "none" })).unwrap(),
        ..Default::default()
    };
    let op = countersign::operations::Operation::new(&app.app.db, &app.app.state, TEST, app.clock.now());
    let offered = app.app.config.offered(&app.app.resources.load());
    countersign::operations::clients::change(&op, &rp.client_id, &amendment, &offered).await.unwrap();
    let id = RefreshToken::parse(&refresh_token(&tokens)).unwrap().family;
    let family = grants::find(&app.app.db, id).await.unwrap().unwrap();
    assert_eq!(family.facts.revoked.unwrap().1, countersign::protocol::revoked::Why::ClientPublic);
    drop(op);
    // A new secret ends nothing: rotating one is routine.
    let rp = Rp::new(&app, refreshing(json!({}))).await;
    let tokens = rp.tokens(&app.browser(), "ada", OFFLINE).await;
    let (hash, now) = (countersign::secret::TokenHash::of(&rp.secret), app.clock.now());
    let edit = move |client: &countersign::protocol::client::Client| {
        Ok::<_, ()>((client.metadata.clone(), Secret::only(hash, now)))
    };
    clients::edit(&app.app.db, &rp.client_id, edit, TEST, app.clock.now()).await.unwrap().unwrap().ok();
    assert_eq!(rp.refresh(&browser, &refresh_token(&tokens), &[]).await.status, 200);
    app.finish().await;
}
