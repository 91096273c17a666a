//! Sign in once, everywhere.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::rp::{Rp, claims, header};

#[actix_web::test]
async fn a_person_signs_in_once_and_both_applications_know() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let bank = Rp::new(&app, json!({ "client_name": "Bank", "first_party": true })).await;
    let fund = Rp::new(
        &app,
        json!({ "client_name": "Fund", "first_party": true, "id_token_signed_response_alg": "ES256" }),
    )
    .await;
    let browser = app.browser();

    let first = bank.tokens(&browser, "ada", &[]).await;
    assert_eq!(header(&first["id_token"])["alg"], "RS256");
    let bank_says = claims(&first["id_token"]);
    assert_eq!(bank_says["iss"], app.issuer);
    assert_eq!(bank_says["sub"], ada.id);
    assert_eq!(bank_says["aud"], bank.client_id);
    assert_eq!(bank_says["nonce"], "a-nonce");

    let silent = browser.get(&fund.authorize(&[])).await;
    assert_eq!(silent.status, 303, "{}", silent.body);
    assert_eq!(silent.answered("state").as_deref(), Some("a-state"));
    assert_eq!(silent.answered("iss"), Some(app.issuer.clone()));
    let second = fund.redeem(&browser, &silent.answered("code").unwrap(), &[]).await.json();
    assert_eq!(header(&second["id_token"])["alg"], "ES256");
    let fund_says = claims(&second["id_token"]);
    assert_eq!(fund_says["sub"], ada.id);
    assert_eq!(fund_says["auth_time"], bank_says["auth_time"]);
    assert_ne!(fund_says["sid"], bank_says["sid"], "a sid must not link two clients");

    let info = browser
        .request(reqwest::Method::GET, &app.at("/userinfo"))
        .bearer_auth(second["access_token"].as_str().unwrap());
    let info = browser.send(info).await;
    assert_eq!((info.status.as_u16(), info.json()), (200, json!({ "sub": ada.id })));
    app.finish().await;
}
