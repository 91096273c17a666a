//! The metadata: where it is, how it is cached, and that it promises exactly what works.
//!
//! Holds `app.rs`, `protocol/discovery.rs`, `web/document.rs`.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Outcome, outcome};
use crate::support::app::{Options, TestApp};
use crate::support::rp::{Rp, claims, header};

const PATHS: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];

#[actix_web::test]
async fn it_is_found_where_clients_look_for_it() {
    let app = TestApp::start_with(Options { path: "/tenants/one", ..Options::default() }).await;
    let host = app.issuer.strip_suffix("/tenants/one").unwrap();
    let browser = app.browser();
    let mut documents = vec![];
    for url in [
        format!("{host}/tenants/one/.well-known/openid-configuration"),
        format!("{host}/.well-known/openid-configuration/tenants/one"),
        format!("{host}/.well-known/oauth-authorization-server/tenants/one"),
    ] {
        let answer = browser.get(&url).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, "application/json"),
            "{url}"
        );
        assert_eq!(answer.json()["issuer"], app.issuer);
        documents.push(answer.body);
    }
    documents.dedup();
    assert_eq!(documents.len(), 1, "the same document everywhere");
    for url in [
        format!("{host}/.well-known/openid-configuration"),
        format!("{host}/.well-known/oauth-authorization-server"),
        format!("{host}/.well-known/openid-configuration/tenants/two"),
        format!("{host}/.well-known/openid-configuration/tenants/one/"),
        format!("{host}/tenants/two/.well-known/openid-configuration"),
        format!("{host}/.well-known/jwks.json"),
        format!("{host}/.well-known/webfinger"),
        format!("{host}/authorize"),
        format!("{host}/"),
    ] {
        assert_eq!(browser.get(&url).await.status, 404, "{url}");
    }
    // Every address in it lies below the issuer and is served.
    let document: Value = serde_json::from_str(&documents[0]).unwrap();
    for (name, value) in document.as_object().unwrap() {
        let Some(url) = value.as_str().filter(|_| name.ends_with("_endpoint") || name.ends_with("_uri"))
        else {
            continue;
        };
        assert!(url.starts_with(&format!("{}/", app.issuer)), "{name}");
        assert_ne!(browser.get(url).await.status, 404, "{name}");
    }
    // A whole flow below a path.
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    assert_eq!(claims(&tokens["id_token"])["iss"], app.issuer);
    app.finish().await;
}

#[actix_web::test]
async fn it_is_cached_and_open_to_every_script() {
    let app = TestApp::start().await;
    let browser = app.browser();
    for path in PATHS {
        let url = app.at(path);
        let get =
            browser.send(browser.request(Method::GET, &url).header("origin", "https://any.example")).await;
        assert_eq!(get.header("cache-control"), "public, max-age=3600");
        assert_eq!(get.header("access-control-allow-origin"), "*");
        assert!(!get.headers.contains_key("access-control-allow-credentials"));
        let etag = get.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.len() > 10, "{etag}");
        for (held, status) in [
            (etag.clone(), 304),
            (format!("W/{etag}"), 304),
            (format!("\"other\", {etag}"), 304),
            ("*".into(), 304),
            ("\"other\"".into(), 200),
            (etag.trim_matches('"').to_owned(), 200),
        ] {
            let answer =
                browser.send(browser.request(Method::GET, &url).header("if-none-match", &held)).await;
            assert_eq!((answer.status.as_u16(), answer.header("etag")), (status, etag.as_str()), "{held}");
            assert_eq!(answer.body.is_empty(), status == 304);
        }
        let head = browser.send(browser.request(Method::HEAD, &url)).await;
        assert_eq!((head.status.as_u16(), head.body.as_str(), head.header("etag")), (200, "", etag.as_str()));
        assert_eq!(head.header("content-length"), get.body.len().to_string());
        let preflight = browser.request(Method::OPTIONS, &url).header("origin", "https://any.example");
        let preflight = preflight.header("access-control-request-headers", "traceparent");
        let answer = browser.send(preflight.header("access-control-request-method", "GET")).await;
        assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (204, "*"));
        assert_eq!(answer.header("access-control-allow-headers"), "traceparent");
        assert!(!answer.headers.contains_key("access-control-allow-credentials"));
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            let answer = browser.send(browser.request(method, &url)).await;
            assert_eq!(super::refusal(&answer), (405, "invalid_request".into()));
            assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS");
        }
        // The issuer is the configured one, whatever the request calls us.
        let called = browser.request(Method::GET, &url).header("host", "evil.example");
        let called =
            called.header("x-forwarded-host", "evil.example").header("forwarded", "host=evil.example");
        assert_eq!(browser.send(called).await.body, get.body);
    }
    app.finish().await;
}

/// Each member by name: what it promises is exercised here, or by the test named beside it.
#[actix_web::test]
async fn every_member_is_kept() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let browser = app.browser();
    let document = browser.get(&app.at(PATHS[0])).await.json();
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    rp.code(&browser, "ada", &[]).await;
    let list = |name: &str| -> Vec<String> { serde_json::from_value(document[name].clone()).unwrap() };
    let answered =
        async |changed: &[(&str, Option<&str>)]| outcome(&app, &browser.get(&rp.authorize(changed)).await);
    for name in document.as_object().unwrap().keys() {
        match name.as_str() {
            "issuer" => assert_eq!(document[name], app.issuer),
            "authorization_endpoint" => assert_eq!(document[name], app.at("/authorize")),
            // device_authorization.rs uses it.
            "device_authorization_endpoint" => assert_eq!(document[name], app.at("/device_authorization")),
            "token_endpoint" => assert_eq!(document[name], app.at("/token")),
            "userinfo_endpoint" => assert_eq!(document[name], app.at("/userinfo")),
            "end_session_endpoint" => assert_eq!(document[name], app.at("/end_session")),
            "jwks_uri" => assert_eq!(browser.get(document[name].as_str().unwrap()).await.status, 200),
            "response_types_supported" => {
                for value in list(name) {
                    assert_eq!(answered(&[("response_type", Some(&value))]).await, Outcome::Code);
                }
            }
            "response_modes_supported" => {
                for value in list(name) {
                    assert_eq!(answered(&[("response_mode", Some(&value))]).await, Outcome::Code);
                }
            }
            // token.rs and refresh.rs use them; token.rs refuses the others.
            "grant_types_supported" => {
                let device = crate::support::tv::DEVICE;
                let expected = ["authorization_code", "refresh_token", "client_credentials", device];
                assert_eq!(list(name), expected);
            }
            // pairwise.rs registers both.
            "subject_types_supported" => assert_eq!(document[name], json!(["public", "pairwise"])),
            // userinfo_signed.rs uses each of them.
            "userinfo_signing_alg_values_supported" => {
                let mut of_id_tokens = list("id_token_signing_alg_values_supported");
                of_id_tokens.retain(|alg| alg != "HS256");
                assert_eq!(list(name), of_id_tokens);
            }
            // introspect.rs and revoke.rs use them; introspection has no public clients.
            "introspection_endpoint" => assert_eq!(document[name], app.at("/introspect")),
            "introspection_endpoint_auth_methods_supported" => {
                let mut methods = list("token_endpoint_auth_methods_supported");
                methods.retain(|method| method != "none");
                assert_eq!(list(name), methods);
            }
            "introspection_endpoint_auth_signing_alg_values_supported"
            | "revocation_endpoint_auth_signing_alg_values_supported" => {
                assert_eq!(document[name], document["token_endpoint_auth_signing_alg_values_supported"]);
            }
            "introspection_signing_alg_values_supported" => assert_eq!(list(name), ["RS256"]),
            "revocation_endpoint" => assert_eq!(document[name], app.at("/revoke")),
            "revocation_endpoint_auth_methods_supported" => {
                assert_eq!(document[name], document["token_endpoint_auth_methods_supported"]);
            }
            "id_token_signing_alg_values_supported" => {
                assert!(list(name).contains(&"RS256".to_owned()));
                for alg in list(name) {
                    let rp =
                        Rp::new(&app, json!({ "first_party": true, "id_token_signed_response_alg": alg }))
                            .await;
                    let code = browser.get(&rp.authorize(&[])).await.answered("code").unwrap();
                    let id_token = rp.redeem(&browser, &code, &[]).await.json()["id_token"].clone();
                    assert_eq!(header(&id_token)["alg"], alg);
                    assert_eq!(claims(&id_token)["sub"], ada.id);
                }
            }
            // token_auth.rs uses each of them.
            "token_endpoint_auth_methods_supported" => {
                let by_assertion = ["client_secret_jwt", "private_key_jwt"];
                let all =
                    [&["client_secret_basic", "client_secret_post"][..], &by_assertion, &["none"]].concat();
                assert_eq!(document[name], json!(all));
            }
            // token_assertion.rs uses each of them.
            "token_endpoint_auth_signing_alg_values_supported" => {
                assert_eq!(document[name], json!(["RS256", "ES256", "PS256", "EdDSA", "Ed25519", "HS256"]));
            }
            // userinfo.rs asks for each standard one, refresh.rs for offline_access, token.rs for those of resources.
            "scopes_supported" => {
                let standard = ["openid", "profile", "email", "phone", "address", "offline_access"];
                let ours = ["balances.read", "balances.transfer"];
                assert_eq!(list(name), [&standard[..], &ours[..]].concat());
            }
            "claims_supported" => {
                for claim in ["sub", "name", "email", "auth_time", "acr", "amr", "nonce", "sid"] {
                    assert!(list(name).contains(&claim.to_owned()), "{claim}");
                }
            }
            "claim_types_supported" => assert_eq!(document[name], json!(["normal"])),
            // Said to be missing, and missing: authorize.rs sees them refused or ignored.
            "request_parameter_supported" | "request_uri_parameter_supported" => {
                assert_eq!(document[name], json!(false));
            }
            // claims.rs asks in every way.
            "claims_parameter_supported" => {
                let asked = Some(r#"{"id_token":{"email":{"essential":true}}}"#);
                let answer = browser.get(&rp.authorize(&[("claims", asked)])).await;
                let tokens = rp.redeem(&browser, &answer.answered("code").unwrap(), &[]).await.json();
                assert_eq!(
                    (&document[name], &claims(&tokens["id_token"])["email"]),
                    (&json!(true), &json!("ada@example.com"))
                );
            }
            "display_values_supported" => {
                for display in list(name).iter().map(String::as_str).chain(["touch", "wap", "nonsense"]) {
                    let page = app.browser().open(&rp.authorize(&[("display", Some(display))])).await;
                    assert_eq!(outcome(&app, &page), Outcome::Login, "{display}");
                }
                assert_eq!(list(name), ["page", "popup"]);
            }
            "acr_values_supported" => {
                for acr in list(name) {
                    let answer = browser.get(&rp.authorize(&[("acr_values", Some(&acr))])).await;
                    let tokens = rp.redeem(&browser, &answer.answered("code").unwrap(), &[]).await.json();
                    assert_eq!(claims(&tokens["id_token"])["acr"], acr);
                }
            }
            // authorize_prompt.rs and select.rs see what each does.
            "prompt_values_supported" => {
                assert_eq!(document[name], json!(["none", "login", "consent", "select_account"]));
            }
            "ui_locales_supported" => {
                assert_eq!(list(name), ["en", "de"]);
                for lang in list(name) {
                    let wish = format!("fr {lang}-x-any");
                    let page = app.browser().open(&rp.authorize(&[("ui_locales", Some(&wish))])).await;
                    assert_eq!(page.header("content-language"), lang);
                }
            }
            "code_challenge_methods_supported" => {
                assert_eq!(document[name], json!(["S256"]));
                assert_eq!(answered(&[]).await, Outcome::Code);
            }
            "authorization_response_iss_parameter_supported" => {
                let answer = browser.get(&rp.authorize(&[])).await;
                assert_eq!(answer.answered("iss"), Some(app.issuer.clone()));
            }
            unknown => panic!("{unknown} promises something that no test looks at"),
        }
    }
    assert!(!document.to_string().contains("null") && !document.to_string().contains("[]"));
    app.finish().await;
}
