//! Pairwise subjects: one `sub` of a person for a client wherever it is told or sent, and no name of the account in it.
//!
//! Holds `protocol/subject.rs`, `protocol/client/sector.rs`.

use countersign::protocol::client::{Client, Metadata};
use countersign::store::clients::{self, Secret};
use data_encoding::BASE64URL_NOPAD;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Outcome, outcome, refusal};
use crate::support::TEST;
use crate::support::app::{API, PASSWORD, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::{Rp, claims};

const AFTER: &str = "https://app.example/bye";

/// A client with pairwise names of the sector at this host.
async fn of_sector<'a>(app: &'a TestApp, host: &str) -> Rp<'a> {
    let metadata = json!({ "first_party": true, "grant_types": ["authorization_code", "refresh_token"], "subject_type": "pairwise", "post_logout_redirect_uris": [AFTER],
        "sector_identifier_uri": format!("https://{host}/clients.json") });
    Rp::new(app, metadata).await
}

async fn userinfo(app: &TestApp, browser: &Browser, tokens: &Value) -> Answer {
    let request = browser.request(Method::GET, &app.at("/userinfo"));
    browser.send(request.bearer_auth(tokens["access_token"].as_str().unwrap())).await
}

/// The `sub` of a person who signs in at a client, the same in each place that tells it.
async fn told(rp: &Rp<'_>, login: &str) -> String {
    let browser = rp.app.browser();
    let tokens = rp.tokens(&browser, login, &[]).await;
    let sub = claims(&tokens["id_token"])["sub"].as_str().unwrap().to_owned();
    assert_eq!(claims(&tokens["access_token"])["sub"], sub);
    let answer = userinfo(rp.app, &browser, &tokens).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "sub": sub })));
    // With a family of refresh tokens the person is that of its row.
    if let Some(token) = tokens["refresh_token"].as_str() {
        let unsent = ["code", "redirect_uri", "code_verifier"].map(|name| (name, None));
        let sent = [("grant_type", Some("refresh_token")), ("refresh_token", Some(token))];
        let renewed = rp.redeem(&browser, "", &[&unsent[..], &sent].concat()).await.json();
        assert_eq!(claims(&renewed["id_token"])["sub"], sub);
        assert_eq!(userinfo(rp.app, &browser, &renewed).await.json(), json!({ "sub": sub }));
    }
    sub
}

#[actix_web::test]
async fn clients_of_one_sector_know_a_person_by_one_name_and_others_by_another() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let (one, two) = (of_sector(&app, "one.example").await, of_sector(&app, "one.example").await);
    let other = of_sector(&app, "two.example").await;
    let alone = Rp::new(&app, json!({ "first_party": true, "subject_type": "pairwise" })).await;
    let public = Rp::new(&app, json!({ "first_party": true })).await;
    let sub = told(&one, "ada").await;
    assert_eq!(told(&two, "ada").await, sub, "the same sector");
    let others = [
        told(&other, "ada").await,
        told(&alone, "ada").await,
        told(&one, "eve").await,
        ada.id.clone(),
        eve.id.clone(),
    ];
    for (at, other) in others.iter().enumerate() {
        assert_ne!(*other, sub, "{at}");
    }
    assert_eq!(others[0].len(), 43, "a MAC of 256 bits");
    // A client without the type is told what it always was.
    assert_eq!(told(&public, "ada").await, ada.id);
    // No token tells the identifier of the account anywhere.
    let tokens = one.tokens(&app.browser(), "ada", &[]).await;
    for name in ["id_token", "access_token"] {
        let payload = tokens[name].as_str().unwrap().split('.').nth(1).unwrap();
        let payload = String::from_utf8(BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap()).unwrap();
        assert!(payload.contains(&sub) && !payload.contains(&ada.id), "{name}: {payload}");
    }
    // Introspection finds the person by the session, whoever the token is for.
    let narrow = [("scope", Some("openid balances.read")), ("resource", Some(API))];
    for rp in [&alone, &public] {
        let token = rp.tokens(&app.browser(), "ada", &narrow).await["access_token"].clone();
        assert_eq!(claims(&token)["aud"], API);
        assert!(claims(&token)["urn:countersign:claim:session"].is_string());
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_client_names_people_as_it_knows_them() {
    let app = TestApp::start().await;
    let (ada, _eve) = (app.user("ada").await, app.user("eve").await);
    let (rp, sibling) = (of_sector(&app, "one.example").await, of_sector(&app, "one.example").await);
    let browser = app.browser();
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let sub = claims(&tokens["id_token"])["sub"].as_str().unwrap().to_owned();
    let eves = rp.tokens(&app.browser(), "eve", &[]).await;
    let (login_required, none) = (Outcome::error("login_required"), Some("none"));
    let ask = async |rp: &Rp<'_>, name: &str, value: &str, prompt: Option<&str>| {
        outcome(&app, &browser.get(&rp.authorize(&[(name, Some(value)), ("prompt", prompt)])).await)
    };
    let named = |sub: &str| json!({ "id_token": { "sub": { "value": sub } } }).to_string();
    #[rustfmt::skip]
    let rows: [(&Rp, &str, &str, Option<&str>, Outcome); 9] = [
        (&rp, "id_token_hint", hint, none, Outcome::Code),
        (&rp, "id_token_hint", hint, None, Outcome::Code),
        (&rp, "id_token_hint", hint, Some("login"), Outcome::Login),
        (&rp, "id_token_hint", eves["id_token"].as_str().unwrap(), none, login_required.clone()),
        (&sibling, "id_token_hint", hint, none, Outcome::error("invalid_request")),
        (&rp, "claims", &named(&sub), none, Outcome::Code),
        (&sibling, "claims", &named(&sub), none, Outcome::Code),
        (&rp, "claims", &named(&ada.id), none, login_required.clone()),
        (&rp, "claims", &named(claims(&eves["id_token"])["sub"].as_str().unwrap()), none, login_required.clone()),
    ];
    for (at, (rp, name, value, prompt, expected)) in rows.into_iter().enumerate() {
        assert_eq!(ask(rp, name, value, prompt).await, expected, "row {at}");
    }
    // With two signed in, the hint says which. A sign-in of another person than the hinted one is refused.
    let page = browser.open(&rp.authorize(&[("prompt", Some("select_account"))])).await;
    let page = browser.submit(&page, &[("decision", "another")]).await;
    browser.submit(&page, &[("username", "eve"), ("password", PASSWORD)]).await;
    let silent = browser.get(&rp.authorize(&[("prompt", none)])).await;
    assert_eq!(outcome(&app, &silent), Outcome::error("account_selection_required"));
    let both = rp.authorize(&[("id_token_hint", Some(hint)), ("prompt", none)]);
    let answer = browser.get(&both).await;
    let again = rp.redeem(&browser, &answer.answered("code").unwrap(), &[]).await.json();
    assert_eq!(claims(&again["id_token"])["sub"], sub);
    let wrong = rp.sign_in(&app.browser(), "eve", &[("id_token_hint", Some(hint))]).await;
    assert_eq!(outcome(&app, &wrong), login_required);

    // Signing out by the hint ends the one that it names.
    let query = [("id_token_hint", hint), ("post_logout_redirect_uri", AFTER)];
    let url = url::Url::parse_with_params(&app.at("/end_session"), query).unwrap();
    let left = browser.get(url.as_str()).await;
    assert_eq!(left.location().map(|to| to.to_string()).as_deref(), Some(AFTER));
    assert_eq!(ask(&rp, "id_token_hint", hint, none).await, login_required);
    assert_eq!(
        ask(&rp, "claims", &named(claims(&eves["id_token"])["sub"].as_str().unwrap()), none).await,
        Outcome::Code
    );
    app.finish().await;
}

/// A `sub` is compared with that of the session's person, so that no token speaks of a person under a name of the past.
#[actix_web::test]
async fn a_token_from_before_a_change_of_names_is_refused() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let before = rp.tokens(&browser, "ada", &[]).await;
    assert_eq!(userinfo(&app, &browser, &before).await.status, 200);
    let pairwise = |before: &Client| {
        let mut metadata = serde_json::to_value(&before.metadata).unwrap();
        metadata["subject_type"] = json!("pairwise");
        let metadata: Metadata = serde_json::from_value(metadata).unwrap();
        Ok::<_, ()>((metadata, Secret::Keep))
    };
    let edited = clients::edit(&app.app.db, &rp.client_id, pairwise, TEST, app.clock.now()).await;
    assert!(edited.unwrap().unwrap().is_ok());
    app.app.look_for_changes().await.unwrap();
    let answer = userinfo(&app, &browser, &before).await;
    assert_eq!(refusal(&answer), (401, "invalid_token".into()));
    let answer = browser.get(&rp.authorize(&[("prompt", Some("none"))])).await;
    let after = rp.redeem(&browser, &answer.answered("code").unwrap(), &[]).await.json();
    let sub = &claims(&after["id_token"])["sub"];
    assert_ne!(*sub, claims(&before["id_token"])["sub"]);
    assert_eq!(userinfo(&app, &browser, &after).await.json()["sub"], *sub);
    // The old ID Token is none of that person's any more.
    let old = before["id_token"].as_str();
    let answer = browser.get(&rp.authorize(&[("id_token_hint", old), ("prompt", Some("none"))])).await;
    assert_eq!(outcome(&app, &answer), Outcome::error("login_required"));
    app.finish().await;
}
