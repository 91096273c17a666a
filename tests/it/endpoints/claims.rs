//! The `claims` parameter from the request to the place where each claim was asked for.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Outcome, outcome};
use crate::support::app::{API, PASSWORD, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::{Rp, claims};

const KNOWN: [&str; 5] = ["name", "email", "birthdate", "phone_number", "name#de"];

async fn ada(app: &TestApp) -> String {
    let known = json!({ "name": "Ada Lovelace", "name#de": "Ada von Lovelace", "email": "ada@example.com",
        "birthdate": "1815-12-10", "phone_number": "+441234567", "roles": ["customer"] });
    app.user_with("ada", known).await.id
}

/// What is told of a person at both places, by the names of [`KNOWN`] claims.
async fn told(rp: &Rp<'_>, browser: &Browser, answer: &Answer) -> (Vec<&'static str>, Vec<&'static str>) {
    let code = answer.answered("code").unwrap_or_else(|| panic!("no code: {}", answer.destination()));
    let tokens = rp.redeem(browser, &code, &[]).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    let request = browser.request(Method::GET, &rp.app.at("/userinfo")).bearer_auth(token);
    let (id_token, userinfo) = (claims(&tokens["id_token"]), browser.send(request).await.json());
    assert_eq!(id_token["sub"], userinfo["sub"]);
    assert!(id_token.get("roles").is_none() && userinfo.get("roles").is_none(), "no scope releases them");
    // The token names claims at most; what they say stays here.
    let carried = claims(&tokens["access_token"]).to_string();
    assert!(!carried.contains("1815") && !carried.contains("Lovelace"), "{carried}");
    let of = |place: &Value| KNOWN.into_iter().filter(|name| place.get(name).is_some()).collect();
    (of(&id_token), of(&userinfo))
}

#[actix_web::test]
async fn each_claim_is_told_where_it_was_asked_for() {
    let app = TestApp::start().await;
    ada(&app).await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let poor = Rp::new(&app, json!({ "first_party": true, "scope": "openid email" })).await;
    let browser = app.browser();
    rp.code(&browser, "ada", &[]).await;
    let essential = json!({ "essential": true });
    #[rustfmt::skip]
    let rows: [(&Rp, &str, Value, &[&str], &[&str]); 11] = [
        (&rp, "openid", json!({}), &[], &[]),
        (&rp, "openid", json!({ "userinfo": { "name": essential } }), &[], &["name"]),
        (&rp, "openid", json!({ "id_token": { "name": essential } }), &["name"], &[]),
        (&rp, "openid", json!({ "id_token": { "email": null }, "userinfo": { "birthdate": null } }), &["email"], &["birthdate"]),
        (&rp, "openid email", json!({ "id_token": { "email": null }, "userinfo": { "email": null } }), &["email"], &["email"]),
        (&rp, "openid email", json!({ "id_token": { "phone_number": null } }), &["phone_number"], &["email"]),
        (&rp, "openid", json!({ "userinfo": { "name#de": null, "name#fr": null } }), &[], &["name#de"]),
        (&rp, "openid", json!({ "userinfo": { "website": essential, "roles": essential, "nonsense": essential } }), &[], &[]),
        (&rp, "openid", json!({ "userinfo": { "name": { "value": "Eve" } } }), &[], &["name"]),
        (&rp, "openid", json!({ "id_token": { "auth_time": essential, "iss": { "value": "x" } } }), &[], &[]),
        // A client is told no more than its scopes could have had told.
        (&poor, "openid", json!({ "id_token": { "name": essential, "email": null }, "userinfo": { "name": essential } }), &["email"], &[]),
    ];
    for (rp, scope, asked, id_token, userinfo) in rows {
        let asked = asked.to_string();
        let answer = browser.get(&rp.authorize(&[("scope", Some(scope)), ("claims", Some(&asked))])).await;
        assert_eq!(
            told(rp, &browser, &answer).await,
            (id_token.to_vec(), userinfo.to_vec()),
            "{scope} {asked}"
        );
    }
    for malformed in
        ["{", "[]", "{\"userinfo\":[]}", "{\"userinfo\":{\"name\":1}}", &"x".repeat(16 * 1024 + 1)]
    {
        let answer =
            browser.get(&rp.authorize(&[("claims", Some(malformed)), ("prompt", Some("none"))])).await;
        assert_eq!(
            outcome(&app, &answer),
            Outcome::error("invalid_request"),
            "{}",
            &malformed[..malformed.len().min(40)]
        );
    }
    app.finish().await;
}

#[actix_web::test]
async fn the_token_says_no_more_than_userinfo_needs() {
    let app = TestApp::start().await;
    ada(&app).await;
    let scope = "openid profile email balances.read";
    let rp = Rp::new(&app, json!({ "first_party": true, "scope": scope })).await;
    let browser = app.browser();
    rp.code(&browser, "ada", &[]).await;
    let many: serde_json::Map<String, Value> =
        (0..200).map(|n| (format!("name#x{n}"), Value::Null)).collect();
    let mut asked = json!({ "userinfo": many });
    let names = ["name", "email", "website"];
    for name in names {
        asked["userinfo"][name] = Value::Null;
    }
    let asked = asked.to_string();
    let member = "urn:countersign:claim:userinfo";
    for (scope, resource, expected) in [
        ("openid", None, json!(["email", "name"])),
        ("openid email", None, json!(["name"])),
        ("openid email profile", None, Value::Null),
        // A token for somebody else's API says nothing of it.
        ("openid balances.read", Some(API), Value::Null),
    ] {
        let changed = [("scope", Some(scope)), ("claims", Some(asked.as_str())), ("resource", resource)];
        let code = browser.get(&rp.authorize(&changed)).await.answered("code").unwrap();
        let mut token = claims(&rp.redeem(&browser, &code, &[]).await.json()["access_token"]);
        if let Some(names) = token[member].as_array_mut() {
            names.sort_by_key(ToString::to_string);
        }
        assert_eq!(token[member], expected, "{scope} {resource:?}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn the_person_is_asked_in_words_and_the_answer_is_kept() {
    let app = TestApp::start().await;
    ada(&app).await;
    let rp = Rp::new(&app, json!({})).await;
    let browser = app.browser();
    let asked = json!({ "id_token": { "birthdate": { "essential": true } }, "userinfo": { "email": null, "roles": null } });
    let asked = asked.to_string();
    let with = |scope: &'static str, more: &'static str| {
        [("scope", Some(scope)), ("claims", (!more.is_empty()).then_some(more)), ("prompt", Some("none"))]
    };
    let required = Outcome::error("consent_required");

    let page = browser.open(&rp.authorize(&[("claims", Some(&asked))])).await;
    let page = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    let shown = page.text(".scopes");
    assert!(shown.contains("your date of birth, your e-mail address"), "{shown}");
    assert!(!shown.contains("roles"), "what is never told is not asked about: {shown}");
    let allowed = browser.submit(&page, &[("decision", "allow")]).await;
    assert_eq!(told(&rp, &browser, &allowed).await, (vec!["birthdate"], vec!["email"]));

    // Another session has nothing to remember it by: the answer is in the database.
    let elsewhere = app.browser();
    Rp::new(&app, json!({ "first_party": true })).await.code(&elsewhere, "ada", &[]).await;
    for browser in [&browser, &elsewhere] {
        for (scope, more, expected) in [
            ("openid", r#"{"id_token":{"birthdate":null},"userinfo":{"email":null}}"#, Outcome::Code),
            ("openid", r#"{"userinfo":{"birthdate":null}}"#, Outcome::Code),
            ("openid", "", Outcome::Code),
            ("openid", r#"{"userinfo":{"name":null}}"#, required.clone()),
            ("openid", r#"{"id_token":{"birthdate":null,"phone_number":null}}"#, required.clone()),
            ("openid email", "", required.clone()),
        ] {
            let answer = browser.get(&rp.authorize(&with(scope, more))).await;
            assert_eq!(outcome(&app, &answer), expected, "{scope} {more}");
        }
    }
    // What a scope releases anyway is no further question.
    let page =
        browser.open(&rp.authorize(&[("scope", Some("openid email")), ("claims", Some(&asked))])).await;
    let shown = page.text(".scopes");
    assert!(shown.contains("See your e-mail address") && !shown.contains("your date of birth, "), "{shown}");
    app.finish().await;
}

#[actix_web::test]
async fn levels_and_subjects_are_met_or_refused() {
    let app = TestApp::start().await;
    let ada = ada(&app).await;
    let eve = app.user("eve").await.id;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let metadata =
        json!({ "first_party": true, "default_acr_values": ["urn:example:high"], "require_auth_time": true });
    let wishes = Rp::new(&app, metadata).await;
    let browser = app.browser();
    rp.code(&browser, "ada", &[]).await;
    let one = "urn:countersign:acr:1";
    let sub = |sub: &str| json!({ "id_token": { "sub": { "value": sub } } });
    let acr = |acr: &str, essential: bool| json!({ "id_token": { "acr": { "essential": essential, "values": [acr] } } });
    let unmet = || Outcome::error("unmet_authentication_requirements");
    #[rustfmt::skip]
    let rows: [(&Rp, Value, Option<&str>, Option<&str>, Outcome); 11] = [
        (&rp, sub(&ada), None, None, Outcome::Code),
        (&rp, sub(&ada), None, Some("none"), Outcome::Code),
        (&rp, sub(&eve), None, None, Outcome::Login),
        (&rp, sub(&eve), None, Some("none"), Outcome::error("login_required")),
        (&rp, acr(one, true), None, Some("none"), Outcome::Code),
        (&rp, acr("urn:example:high", true), None, None, unmet()),
        (&rp, acr("urn:example:high", true), None, Some("none"), unmet()),
        (&rp, acr("urn:example:high", false), None, None, Outcome::Code),
        (&rp, json!({}), Some("urn:example:high urn:countersign:acr:1"), None, Outcome::Code),
        (&rp, json!({}), Some("urn:example:high"), Some("none"), Outcome::Code),
        (&wishes, json!({}), None, None, Outcome::Code),
    ];
    for (rp, asked, acr_values, prompt, expected) in rows {
        let text = asked.to_string();
        let changed = [("claims", Some(text.as_str())), ("acr_values", acr_values), ("prompt", prompt)];
        let answer = browser.get(&rp.authorize(&changed)).await;
        assert_eq!(outcome(&app, &answer), expected, "{asked} {acr_values:?} {prompt:?}");
        if expected == Outcome::Code {
            let tokens = rp.redeem(&browser, &answer.answered("code").unwrap(), &[]).await.json();
            let id_token = claims(&tokens["id_token"]);
            assert_eq!(id_token["acr"], one, "what was reached, whatever was wished for");
            assert!(id_token["auth_time"].is_i64());
        }
    }
    // Nobody is sent to a sign-in that cannot help; and whoever signs in must be the one who was meant.
    let nobody = app.browser();
    let high = acr("urn:example:high", true).to_string();
    let answer = nobody.get(&rp.authorize(&[("claims", Some(&high))])).await;
    assert_eq!(outcome(&app, &answer), unmet());
    let page = nobody.open(&rp.authorize(&[("claims", Some(&sub(&eve).to_string()))])).await;
    let other = nobody.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert_eq!(outcome(&app, &other), Outcome::error("login_required"));
    app.finish().await;
}
