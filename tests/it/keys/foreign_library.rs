//! A verifier of other people, for every algorithm. `prove::foreign` asks three, through rotations too.

use countersign::protocol::client::{NamedAlg, SigningAlg};
use countersign_verifier::{Check, KeySet, verify};
use serde_json::json;
use time::Duration;

use crate::support::app::{Options, TestApp};
use crate::support::foreign::{Foreign, Question};
use crate::support::rp::header;

const ISSUER: &str = "https://id.example";

#[actix_web::test]
async fn a_foreign_library_accepts_every_algorithm_and_no_changed_token() {
    let app = TestApp::start_with(Options {
        adjust: |config| config.keys.algorithms = SigningAlg::ALL.to_vec(),
        ..Options::default()
    })
    .await;
    let browser = app.browser();
    let listed = browser.get(&app.at("/.well-known/openid-configuration")).await.json();
    assert_eq!(
        listed["id_token_signing_alg_values_supported"],
        json!(["RS256", "ES256", "PS256", "EdDSA", "Ed25519", "HS256"]),
        "discovery lists what is configured, and MACs"
    );
    let jwks = browser.get(&app.at("/.well-known/jwks.json")).await.body;
    let (now, mut jose) = (app.clock.now(), Foreign::jose());
    let own = KeySet::from_json(jwks.as_bytes()).unwrap();
    for alg in NamedAlg::all() {
        let issued = now.unix_timestamp();
        let claims = json!({ "iss": ISSUER, "sub": "ada", "aud": "app", "iat": issued, "exp": issued + 600 });
        let token = app.app.keys.snapshot.load().sign(alg, "JWT", &claims).unwrap();
        let alg = alg.name();
        assert_eq!(header(&json!(token))["alg"], alg);
        verify(&token, &own, &Check::id_token(ISSUER, "app"), now).unwrap();
        let asked = Question { jwks: &jwks, token: &token, issuer: ISSUER, audience: "app", alg, now };
        jose.accepts(&asked);
        let changed = token.replacen(&token[60..70], "AAAAAAAAAA", 1);
        let late = Question { now: now + Duration::hours(1), ..asked };
        let changed = Question { token: &changed, now, ..late };
        for asked in [&late, &changed] {
            assert_ne!(jose.ask(asked), "good");
        }
    }
    app.finish().await;
}
