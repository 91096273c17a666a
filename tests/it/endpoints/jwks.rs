//! `/.well-known/jwks.json`: public members only, and caching that the key policy can rely on.
//!
//! Holds `web/document.rs`.

use data_encoding::BASE64URL_NOPAD;
use openssl::sha::sha256;
use reqwest::Method;
use serde_json::{Value, json};

use super::refusal;
use crate::support::app::TestApp;
use crate::support::rp::{Rp, header};

/// By hand, from the text of RFC 7638.
fn thumbprint(key: &Value) -> String {
    let text = |name: &str| key[name].as_str().unwrap();
    let canonical = match text("kty") {
        "RSA" => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text("e"), text("n")),
        "EC" => format!(r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#, text("crv"), text("x"), text("y")),
        other => panic!("{other}"),
    };
    BASE64URL_NOPAD.encode(&sha256(canonical.as_bytes()))
}

#[actix_web::test]
async fn the_set_shows_the_public_half_of_every_key_and_no_more() {
    let vector = json!({ "crv": "P-256", "kty": "EC", "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
        "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU" });
    assert_eq!(thumbprint(&vector), "xx0BcA-wMohw8atYDJOe6peGModklG2wRHBlXHMvl0M");

    let app = TestApp::start().await;
    app.user("ada").await;
    let browser = app.browser();
    let set = browser.get(&app.at("/.well-known/jwks.json")).await.json();
    assert_eq!(set.as_object().unwrap().keys().collect::<Vec<_>>(), ["keys"]);
    let keys = set["keys"].as_array().unwrap();
    let mut kids = vec![];
    for key in keys {
        let mut members: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        let of_kind: &[&str] = match key["alg"].as_str().unwrap() {
            "RS256" => &["alg", "e", "kid", "kty", "n", "use"],
            "ES256" => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            other => panic!("{other}"),
        };
        assert_eq!(members, of_kind);
        assert_eq!((&key["use"], key["kid"].as_str().unwrap()), (&json!("sig"), thumbprint(key).as_str()));
        for name in ["n", "x", "y"] {
            let Some(number) = key[name].as_str() else { continue };
            let bytes = BASE64URL_NOPAD.decode(number.as_bytes()).unwrap().len();
            assert_eq!(bytes, if name == "n" { 256 } else { 32 }, "{name}");
        }
        kids.push(key["kid"].as_str().unwrap());
    }
    kids.sort_unstable();
    kids.dedup();
    assert_eq!(kids.len(), keys.len(), "every kid is another");
    for alg in ["RS256", "ES256"] {
        assert!(keys.iter().any(|key| key["alg"] == alg), "{alg}");
    }
    // What was signed names a key that is there.
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    for name in ["id_token", "access_token"] {
        let head = header(&tokens[name]);
        let found = keys.iter().find(|key| key["kid"] == head["kid"]).unwrap();
        assert_eq!(found["alg"], head["alg"], "{name}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn it_is_cached_no_longer_than_the_key_policy_promises() {
    let app = TestApp::start().await;
    let browser = app.browser();
    let url = app.at("/.well-known/jwks.json");
    let get = browser.get(&url).await;
    assert_eq!((get.status.as_u16(), get.header("content-type")), (200, "application/json"));
    assert_eq!(get.header("cache-control"), "public, max-age=600");
    assert_eq!(get.header("access-control-allow-origin"), "*");
    let etag = get.header("etag");
    let held = browser.send(browser.request(Method::GET, &url).header("if-none-match", etag)).await;
    assert_eq!((held.status.as_u16(), held.body.as_str(), held.header("etag")), (304, "", etag));
    assert_eq!(held.header("cache-control"), "public, max-age=600");
    let head = browser.send(browser.request(Method::HEAD, &url)).await;
    assert_eq!((head.status.as_u16(), head.body.as_str(), head.header("etag")), (200, "", etag));
    let post = browser.send(browser.request(Method::POST, &url)).await;
    assert_eq!(
        (refusal(&post), post.header("allow")),
        ((405, "invalid_request".into()), "GET, HEAD, OPTIONS")
    );
    let preflight = browser.request(Method::OPTIONS, &url).header("origin", "https://any.example");
    let preflight = preflight.header("access-control-request-headers", "x-requested-with");
    let answer = browser.send(preflight.header("access-control-request-method", "GET")).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (204, "*"));
    assert_eq!(answer.header("access-control-allow-headers"), "x-requested-with");
    app.finish().await;
}
