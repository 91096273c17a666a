//! A client that is removed or disabled: the state store is told as well, so that no node redeems its codes until it has
//! seen the change.

use countersign::state::kv::Spend;
use serde_json::json;

use super::debugging::command;
use crate::support::app::TestApp;
use crate::support::rp::Rp;

#[actix_web::test]
async fn codes_of_a_client_are_withdrawn_when_it_is_removed_or_disabled() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let withdrawn = async |commands: &[&str]| {
        let rp = Rp::new(&app, json!({ "first_party": true })).await;
        let code = rp.code(&app.browser(), "ada", &[]).await;
        for verb in commands {
            let done = command(&app, &["client", verb, &rp.client_id]).output().unwrap();
            assert!(done.status.success(), "{verb}: {}", String::from_utf8_lossy(&done.stderr));
        }
        let spent = app.app.state.codes.spend(&rp.client_id, &code, app.clock.now()).await.unwrap();
        let Spend::Fresh(redeemed) = spent else { panic!("{commands:?}: {spent:?}") };
        redeemed.withdrawn.is_some()
    };
    for (commands, expected) in
        [(&[][..], false), (&["disable"], true), (&["disable", "enable"], false), (&["remove"], true)]
    {
        assert_eq!(withdrawn(commands).await, expected, "{commands:?}");
    }
    app.finish().await;
}
