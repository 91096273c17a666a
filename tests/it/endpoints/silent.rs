//! What a silent request tells a client that no person has allowed: whether there is a session, and nothing
//! of whose it is, how old, or at which level.

use serde_json::json;
use time::Duration;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::browser::Browser;
use crate::support::rp::Rp;

/// What goes home, without what differs each time.
async fn told(rp: &Rp<'_>, browser: &Browser, more: &[(&str, &str)]) -> String {
    let silent = [("prompt", "none"), ("nonce", "n")];
    let changed: Vec<_> = silent.iter().chain(more).map(|(name, value)| (*name, Some(*value))).collect();
    let answer = browser.get(&rp.authorize(&changed)).await;
    assert_eq!(answer.status, 303, "{more:?}: {}", answer.body);
    match answer.answered("error") {
        None => "code".to_owned(),
        Some(error) => format!("{error}: {}", answer.answered("error_description").unwrap()),
    }
}

fn sub(values: &[&str]) -> String {
    json!({ "id_token": { "sub": { "values": values } } }).to_string()
}

/// The table: requests by browsers. Each row says whether the answer may depend on the browser.
#[actix_web::test]
async fn nothing_is_told_of_people_who_have_not_allowed_the_client() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let grace = app.user("grace").await;
    let rp = Rp::new(&app, json!({ "client_name": "Curious" })).await;
    let own = Rp::new(&app, json!({ "client_name": "Own", "first_party": true })).await;
    let browsers = [app.browser(), app.browser(), app.browser(), app.browser(), app.browser()];
    let [nobody, old_ada, with_ada, with_grace, with_both] = &browsers;
    own.code(old_ada, "ada", &[]).await;
    app.clock.advance(Duration::seconds(4000));
    own.code(with_ada, "ada", &[]).await;
    own.code(with_grace, "grace", &[]).await;
    own.code(with_both, "ada", &[]).await;
    let page = with_both.open(&own.authorize(&[("prompt", Some("login"))])).await;
    with_both.submit(&page, &[("username", "grace"), ("password", PASSWORD)]).await;
    let others = own.tokens(&app.browser(), "ada", &[]).await["id_token"].as_str().unwrap().to_owned();

    let named = json!({ "id_token": { "sub": { "value": ada.id } } }).to_string();
    let at_userinfo = json!({ "userinfo": { "sub": { "value": ada.id } } }).to_string();
    let level = |acr: &str, more: serde_json::Value| {
        let mut claims = json!({ "id_token": { "acr": { "essential": true, "value": acr } } });
        claims["userinfo"] = more;
        claims.to_string()
    };
    let single = "urn:countersign:acr:1";
    let (reachable, unreachable) = (level(single, json!(null)), level("urn:far", json!(null)));
    let both_conditions = level(single, json!({ "sub": { "value": ada.id } }));
    let (hers, either, invented) =
        (sub(&[&grace.id]), sub(&[&ada.id, &grace.id]), sub(&["invented", "x", "y"]));
    // A session is all that may show: `consent_required`, and `account_selection_required` for several.
    let [session, constant] = [true, false];
    #[rustfmt::skip]
    let rows: Vec<(&str, Vec<(&str, &str)>, bool)> = vec![
        ("plain", vec![], session),
        ("login_hint", vec![("login_hint", "ada")], session),
        ("login_hint of another", vec![("login_hint", "nobody")], session),
        ("acr_values", vec![("acr_values", single)], session),
        ("acr_values out of reach", vec![("acr_values", "urn:far")], session),
        ("sub", vec![("claims", &named)], constant),
        ("sub at userinfo", vec![("claims", &at_userinfo)], constant),
        ("sub of grace", vec![("claims", &hers)], constant),
        ("sub of either", vec![("claims", &either)], constant),
        ("sub of no person", vec![("claims", &invented)], constant),
        ("sub and login_hint", vec![("claims", &named), ("login_hint", "ada")], constant),
        ("sub and max_age", vec![("claims", &named), ("max_age", "100000")], constant),
        ("sub and acr_values", vec![("claims", &named), ("acr_values", single)], constant),
        ("sub and acr", vec![("claims", &both_conditions)], constant),
        ("sub and more scopes", vec![("claims", &named), ("scope", "openid email phone")], constant),
        ("acr out of reach", vec![("claims", &unreachable)], constant),
        ("another client's hint", vec![("id_token_hint", &others)], constant),
        ("another client's hint and sub", vec![("id_token_hint", &others), ("claims", &named)], constant),
        ("a forged hint", vec![("id_token_hint", "e30.e30.e30")], constant),
    ];
    for (what, request, may_differ) in rows {
        let empty = told(&rp, nobody, &request).await;
        let one = if may_differ { "consent_required: the person has not consented yet" } else { &empty };
        let several =
            if may_differ { "account_selection_required: several accounts are signed in" } else { &empty };
        for (who, browser, expected) in [
            ("ada since long", old_ada, one),
            ("ada", with_ada, one),
            ("grace", with_grace, one),
            ("both", with_both, several),
        ] {
            assert_eq!(told(&rp, browser, &request).await, expected, "{what}: {who}");
        }
    }
    // With one person signed in, age and level are not told either.
    for request in
        [("max_age", "100"), ("max_age", "100000"), ("max_age", "0"), ("claims", reachable.as_str())]
    {
        for browser in [nobody, old_ada, with_ada, with_grace] {
            let said = told(&rp, browser, &[request]).await;
            assert_eq!(said, "login_required: nobody is signed in", "{request:?}");
        }
    }
    app.finish().await;
}

/// Who has allowed a client may be named by it; that tells nothing of those who have not.
#[actix_web::test]
async fn a_consent_or_a_hint_of_its_own_lets_a_client_ask_for_that_person() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let grace = app.user("grace").await;
    let own = Rp::new(&app, json!({ "client_name": "Own", "first_party": true })).await;
    let rp = Rp::new(&app, json!({ "client_name": "Allowed" })).await;
    let (alone, both) = (app.browser(), app.browser());
    let tokens = rp.tokens(&alone, "ada", &[]).await;
    let hint = tokens["id_token"].as_str().unwrap();
    own.code(&both, "ada", &[]).await;
    let page = both.open(&own.authorize(&[("prompt", Some("login"))])).await;
    both.submit(&page, &[("username", "grace"), ("password", PASSWORD)]).await;

    let unknown = "login_required: nobody is signed in";
    let (hers, his) = (sub(&[&ada.id]), sub(&[&grace.id]));
    let either = sub(&[&ada.id, &grace.id]);
    for (what, claims, expected) in [
        ("ada", &hers, "code"),
        ("grace", &his, unknown),
        ("either: as if grace were not here", &either, "code"),
    ] {
        for browser in [&alone, &both] {
            assert_eq!(told(&rp, browser, &[("claims", claims)]).await, expected, "{what}");
        }
        let first_party = told(&own, &both, &[("claims", claims)]).await;
        let expected = if what.starts_with("either") {
            "account_selection_required: several accounts are signed in"
        } else {
            "code"
        };
        assert_eq!(first_party, expected, "{what}: the operator's own application");
    }
    assert_eq!(
        told(&rp, &alone, &[("claims", &hers), ("max_age", "0")]).await,
        "login_required: the authentication is too old or too weak"
    );
    // Asking for more than was allowed is no consent in force, and the hint shows that ada is known.
    let more = ("scope", "openid email");
    assert_eq!(told(&rp, &alone, &[("claims", &hers), more]).await, unknown);
    let by_hint = told(&rp, &both, &[("id_token_hint", hint), more]).await;
    assert_eq!(by_hint, "consent_required: the person has not consented yet");
    assert_eq!(told(&rp, &both, &[("id_token_hint", hint), ("claims", &either)]).await, "code");
    app.finish().await;
}
