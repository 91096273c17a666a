//! A new password ends what the old one began, however the two cross.

use countersign::password::Password;
use countersign::store::{self, users::Change};
use futures_util::future::join_all;
use serde_json::json;

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
        store::users::change(&app.app.db, &ada.id, change, "test", app.clock.now()).await.unwrap();
        app.app.state.sessions.end_user(&ada.id, app.clock.now()).await.unwrap();
    };
    futures_util::future::join(thefts, change).await;
    for browser in &browsers {
        let silent = browser.get(&rp.authorize(&[("prompt", Some("none"))])).await;
        assert_eq!(silent.answered("error").as_deref(), Some("login_required"));
    }
    app.finish().await;
}
