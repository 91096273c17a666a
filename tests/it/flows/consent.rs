//! A consent is for one person, one application and exactly what was shown, for as long as it stands.

use countersign::protocol::client::{Client, Secrets};
use countersign::store;
use serde_json::json;

use crate::support::TEST;
use crate::support::app::{API, PASSWORD, TestApp};
use crate::support::rp::Rp;

const SILENT: (&str, Option<&str>) = ("prompt", Some("none"));

#[actix_web::test]
async fn whoever_takes_over_an_identifier_takes_over_no_consent() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({})).await;
    let browser = app.browser();
    rp.code(&browser, "ada", &[]).await;
    assert!(browser.get(&rp.authorize(&[SILENT])).await.answered("code").is_some());

    let metadata = store::clients::by_id(&app.app.db, &rp.client_id).await.unwrap().unwrap().metadata;
    assert!(store::clients::remove(&app.app.db, &rp.client_id, TEST, app.clock.now()).await.unwrap());
    app.clock.advance(time::Duration::seconds(2));
    let now = app.clock.now();
    let again = Client {
        id: rp.client_id.clone(),
        secrets: Secrets::default(),
        disabled: false,
        registered_at: now,
        metadata,
    };
    assert!(store::clients::add(&app.app.db, &again, TEST, now).await.unwrap());
    // Another node may serve the old client from memory for five seconds; this one has to forget it too.
    let begun = std::time::Instant::now();
    loop {
        let answer = browser.get(&rp.authorize(&[SILENT])).await;
        match answer.answered("error") {
            Some(error) => break assert_eq!(error, "consent_required"),
            None => assert!(begun.elapsed().as_secs() < 15, "the old consent still opens the new client"),
        }
    }
    app.finish().await;
}

#[actix_web::test]
async fn the_page_names_every_resource_and_consent_is_for_that() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "scope": "openid email balances.read" })).await;
    let browser = app.browser();
    let scopes = |scopes: &'static str| [("scope", Some(scopes)), ("resource", Some(API))];

    let page = browser.open(&rp.authorize(&scopes("openid balances.read"))).await;
    let page = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert!(page.body.contains("See your balances") && page.body.contains("The API"), "{}", page.body);
    browser.submit(&page, &[("decision", "allow")]).await;

    let page = browser.open(&rp.authorize(&scopes("openid email"))).await;
    assert!(page.body.contains("Use The API for you"), "a resource without scopes: {}", page.body);
    assert!(!page.body.contains("See your balances"), "{}", page.body);
    app.finish().await;
}

#[actix_web::test]
async fn a_denied_request_is_over_with_all_that_was_done_for_it() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({})).await;
    let browser = app.browser();
    let page = browser.open(&rp.authorize(&[("prompt", Some("login consent"))])).await;
    let page = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    let denied = browser.submit(&page, &[("decision", "deny")]).await;
    assert_eq!(denied.answered("error").as_deref(), Some("access_denied"));

    // The page is still open in another tab: allowing there cannot stand in for signing in again.
    let late = browser.submit(&page, &[("decision", "allow")]).await;
    assert!(late.url.path().ends_with("/login"), "{}", late.url);
    app.finish().await;
}
