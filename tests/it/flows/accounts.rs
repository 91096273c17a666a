//! Two people in one browser: each application gets the one that was chosen for it, and keeps it.

use countersign::store;
use reqwest::Method;
use serde_json::{Value, json};

use crate::endpoints::{Outcome, outcome};
use crate::support::TEST;
use crate::support::app::{Options, PASSWORD, State, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::{Rp, claims};

/// What an application learns from an answer: its ID Token's claims, and what UserInfo tells.
async fn learns(rp: &Rp<'_>, browser: &Browser, answer: &Answer) -> (Value, Answer) {
    let tokens = rp.redeem(browser, &answer.answered("code").expect("a code"), &[]).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    let request = browser.request(Method::GET, &rp.app.at("/userinfo")).bearer_auth(token);
    (claims(&tokens["id_token"]), browser.send(request).await)
}

async fn two_accounts_serve_two_applications_side_by_side(state: State) {
    let app = TestApp::start_with(Options { state, ..Options::default() }).await;
    let ada = app.user("ada").await;
    let eve = app.user("eve").await;
    let mail = Rp::new(&app, json!({ "client_name": "Mail", "first_party": true })).await;
    let bank = Rp::new(&app, json!({ "client_name": "Bank", "first_party": true })).await;
    let browser = app.browser();
    let scope = ("scope", Some("openid email"));
    let first = mail.sign_in(&browser, "ada", &[scope]).await;
    let (of_ada, told) = learns(&mail, &browser, &first).await;
    assert_eq!(told.json()["email"], "ada@example.com");

    // Another account is added at the bank; the first one stays.
    let page = browser.open(&bank.authorize(&[scope, ("prompt", Some("select_account"))])).await;
    let form = browser.submit(&page, &[("decision", "another")]).await;
    let username = form.form().fields.into_iter().find(|(name, _)| name == "username").unwrap().1;
    assert_eq!(username, "", "another account is not the one that is here");
    let second = browser.submit(&form, &[("username", "eve"), ("password", PASSWORD)]).await;
    let (of_eve, told) = learns(&bank, &browser, &second).await;
    assert_eq!((told.json()["email"].clone(), &of_eve["sub"]), (json!("eve@example.com"), &json!(eve.id)));
    assert_ne!(of_eve["sid"], of_ada["sid"]);

    // Each comes back as the same session, whichever application asks.
    let asked = browser.open(&mail.authorize(&[scope])).await;
    let chosen = browser.submit(&asked, &[("account", &ada.id)]).await;
    let (again, told) = learns(&mail, &browser, &chosen).await;
    assert_eq!((&again["sid"], &again["auth_time"]), (&of_ada["sid"], &of_ada["auth_time"]));
    assert_eq!(told.json()["email"], "ada@example.com");
    let only_eve = json!({ "id_token": { "sub": { "value": eve.id } } }).to_string();
    let named = browser.get(&bank.authorize(&[("prompt", Some("none")), ("claims", Some(&only_eve))])).await;
    assert_eq!(learns(&bank, &browser, &named).await.0["sid"], of_eve["sid"]);
    let asked = browser.open(&bank.authorize(&[scope])).await;
    let crossed = browser.submit(&asked, &[("account", &ada.id)]).await;
    let (crossed, _) = learns(&bank, &browser, &crossed).await;
    assert_eq!(crossed["sub"], ada.id);
    assert!(
        crossed["sid"] != of_ada["sid"] && crossed["sid"] != of_eve["sid"],
        "another client, another account"
    );

    // The front page shows both, and signing out is for both: both applications' tokens are dead.
    let home = browser.get(&app.at("/")).await;
    assert!(home.body.contains("ada Example") && home.body.contains("eve Example"), "{}", home.body);
    let question = browser.open(&app.at("/end_session")).await;
    for said in ["ada Example", "eve Example", "All of these accounts will be signed out"] {
        assert!(question.body.contains(said), "{said}: {}", question.body);
    }
    let asked = browser.open(&mail.authorize(&[])).await;
    let last = browser.submit(&asked, &[("account", &ada.id)]).await;
    let code = last.answered("code").unwrap();
    browser.submit(&question, &[]).await;
    assert_eq!(mail.redeem(&browser, &code, &[]).await.status, 400);
    for rp in [&mail, &bank] {
        let silent = browser.get(&rp.authorize(&[("prompt", Some("none"))])).await;
        assert_eq!(outcome(&app, &silent), Outcome::error("login_required"));
    }
    app.finish().await;
}

async fn two_tabs_choose_different_accounts_in_any_order(state: State) {
    let app = TestApp::start_with(Options { state, ..Options::default() }).await;
    let ada = app.user("ada").await;
    let eve = app.user("eve").await;
    let rp = Rp::new(&app, json!({})).await;
    let own = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    own.code(&browser, "ada", &[]).await;
    let page = browser.open(&own.authorize(&[("prompt", Some("select_account"))])).await;
    let form = browser.submit(&page, &[("decision", "another")]).await;
    browser.submit(&form, &[("username", "eve"), ("password", PASSWORD)]).await;

    let (left, right) = (browser.open(&rp.authorize(&[])).await, browser.open(&rp.authorize(&[])).await);
    let left = browser.submit(&left, &[("account", &ada.id)]).await;
    let right = browser.submit(&right, &[("account", &eve.id)]).await;
    assert!(left.text(".person").contains("ada Example") && right.text(".person").contains("eve Example"));
    // The later one is finished first; neither disturbs the other.
    let right = browser.submit(&right, &[("decision", "allow")]).await;
    let left = browser.submit(&left, &[("decision", "allow")]).await;
    assert_eq!(learns(&rp, &browser, &right).await.0["sub"], eve.id);
    assert_eq!(learns(&rp, &browser, &left).await.0["sub"], ada.id);
    app.finish().await;
}

/// An account that was disabled is gone from the page, whether or not its sessions have been ended by then.
async fn a_disabled_account_disappears(state: State) {
    let app = TestApp::start_with(Options { state, ..Options::default() }).await;
    let ada = app.user("ada").await;
    let eve = app.user("eve").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    rp.code(&browser, "ada", &[]).await;
    let select = rp.authorize(&[("prompt", Some("select_account"))]);
    let page = browser.open(&select).await;
    let form = browser.submit(&page, &[("decision", "another")]).await;
    browser.submit(&form, &[("username", "eve"), ("password", PASSWORD)]).await;
    let open = browser.open(&select).await;
    assert!(open.text(".choices").contains("ada Example") && open.text(".choices").contains("eve Example"));

    let disable = async |id: &str| {
        let change = store::users::Change::Disabled(true);
        store::users::change(&app.app.db, id, change, TEST, app.app.clock.now()).await.unwrap()
    };
    assert!(disable(&ada.id).await);
    let silent = rp.authorize(&[("prompt", Some("none"))]);
    let only = browser.get(&silent).await;
    assert_eq!(learns(&rp, &browser, &only).await.0["sub"], eve.id, "there is nothing left to choose");
    let late = browser.submit(&open, &[("account", &ada.id)]).await;
    assert_eq!(outcome(&app, &late), Outcome::Select, "whoever is disabled cannot be chosen");
    assert!(!late.body.contains("ada Example") && late.body.contains("eve Example"), "{}", late.body);
    let other = browser.submit(&late, &[("account", &eve.id)]).await;
    assert_eq!(learns(&rp, &browser, &other).await.0["sub"], eve.id);
    assert!(disable(&eve.id).await);
    assert_eq!(outcome(&app, &browser.get(&silent).await), Outcome::error("login_required"));
    let nobody = browser.open(&select).await;
    assert_eq!(outcome(&app, &nobody), Outcome::Login, "nobody is left to choose");
    app.finish().await;
}

/// Signing one of two out leaves the other one alone.
async fn one_of_two_signs_out(state: State) {
    let app = TestApp::start_with(Options { state, ..Options::default() }).await;
    let ada = app.user("ada").await;
    let eve = app.user("eve").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let of_ada = rp.tokens(&browser, "ada", &[]).await;
    let alone = browser.get(&app.at("/")).await;
    assert!(
        !alone.body.contains("name=\"account\""),
        "one alone signs out by the button below: {}",
        alone.body
    );
    let page = browser.open(&rp.authorize(&[("prompt", Some("login"))])).await;
    browser.submit(&page, &[("username", "eve"), ("password", PASSWORD)]).await;
    let hint = of_ada["id_token"].as_str();
    let silent = rp.authorize(&[("prompt", Some("none"))]);
    let silent_ada = rp.authorize(&[("prompt", Some("none")), ("id_token_hint", hint)]);
    let code = browser.get(&silent_ada).await.answered("code").unwrap();

    let home = browser.get(&app.at("/")).await;
    browser.submit(&home, &[("account", "nobody")]).await;
    let both = browser.get(&silent).await;
    assert_eq!(outcome(&app, &both), Outcome::error("account_selection_required"), "nobody was signed out");
    // She is chosen in another tab, which has not gone on yet.
    let choice = browser.open(&rp.authorize(&[])).await;
    let ticket = choice.form().fields.into_iter().find(|(name, _)| name == "ticket").unwrap().1;
    let fields = [("ticket", ticket.as_str()), ("account", ada.id.as_str())];
    let chosen = browser.post(&app.at("/select"), &fields).await.location().unwrap();
    let left = browser.submit(&home, &[("account", &ada.id)]).await;
    assert_eq!(left.url.path(), "/");
    let late = browser.open(chosen.as_str()).await;
    assert_eq!(outcome(&app, &late), Outcome::Login, "nobody else stands in for her");
    assert!(!left.body.contains("ada Example") && left.body.contains("eve Example"), "{}", left.body);
    assert_eq!(rp.redeem(&browser, &code, &[]).await.status, 400, "her code is dead");
    let token = of_ada["access_token"].as_str().unwrap();
    let told = browser.send(browser.request(Method::GET, &app.at("/userinfo")).bearer_auth(token)).await;
    assert_eq!(told.status, 401, "and her token");
    assert_eq!(outcome(&app, &browser.get(&silent_ada).await), Outcome::error("login_required"));
    let only = browser.get(&silent).await;
    assert_eq!(learns(&rp, &browser, &only).await.0["sub"], eve.id);
    // The last one leaves nobody behind.
    browser.submit(&home, &[("account", &eve.id)]).await;
    assert_eq!(outcome(&app, &browser.get(&silent).await), Outcome::error("login_required"));
    assert_eq!(browser.cookie(&app.app.cookies.session), None);
    app.finish().await;
}

/// An application signs out whom it knows, and nobody it was never told of.
async fn an_application_signs_out_its_own_person_alone(state: State) {
    let app = TestApp::start_with(Options { state, ..Options::default() }).await;
    app.user("ada").await;
    let eve = app.user("eve").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let of_ada = rp.tokens(&browser, "ada", &[]).await;
    let page = browser.open(&rp.authorize(&[("prompt", Some("login"))])).await;
    let of_eve = browser.submit(&page, &[("username", "eve"), ("password", PASSWORD)]).await;
    let of_eve = rp.redeem(&browser, &of_eve.answered("code").unwrap(), &[]).await.json();
    let silent = rp.authorize(&[("prompt", Some("none"))]);
    let end = |tokens: &Value| format!("/end_session?id_token_hint={}", tokens["id_token"].as_str().unwrap());

    let done = browser.open(&app.at(&end(&of_ada))).await;
    assert_eq!(done.text("h1"), "You are signed out");
    let only = browser.get(&silent).await;
    assert_eq!(learns(&rp, &browser, &only).await.0["sub"], eve.id);
    let again = browser.open(&app.at(&end(&of_ada))).await;
    assert_eq!(again.text("h1"), "Sign out?", "she is not here any more: nobody vouches for the other one");
    browser.open(&app.at(&end(&of_eve))).await;
    assert_eq!(outcome(&app, &browser.get(&silent).await), Outcome::error("login_required"));
    assert_eq!(browser.cookie(&app.app.cookies.session), None);
    app.finish().await;
}

/// Who asked to stay signed in stays, whoever signs in beside them; who did not is gone when nobody was here for
/// a night, whoever else asked to stay.
async fn each_asks_to_stay_for_themselves(state: State) {
    let app = TestApp::start_with(Options { state, ..Options::default() }).await;
    app.user("ada").await;
    app.user("eve").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let stays = ("remember", "1");
    // For a month, less the moments since.
    let kept = |posted: &Answer| {
        posted.header("set-cookie").contains("Max-Age=2591")
            || posted.header("set-cookie").contains("Max-Age=2592000")
    };
    for (first, second) in [("ada", "eve"), ("eve", "ada")] {
        let browser = app.browser();
        for login in [first, second] {
            let page = browser.open(&rp.authorize(&[("prompt", Some("login"))])).await;
            let mut fields = page.form().fields;
            fields.retain(|(name, _)| name == "ticket");
            let mut fields: Vec<(&str, &str)> =
                fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            fields.extend([("username", login), ("password", PASSWORD)]);
            // Ada asks, Eve does not.
            fields.extend((login == "ada").then_some(stays));
            let posted = browser.post(&app.at("/login"), &fields).await;
            assert_eq!(kept(&posted), login == "ada" || first == "ada", "{first} {login}");
            browser.follow(posted).await;
        }
        // Whoever is asked for the password again finds the answer of before.
        let choice = browser.open(&rp.authorize(&[("prompt", Some("login select_account"))])).await;
        for (login, is_ticked) in [("ada", true), ("eve", false)] {
            let id = store::users::by_login(&app.app.db, login).await.unwrap().unwrap().user.id;
            let page = browser.submit(&choice, &[("account", &id)]).await;
            assert_eq!(page.body.contains(" checked"), is_ticked, "{login}: {}", page.body);
        }
        app.clock.advance(time::Duration::hours(9));
        let home = browser.get(&app.at("/")).await;
        assert!(home.body.contains("ada Example") && !home.body.contains("eve Example"), "{}", home.body);
        // Being here again brings nobody back.
        browser.get(&rp.authorize(&[])).await;
        let home = browser.get(&app.at("/")).await;
        assert!(home.body.contains("ada Example") && !home.body.contains("eve Example"), "{}", home.body);
    }
    app.finish().await;
}

mod sql {
    use super::State;

    #[actix_web::test]
    async fn two_accounts_serve_two_applications_side_by_side() {
        super::two_accounts_serve_two_applications_side_by_side(State::Sql).await;
    }

    #[actix_web::test]
    async fn two_tabs_choose_different_accounts_in_any_order() {
        super::two_tabs_choose_different_accounts_in_any_order(State::Sql).await;
    }

    #[actix_web::test]
    async fn a_disabled_account_disappears() {
        super::a_disabled_account_disappears(State::Sql).await;
    }

    #[actix_web::test]
    async fn one_of_two_signs_out() {
        super::one_of_two_signs_out(State::Sql).await;
    }

    #[actix_web::test]
    async fn an_application_signs_out_its_own_person_alone() {
        super::an_application_signs_out_its_own_person_alone(State::Sql).await;
    }

    #[actix_web::test]
    async fn each_asks_to_stay_for_themselves() {
        super::each_asks_to_stay_for_themselves(State::Sql).await;
    }
}

mod redis {
    use super::State;

    #[actix_web::test]
    async fn two_accounts_serve_two_applications_side_by_side() {
        super::two_accounts_serve_two_applications_side_by_side(State::Redis).await;
    }

    #[actix_web::test]
    async fn two_tabs_choose_different_accounts_in_any_order() {
        super::two_tabs_choose_different_accounts_in_any_order(State::Redis).await;
    }

    #[actix_web::test]
    async fn a_disabled_account_disappears() {
        super::a_disabled_account_disappears(State::Redis).await;
    }

    #[actix_web::test]
    async fn one_of_two_signs_out() {
        super::one_of_two_signs_out(State::Redis).await;
    }

    #[actix_web::test]
    async fn an_application_signs_out_its_own_person_alone() {
        super::an_application_signs_out_its_own_person_alone(State::Redis).await;
    }

    #[actix_web::test]
    async fn each_asks_to_stay_for_themselves() {
        super::each_asks_to_stay_for_themselves(State::Redis).await;
    }
}
