//! `/authorize` against who is signed in: `prompt`, `max_age`, `login_hint`.

use serde_json::json;
use time::Duration;

use super::{Outcome, outcome};
use crate::support::app::TestApp;
use crate::support::rp::Rp;

#[actix_web::test]
async fn prompt_and_max_age_decide_what_is_shown() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let own = Rp::new(&app, json!({ "first_party": true })).await;
    let allowed = Rp::new(&app, json!({ "client_name": "Allowed" })).await;
    let asks = Rp::new(&app, json!({ "client_name": "Asks" })).await;
    let strict = Rp::new(&app, json!({ "first_party": true, "default_max_age": 1 })).await;
    let always = Rp::new(&app, json!({ "first_party": true, "default_max_age": 0 })).await;
    let browser = app.browser();
    allowed.code(&browser, "ada", &[]).await;
    app.clock.advance(Duration::seconds(2));

    let login_required = || Outcome::error("login_required");
    let invalid = || Outcome::error("invalid_request");
    let huge = "9".repeat(400);
    #[rustfmt::skip]
    let rows: [(&Rp, Option<&str>, Option<&str>, Outcome); 43] = [
        (&own, None, None, Outcome::Code),
        (&own, Some("none"), None, Outcome::Code),
        (&own, Some("none none"), None, Outcome::Code),
        (&own, Some("login"), None, Outcome::Login),
        (&own, Some("login login"), None, Outcome::Login),
        (&own, Some("consent"), None, Outcome::Code),
        (&own, Some("login consent"), None, Outcome::Login),
        (&own, Some("none login"), None, invalid()),
        (&own, Some("none consent"), None, invalid()),
        (&own, Some("none select_account"), None, invalid()),
        (&own, Some("none nonsense"), None, invalid()),
        (&own, Some("nonsense"), None, Outcome::Code),
        (&own, Some("NONE"), None, Outcome::Code),
        (&allowed, None, None, Outcome::Code),
        (&allowed, Some("none"), None, Outcome::Code),
        (&allowed, Some("consent"), None, Outcome::Consent),
        (&allowed, Some("login"), None, Outcome::Login),
        (&allowed, Some("consent login"), None, Outcome::Login),
        (&asks, None, None, Outcome::Consent),
        (&asks, Some("none"), None, Outcome::error("consent_required")),
        (&asks, Some("login"), None, Outcome::Login),
        (&own, None, Some("0"), Outcome::Login),
        (&own, None, Some("1"), Outcome::Login),
        (&own, None, Some("10000"), Outcome::Code),
        (&own, None, Some(&huge), Outcome::Code),
        (&own, None, Some("0000010000"), Outcome::Code),
        (&own, None, Some("-1"), invalid()),
        (&own, None, Some("+1"), invalid()),
        (&own, None, Some(" 1"), invalid()),
        (&own, None, Some("1.5"), invalid()),
        (&own, None, Some("1e3"), invalid()),
        (&own, None, Some("\u{0661}"), invalid()),
        (&own, None, Some("rubbish"), invalid()),
        (&own, Some("none"), Some("0"), login_required()),
        (&own, Some("none"), Some("1"), login_required()),
        (&own, Some("none"), Some("10000"), Outcome::Code),
        (&strict, None, None, Outcome::Login),
        (&strict, None, Some("10000"), Outcome::Code),
        (&strict, Some("none"), None, login_required()),
        (&strict, Some("none"), Some("10000"), Outcome::Code),
        (&always, None, None, Outcome::Login),
        (&always, Some("none"), None, login_required()),
        (&always, Some("none"), Some("10000"), Outcome::Code),
    ];
    for (rp, prompt, max_age, expected) in rows {
        let answer = browser.get(&rp.authorize(&[("prompt", prompt), ("max_age", max_age)])).await;
        assert_eq!(outcome(&app, &answer), expected, "prompt={prompt:?} max_age={max_age:?}");
    }
    // Nobody is signed in.
    let stranger = app.browser();
    for (prompt, expected) in
        [(None, Outcome::Login), (Some("none"), login_required()), (Some("consent"), Outcome::Login)]
    {
        let answer = stranger.get(&own.authorize(&[("prompt", prompt)])).await;
        assert_eq!(outcome(&app, &answer), expected, "{prompt:?}");
    }
    // A refusal must not leave anything behind that a later request could find.
    assert_eq!(stranger.cookie(&app.app.cookies.session), None);
    app.finish().await;
}

#[actix_web::test]
async fn a_login_hint_prefills_and_does_nothing_else() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let longest = "h".repeat(512);
    for hint in ["ada", "nobody@example.com", "\"><script>alert(1)</script>", " \u{e9}\u{1f600} ", &longest] {
        let page = browser.open(&rp.authorize(&[("login_hint", Some(hint))])).await;
        let form = page.form();
        let username = form.fields.iter().find(|(name, _)| name == "username").unwrap();
        assert_eq!(username.1, hint);
        assert!(!page.body.contains("<script>alert"));
    }
    rp.code(&browser, "ada", &[]).await;
    for hint in ["nobody@example.com", "grace"] {
        let answer =
            browser.get(&rp.authorize(&[("login_hint", Some(hint)), ("prompt", Some("none"))])).await;
        assert_eq!(outcome(&app, &answer), Outcome::Code, "a hint is no demand");
    }
    app.finish().await;
}
