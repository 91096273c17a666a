//! A new password ends what the old one began, however the two cross.

use std::time::{Duration, Instant};

use countersign::password::Password;
use countersign::store::{self, users::Change};
use futures_util::future::join_all;
use serde_json::json;

use crate::support::TEST;
use crate::support::app::{PASSWORD, TestApp};
use crate::support::rp::Rp;

#[actix_web::test]
async fn no_sign_in_with_the_old_password_outlives_the_new_one() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browsers: Vec<_> = (0..5).map(|_| app.browser()).collect();
    let url = rp.authorize(&[]);
    let pages = join_all(browsers.iter().map(|browser| browser.open(&url))).await;
    let typed = [("username", "ada"), ("password", PASSWORD)];

    let thefts = join_all(browsers.iter().zip(&pages).map(|(browser, page)| browser.submit(page, &typed)));
    let change = async {
        let hash = Password::chosen("a-brand-new-password-9").unwrap().hash().unwrap();
        let change = Change::Password(hash);
        store::users::change(&app.app.db, &ada.id, change, TEST, app.clock.now()).await.unwrap();
        app.app.state.sessions.end_user(&ada.id, app.clock.now()).await.unwrap();
    };
    futures_util::future::join(thefts, change).await;
    for browser in &browsers {
        let silent = browser.get(&rp.authorize(&[("prompt", Some("none"))])).await;
        assert_eq!(silent.answered("error").as_deref(), Some("login_required"));
    }
    app.finish().await;
}

/// As when whoever disables an account dies before ending its sessions.
#[actix_web::test]
async fn sessions_that_nobody_could_end_are_ended_later() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let [browser, other] = [app.browser(), app.browser()];
    rp.sign_in(&browser, "ada", &[]).await;
    rp.sign_in(&other, "eve", &[]).await;
    let change = Change::Disabled(true);
    assert!(store::users::change(&app.app.db, &ada.id, change, TEST, app.clock.now()).await.unwrap());
    let due = store::endings::due(&app.app.db).await.unwrap();
    assert_eq!(due.iter().map(|(id, _)| id).collect::<Vec<_>>(), [&ada.id]);

    let silent = rp.authorize(&[("prompt", Some("none"))]);
    let begun = Instant::now();
    while browser.get(&silent).await.answered("error").as_deref() != Some("login_required") {
        assert!(begun.elapsed() < Duration::from_secs(30), "the session of a disabled account lives on");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    while !store::endings::due(&app.app.db).await.unwrap().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the due end is never deleted");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(other.get(&silent).await.answered("code").is_some(), "{}", eve.login);
    app.finish().await;
}
