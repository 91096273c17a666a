//! `/device`: who may enter a code, what is asked, and who decides.
//!
//! Holds `pages/device.rs`, `pages/device/decide.rs`, `pages/device/view.rs`, `operations/devices.rs`.

use countersign::config::Config;
use reqwest::Method;
use serde_json::json;
use time::Duration;

use super::shown;
use crate::support::app::{Options, PASSWORD, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::Rp;
use crate::support::tv::{Tv, approve, asked, open};

fn ticket(page: &Answer) -> String {
    page.form().fields.into_iter().find(|(name, _)| name == "ticket").unwrap().1
}

fn prefilled(page: &Answer) -> String {
    page.form().fields.into_iter().find(|(name, _)| name == "user_code").expect("a field for the code").1
}

/// The code page with this heading of its problem.
fn problem(page: &Answer) -> (u16, String) {
    (page.status.as_u16(), page.text("#problem .alert-title"))
}

#[actix_web::test]
async fn a_person_signs_in_enters_the_code_and_is_asked() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let tv = Tv::new(&app, json!({})).await;
    let (browser, codes) = (app.browser(), tv.codes().await);
    let login = browser.open(&app.at("/device")).await;
    assert_eq!(login.text("h1"), "Sign in to connect a device", "{}", login.body);
    let page = browser.submit(&login, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert_eq!((page.text("h1").as_str(), prefilled(&page).as_str()), ("Connect a device", ""));
    assert!(page.text(".person").contains("ada Example"));
    let typed = codes.user.to_lowercase().replace('-', " ");
    let question = browser.submit(&page, &[("user_code", &typed)]).await;
    assert_eq!(question.text("h1"), "Sign in to Living Room on a device?");
    assert_eq!(question.text("p.code"), codes.user);
    for words in ["tv.example", "Did somebody send you this code", "same network as you (127.0.0.0/24)"] {
        assert!(question.text("main").contains(words), "{words}: {}", question.text("main"));
    }
    assert!(question.text(".scopes").starts_with("Recognise you"), "{}", question.text(".scopes"));
    assert!(question.text(".scopes").contains("See your e-mail address"));
    // Reloading asks again; nothing but the two answers decides.
    let again = browser.open(question.url.as_str()).await;
    assert_eq!(again.text("p.code"), codes.user);
    for neither in ["", "maybe"] {
        let still = browser.submit(&question, &[("decision", neither)]).await;
        assert_ne!(still.text("h1"), "Your device is signed in", "{neither:?}");
    }
    assert_eq!(tv.poll(&codes.device, &[]).await.json()["error"], "authorization_pending");
    let done = browser.submit(&question, &[("decision", "approve")]).await;
    assert_eq!((done.status.as_u16(), done.text("h1").as_str()), (200, "Your device is signed in"));
    assert!(done.text("main").contains("go back to your device"));
    // A person who goes back and presses again is told, and changes nothing.
    let late = browser.submit(&question, &[("decision", "deny")]).await;
    assert_eq!(problem(&late), (422, "This code was used already".into()));
    app.clock.advance(Duration::seconds(5));
    assert_eq!(tv.poll(&codes.device, &[]).await.status, 200);
    app.finish().await;
}

/// A link fills the code in, and looks nothing up: the person still says that the device shows it.
#[actix_web::test]
async fn a_link_fills_the_code_in_and_decides_nothing() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let tv = Tv::new(&app, json!({ "first_party": true })).await;
    let (browser, codes) = (app.browser(), tv.codes().await);
    let page = open(&browser, &codes.link, "ada").await;
    assert_eq!((page.text("h1").as_str(), prefilled(&page)), ("Connect a device", codes.user.clone()));
    // An application of the operator's own is asked about, too.
    let question = browser.submit(&page, &[]).await;
    assert_eq!(question.text("p.code"), codes.user);
    assert_eq!(tv.poll(&codes.device, &[]).await.json()["error"], "authorization_pending");
    // Whatever else is in the link is only text.
    let odd = browser.open(&app.at("/device?user_code=%22%3E%3Cscript%3E&decision=approve")).await;
    assert_eq!((odd.status.as_u16(), prefilled(&odd).as_str()), (200, "\"><script>"));
    app.finish().await;
}

#[actix_web::test]
async fn a_code_that_is_not_accepted_is_named() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let tv = Tv::new(&app, json!({})).await;
    let browser = app.browser();
    let page = open(&browser, &app.at("/device"), "ada").await;
    let enter = async |code: &str| problem(&browser.submit(&page, &[("user_code", code)]).await);
    // None of these can be a code, and none is counted.
    for _ in 0..3 {
        assert_eq!(enter("").await, (422, "The code is missing".into()));
        assert_eq!(enter("BCDF-GHJ1").await, (422, "This is not a code from a device".into()));
        assert_eq!(enter("BCDF-GHJ").await, (422, "The code is not complete".into()));
    }
    let (denied, expired) = (tv.codes().await, tv.codes().await);
    let question = asked(&browser, &denied, "ada").await;
    browser.submit(&question, &[("decision", "deny")]).await;
    assert_eq!(enter(&denied.user).await, (422, "This code was used already".into()));
    let question = asked(&browser, &expired, "ada").await;
    app.clock.advance(Duration::seconds(600));
    assert_eq!(enter(&expired.user).await, (422, "This code has expired".into()));
    let late = browser.submit(&question, &[("decision", "approve")]).await;
    assert_eq!(problem(&late), (422, "This code has expired".into()));
    let reloaded = browser.open(question.url.as_str()).await;
    assert_eq!(problem(&reloaded), (422, "This code has expired".into()));
    app.clock.advance(Duration::seconds(600));
    assert_eq!(enter(&expired.user).await, (422, "No device shows this code".into()));
    app.finish().await;
}

#[actix_web::test]
async fn guessing_ends_after_five_wrong_codes() {
    let adjust = |config: &mut Config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let app = TestApp::start_with(Options { adjust, ..Options::default() }).await;
    app.user("ada").await;
    app.user("eve").await;
    let tv = Tv::new(&app, json!({})).await;
    let codes = tv.codes().await;
    let browser = app.browser();
    let page = open(&browser, &app.at("/device"), "ada").await;
    let enter = async |browser: &Browser, page: &Answer, from: &str, code: &str| {
        let fields = [("ticket", ticket(page)), ("user_code", code.to_owned())];
        let request = browser.request(Method::POST, &app.at("/device")).form(&fields);
        let request = request.header("sec-fetch-site", "same-origin").header("x-forwarded-for", from);
        browser.follow(browser.send(request).await).await
    };
    // Right ones are not counted.
    for _ in 0..7 {
        assert_eq!(enter(&browser, &page, "203.0.113.1", &codes.user).await.text("p.code"), codes.user);
    }
    for _ in 0..5 {
        let wrong = enter(&browser, &page, "203.0.113.1", "ZZZZ-ZZZZ").await;
        assert_eq!(problem(&wrong), (422, "No device shows this code".into()));
    }
    // Neither the right code, nor another network, nor another sign-in helps her now.
    let turned_away = enter(&browser, &page, "203.0.113.1", &codes.user).await;
    assert_eq!(problem(&turned_away), (429, "Too many wrong codes".into()));
    let wait: i64 = turned_away.header("retry-after").parse().unwrap();
    assert!((550..=601).contains(&wait), "{wait}");
    let elsewhere = app.browser();
    let again = open(&elsewhere, &app.at("/device"), "ada").await;
    assert_eq!(enter(&elsewhere, &again, "198.51.100.1", &codes.user).await.status, 429);
    // A code from a link is not looked up, whatever is sent with it.
    let link = browser.open(&app.at("/device?user_code=ZZZZ-ZZZZ")).await;
    let fields = [("ticket", ticket(&link)), ("decision", "approve".to_owned())];
    let request = browser.request(Method::POST, &app.at("/device")).form(&fields);
    let answer = browser.follow(browser.send(request.header("sec-fetch-site", "same-origin")).await).await;
    assert_eq!(problem(&answer), (200, String::new()));
    // Her neighbour is not shut out.
    let other = app.browser();
    let of_eve = open(&other, &app.at("/device"), "eve").await;
    assert_eq!(enter(&other, &of_eve, "203.0.113.1", &codes.user).await.text("p.code"), codes.user);
    app.clock.advance(Duration::seconds(580));
    assert_eq!(enter(&browser, &page, "203.0.113.1", "ZZZZ-ZZZZ").await.status, 429);
    app.clock.advance(Duration::seconds(20));
    assert_eq!(enter(&browser, &page, "203.0.113.1", "ZZZZ-ZZZZ").await.status, 422);
    app.finish().await;
}

/// The ticket is bound to the browser, and the question to what was displayed, and to whom.
#[actix_web::test]
async fn only_our_own_page_in_the_same_browser_decides() {
    let app = TestApp::start().await;
    app.user("ada").await;
    app.user("eve").await;
    let tv = Tv::new(&app, json!({})).await;
    let (browser, codes) = (app.browser(), tv.codes().await);
    let entry = open(&browser, &codes.link, "ada").await;
    let question = browser.submit(&entry, &[]).await;
    let fields = [("ticket", ticket(&question)), ("decision", "approve".to_owned())];
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[],
    ] {
        let request = browser.request(Method::POST, &app.at("/device")).form(&fields);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        assert_eq!(shown(&browser.send(request).await).0, 403, "{headers:?}");
    }
    let pending = async || {
        app.clock.advance(Duration::seconds(5));
        assert_eq!(tv.poll(&codes.device, &[]).await.json()["error"], "authorization_pending");
    };
    pending().await;
    let send = async |browser: &Browser, ticket: &str| {
        let fields = [("ticket", ticket), ("decision", "approve")];
        browser.follow(browser.post(&app.at("/device"), &fields).await).await
    };
    // Another browser, in which another person is signed in: the code is filled in, and nothing else.
    let elsewhere = app.browser();
    open(&elsewhere, &app.at("/device"), "eve").await;
    let answer = send(&elsewhere, &ticket(&question)).await;
    assert_eq!((answer.text("h1").as_str(), prefilled(&answer)), ("Connect a device", codes.user.clone()));
    // The same browser without its session; without its cookie; with a ticket that displayed nothing.
    let signed_out = browser.fork();
    signed_out.set_cookie(&app.app.cookies.session, "gone");
    assert_eq!(send(&signed_out, &ticket(&question)).await.text("h1"), "Sign in to connect a device");
    assert_eq!(shown(&send(&app.browser(), &ticket(&question)).await).0, 400);
    assert_eq!(send(&browser, &ticket(&entry)).await.text("h1"), "Connect a device");
    // A ticket of another kind, and a changed one.
    let rp = Rp::new(&app, json!({})).await;
    let login = app.browser().open(&rp.authorize(&[])).await;
    assert_eq!(shown(&send(&browser, &ticket(&login)).await).0, 400);
    assert_eq!(shown(&send(&browser, &format!("{}x", ticket(&question))).await).0, 400);
    let damaged = browser.open(&app.at("/device?t=d.damaged")).await;
    assert_eq!(damaged.text("h1"), "Connect a device", "nothing is lost with it");
    for page in ["/continue", "/login", "/select", "/consent"] {
        let answer = browser.open(&app.at(&format!("{page}?t={}", ticket(&question)))).await;
        assert_ne!(answer.text("h1"), "Your device is signed in", "{page}");
    }
    pending().await;
    assert_eq!(send(&browser, &ticket(&question)).await.text("h1"), "Your device is signed in");
    app.finish().await;
}

/// The code is of whom decides first, and of the account that was displayed.
#[actix_web::test]
async fn of_two_people_the_first_decides() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let tv = Tv::new(&app, json!({})).await;
    let (hers, theirs, codes) = (app.browser(), app.browser(), tv.codes().await);
    let question = asked(&hers, &codes, "ada").await;
    assert_eq!(approve(&theirs, &codes, "eve").await.text("h1"), "Your device is signed in");
    let late = hers.submit(&question, &[("decision", "approve")]).await;
    assert_eq!(problem(&late), (422, "This code was used already".into()));
    let sub =
        crate::support::rp::claims(&tv.poll(&codes.device, &[]).await.json()["id_token"])["sub"].clone();
    assert_eq!(sub, eve.id);
    // Two accounts in one browser: which one is asked first.
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    rp.sign_in(&hers, "eve", &[("prompt", Some("login"))]).await;
    let codes = tv.codes().await;
    let select = hers.open(&codes.link).await;
    assert_eq!(select.text("h1"), "Choose an account for your device", "{}", select.body);
    let entry = hers.submit(&select, &[("account", &ada.id)]).await;
    assert_eq!(prefilled(&entry), codes.user);
    let question = hers.submit(&entry, &[]).await;
    assert!(question.text(".person").contains("ada Example"));
    // Another account is chosen, with the question in another tab: that one was not displayed to it.
    let switch = hers.open(&app.at(&format!("/select?t={}", ticket(&question)))).await;
    let as_eve = hers.submit(&switch, &[("account", &eve.id)]).await;
    assert_eq!(as_eve.text("h1"), "Connect a device", "she is asked anew");
    hers.submit(&question, &[("decision", "approve")]).await;
    let sub =
        crate::support::rp::claims(&tv.poll(&codes.device, &[]).await.json()["id_token"])["sub"].clone();
    assert_eq!(sub, ada.id);
    app.finish().await;
}

#[actix_web::test]
async fn cancelling_leads_home_and_a_browser_without_cookies_is_told() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let browser = app.browser();
    let login = browser.open(&app.at("/device")).await;
    let home = browser.submit(&login, &[("decision", "cancel")]).await;
    assert_eq!(home.text("h1"), "Nobody is signed in here");
    let wrong = browser.submit(&login, &[("username", "ada"), ("password", "wrong")]).await;
    assert_eq!((wrong.status.as_u16(), wrong.text("h1").as_str()), (422, "Sign in to connect a device"));
    // Each request comes without the cookie that the one before set.
    let forgetful = app.browser();
    let mut answer = forgetful.get(&app.at("/device")).await;
    for _ in 0..10 {
        let Some(next) = answer.location() else { break };
        forgetful.forget_cookies();
        answer = forgetful.get(next.as_str()).await;
    }
    assert_eq!((answer.status.as_u16(), answer.text("h1").as_str()), (400, "Cookies are needed to sign in"));
    app.finish().await;
}

/// A consent that was given on this page counts elsewhere, and each decision is told.
#[actix_web::test]
async fn consent_is_remembered_and_the_decision_is_an_event() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let both = json!({ "grant_types": ["authorization_code", crate::support::tv::DEVICE],
        "redirect_uris": [crate::support::app::REDIRECT] });
    let tv = Tv::new(&app, both).await;
    let (browser, codes) = (app.browser(), tv.codes().await);
    approve(&browser, &codes, "ada").await;
    let question = asked(&browser, &tv.codes().await, "ada").await;
    browser.submit(&question, &[("decision", "deny")]).await;
    let rp = Rp { app: &app, client_id: tv.client_id.clone(), secret: String::new(), is_public: true };
    let silent = [("prompt", Some("none")), ("scope", Some("openid email"))];
    let answer = browser.get(&rp.authorize(&silent)).await;
    assert!(answer.answered("code").is_some(), "{:?}", answer.location());
    app.app.events.write_down(app.clock.now()).await.unwrap();
    let told = |name| crate::operations::told(&app, name);
    for name in ["device.approved", "device.denied", "grant.given"] {
        let told = told(name).await;
        let [event] = &told[..] else { panic!("{name} is told {} times", told.len()) };
        assert_eq!((event.actor_kind.as_str(), event.actor.as_ref()), ("person", Some(&ada.id)), "{name}");
        assert_eq!(event.client.as_ref(), Some(&tv.client_id), "{name}");
    }
    app.finish().await;
}
