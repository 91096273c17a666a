//! Client libraries in other languages complete the flow.

use countersign::protocol::client::SigningAlg;
use serde_json::json;

use crate::support::app::{Options, REDIRECT, TestApp};
use crate::support::foreign::Foreign;
use crate::support::rp::{Rp, VERIFIER};

/// Two that compare the hash of the access token, and know for themselves which hash goes with which algorithm. They
/// compare the times with the machine's clock, as the provider under test does while nothing has moved its own.
#[actix_web::test]
async fn foreign_libraries_complete_the_flow_and_compare_the_hash_of_the_access_token() {
    let app = TestApp::start_with(Options {
        adjust: |config| config.keys.algorithms = SigningAlg::ALL.to_vec(),
        ..Options::default()
    })
    .await;
    app.user("ada").await;
    for (name, mut library) in [("openid-client", Foreign::openid_client()), ("Authlib", Foreign::authlib())]
    {
        for alg in SigningAlg::ALL.map(SigningAlg::name) {
            let registered = json!({ "id_token_signed_response_alg": alg, "first_party": true });
            let rp = Rp::new(&app, registered).await;
            let back = rp.sign_in(&app.browser(), "ada", &[]).await;
            let question = json!({ "issuer": app.issuer, "client_id": rp.client_id, "client_secret": rp.secret,
                "algorithm": alg, "callback": back.destination(), "redirect_uri": REDIRECT,
                "code_verifier": VERIFIER, "nonce": "a-nonce", "state": "a-state" });
            // Beside the runtime, which has to answer the library meanwhile.
            let answered = actix_web::rt::task::spawn_blocking(move || (library.answer(&question), library));
            let (answer, again) = answered.await.unwrap();
            assert_eq!(answer, "good", "{name}, {alg}");
            library = again;
        }
    }
    app.finish().await;
}
