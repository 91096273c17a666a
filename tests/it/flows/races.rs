//! Many at once: one wins, and nobody is left with something they should not have.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{Options, PASSWORD, State, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::Rp;

const RIVALS: usize = 20;
/// A well-formed verifier that belongs to no challenge here.
const OTHER_VERIFIER: &str = "another-verifier_0123456789-ABCDEFGHIJKLMNOPQRST";

mod sql {
    use super::State;

    #[actix_web::test]
    async fn of_twenty_redemptions_of_one_code_one_succeeds() {
        super::of_twenty_redemptions_of_one_code_one_succeeds(State::Sql).await;
    }

    #[actix_web::test]
    async fn whoever_could_not_have_redeemed_a_code_revokes_nothing() {
        super::whoever_could_not_have_redeemed_a_code_revokes_nothing(State::Sql).await;
    }

    #[actix_web::test]
    async fn two_tabs_sign_in_at_once() {
        super::two_tabs_sign_in_at_once(State::Sql).await;
    }

    #[actix_web::test]
    async fn two_tabs_of_a_signed_in_browser_sign_in_again_at_once() {
        super::two_tabs_of_a_signed_in_browser_sign_in_again_at_once(State::Sql).await;
    }
}

mod redis {
    use super::State;

    #[actix_web::test]
    async fn of_twenty_redemptions_of_one_code_one_succeeds() {
        super::of_twenty_redemptions_of_one_code_one_succeeds(State::Redis).await;
    }

    #[actix_web::test]
    async fn whoever_could_not_have_redeemed_a_code_revokes_nothing() {
        super::whoever_could_not_have_redeemed_a_code_revokes_nothing(State::Redis).await;
    }

    #[actix_web::test]
    async fn two_tabs_sign_in_at_once() {
        super::two_tabs_sign_in_at_once(State::Redis).await;
    }

    #[actix_web::test]
    async fn two_tabs_of_a_signed_in_browser_sign_in_again_at_once() {
        super::two_tabs_of_a_signed_in_browser_sign_in_again_at_once(State::Redis).await;
    }
}

async fn provider(state: State) -> TestApp {
    let app = TestApp::start_with(Options { state, ..Options::default() }).await;
    app.user("ada").await;
    app
}

async fn userinfo(browser: &Browser, app: &TestApp, tokens: &Value) -> u16 {
    let token = tokens["access_token"].as_str().unwrap();
    browser.send(browser.request(Method::GET, &app.at("/userinfo")).bearer_auth(token)).await.status.as_u16()
}

/// Splits answers into the tokens that were issued and the refusals, which must all be alike.
fn issued(answers: Vec<Answer>) -> Vec<Value> {
    let mut tokens = vec![];
    for answer in answers {
        match answer.status.as_u16() {
            200 => tokens.push(answer.json()),
            status => assert_eq!((status, &answer.json()["error"]), (400, &json!("invalid_grant"))),
        }
    }
    tokens
}

/// The nineteen others could all have redeemed it: somebody has the code twice, and so what came of it
/// is revoked, even when the revocation overtakes the first redemption.
async fn of_twenty_redemptions_of_one_code_one_succeeds(state: State) {
    let app = provider(state).await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let (browser, machine) = (app.browser(), app.browser());
    for _ in 0..2 {
        browser.forget_cookies();
        let code = rp.code(&browser, "ada", &[]).await;
        let answers = join_all((0..RIVALS).map(|_| rp.redeem(&machine, &code, &[]))).await;
        let tokens = issued(answers);
        assert_eq!(tokens.len(), 1, "exactly one redeems a code");
        assert_eq!(userinfo(&browser, &app, &tokens[0]).await, 401, "a replayed code revokes its grant");
    }
    // The next authorization of the same person is another grant.
    let tokens = rp.tokens(&app.browser(), "ada", &[]).await;
    assert_eq!(userinfo(&browser, &app, &tokens).await, 200);
    app.finish().await;
}

/// A replay with a wrong verifier, a wrong address or another client's credentials would be a way to end
/// other people's sessions.
async fn whoever_could_not_have_redeemed_a_code_revokes_nothing(state: State) {
    let app = provider(state).await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let other = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let code = rp.code(&browser, "ada", &[]).await;
    // Another client burns nothing either.
    assert_eq!(other.redeem(&browser, &code, &[]).await.json()["error"], "invalid_grant");
    let tokens = rp.redeem(&browser, &code, &[]).await.json();
    let wrong_verifier = [("code_verifier", Some(OTHER_VERIFIER))];
    let no_verifier = [("code_verifier", None)];
    let wrong_address = [("redirect_uri", Some("http://127.0.0.1:9/other"))];
    let replays = (0..RIVALS).map(async |rival| match rival % 4 {
        0 => rp.redeem(&browser, &code, &wrong_verifier).await,
        1 => rp.redeem(&browser, &code, &no_verifier).await,
        2 => rp.redeem(&browser, &code, &wrong_address).await,
        _ => other.redeem(&browser, &code, &[]).await,
    });
    assert!(issued(join_all(replays).await).is_empty());
    assert_eq!(userinfo(&browser, &app, &tokens).await, 200);
    assert!(issued(vec![rp.redeem(&browser, &code, &[]).await]).is_empty());
    assert_eq!(userinfo(&browser, &app, &tokens).await, 401);
    app.finish().await;
}

/// A form that is filled in and sent, but whose answer is not followed yet.
async fn send(browser: &Browser, page: &Answer, login: &str) -> Answer {
    let form = page.form();
    let mut fields: Vec<(&str, &str)> = form.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    fields.retain(|(name, _)| !["username", "password"].contains(name));
    fields.extend([("username", login), ("password", PASSWORD)]);
    browser.post(page.url.join(&form.action).unwrap().as_str(), &fields).await
}

/// Follows a tab to its end; fills in the form once more if it is asked to. Answers whether it was.
async fn arrive(browser: &Browser, tab: Answer) -> bool {
    let end = browser.follow(tab).await;
    let asked = end.url.path().ends_with("/login");
    let end =
        if asked { browser.submit(&end, &[("username", "ada"), ("password", PASSWORD)]).await } else { end };
    assert!(end.answered("code").is_some(), "{} {}", end.status, end.url);
    asked
}

/// Neither tab knows of the other; the browser keeps the cookie whose answer came last. Who signed in in
/// the other tab is not known here any more, and might be somebody else: it is asked again, and arrives.
async fn two_tabs_sign_in_at_once(state: State) {
    let app = provider(state).await;
    let bank = Rp::new(&app, json!({ "first_party": true })).await;
    for last in [0, 1] {
        let browser = app.browser();
        let one = browser.open(&bank.authorize(&[])).await;
        let two = browser.open(&bank.authorize(&[("state", Some("second"))])).await;
        let tabs = [browser.fork(), browser.fork()];
        let [sent_one, sent_two] = [send(&tabs[0], &one, "ada").await, send(&tabs[1], &two, "ada").await];
        let browser = &tabs[last];
        let asked = [arrive(browser, sent_one).await, arrive(browser, sent_two).await];
        assert!(!asked[last], "the tab whose answer came last has its session");
        let silent = browser.get(&bank.authorize(&[("prompt", Some("none"))])).await;
        assert!(silent.answered("code").is_some(), "{silent:?}");
    }
    app.finish().await;
}

/// Both tabs were asked to sign in again by someone who is signed in: whichever cookie the browser keeps,
/// both tabs arrive and the person is signed in.
async fn two_tabs_of_a_signed_in_browser_sign_in_again_at_once(state: State) {
    let app = provider(state).await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let again = [("prompt", Some("login"))];
    for last in [0, 1] {
        let browser = app.browser();
        rp.tokens(&browser, "ada", &[]).await;
        let one = browser.open(&rp.authorize(&again)).await;
        let two = browser.open(&rp.authorize(&again)).await;
        let tabs = [browser.fork(), browser.fork()];
        let (sent_one, sent_two) = tokio::join!(send(&tabs[0], &one, "ada"), send(&tabs[1], &two, "ada"));
        let browser = &tabs[last];
        let asked = [arrive(browser, sent_one).await, arrive(browser, sent_two).await];
        assert!(!asked[last], "the tab whose answer came last has its session");
        let silent = browser.get(&rp.authorize(&[("prompt", Some("none"))])).await;
        let code = silent.answered("code").expect("still signed in");
        assert_eq!(rp.redeem(browser, &code, &[]).await.status, 200);
    }
    app.finish().await;
}
