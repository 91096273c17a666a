//! A token that was changed, however little, opens nothing.

use countersign::clock::Clock;
use countersign::demo::{self, Options, Ports};
use data_encoding::BASE64URL_NOPAD;
use reqwest::{Method, StatusCode};

use crate::support::browser::Browser;
use crate::support::log;
use crate::support::rp::{CHALLENGE, VERIFIER};

#[actix_web::test]
async fn changing_any_single_byte_of_a_token_makes_the_api_refuse_it() {
    log::start();
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, keys_dir) = (folder.path().join("data"), folder.path().join("keys"));
    let ports = Ports { provider: 0, bank: 0, fund: 0, api: 0 };
    let demo = demo::start(Options { data_dir, keys_dir, ports, clock: Clock::default() }).await.unwrap();

    let browser = Browser::new(std::sync::Arc::default());
    let redirect_uri = format!("{}/callback", demo.bank);
    let query = [
        ("client_id", "demo-bank"),
        ("redirect_uri", &redirect_uri),
        ("response_type", "code"),
        ("scope", "openid balances.read"),
        ("resource", &demo.api),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let url = url::Url::parse_with_params(&format!("{}/authorize", demo.provider), query).unwrap();
    let page = browser.open(url.as_str()).await;
    let person = &demo.people[0];
    let back = browser.submit(&page, &[("username", &person.login), ("password", &person.password)]).await;
    let code = back.answered("code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", &redirect_uri),
        ("code_verifier", VERIFIER),
        ("client_id", "demo-bank"),
    ];
    let request = browser.request(Method::POST, &format!("{}/token", demo.provider)).form(&form);
    let token = browser.send(request).await.json()["access_token"].as_str().unwrap().to_owned();

    let port = url::Url::parse(&demo.api).unwrap().port().unwrap();
    let http = reqwest::Client::builder()
        .no_proxy()
        .resolve("api.localhost", std::net::SocketAddr::from(([127, 0, 0, 1], port)))
        .build()
        .unwrap();
    let call = async |token: &str| {
        http.get(format!("{}/balances", demo.api)).bearer_auth(token).send().await.unwrap().status()
    };
    assert_eq!(call(&token).await, StatusCode::OK);
    let parts: Vec<Vec<u8>> =
        token.split('.').map(|part| BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).collect();
    for (number, part) in parts.iter().enumerate() {
        for position in 0..part.len() {
            let mut changed = parts.clone();
            changed[number][position] ^= 1;
            let changed: Vec<String> = changed.iter().map(|part| BASE64URL_NOPAD.encode(part)).collect();
            let status = call(&changed.join(".")).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "byte {position} of part {number}");
        }
    }
    assert_eq!(call(&token).await, StatusCode::OK);
    demo.stop().await;
}
