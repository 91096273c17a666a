//! `/introspect`: who may ask, and what is told about which token.
//!
//! Holds `web/presented.rs`.

use countersign::protocol::client::SigningAlg;
use countersign::protocol::resource::{Resource, Resources};
use countersign::store::users::{self, Change};
use countersign::store::{clients, grants};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use super::hint::forgeries;
use super::{failures, refusal};
use crate::support::TEST;
use crate::support::app::{API, Options, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::{Rp, claims, header, registered};

/// Asks what a token says.
pub async fn introspect(rp: &Rp<'_>, browser: &Browser, token: &str) -> Answer {
    let request = browser.request(Method::POST, &rp.app.at("/introspect"));
    let request = request.basic_auth(&rp.client_id, Some(&rp.secret));
    browser.send(request.form(&[("token", token)])).await
}

/// What is told in JSON, with the headers that every answer has.
pub async fn told(rp: &Rp<'_>, browser: &Browser, token: &str) -> Value {
    let answer = introspect(rp, browser, token).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, "application/json"),
        "{}",
        answer.body
    );
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    answer.json()
}

/// A token of a client for itself, for the API.
pub async fn own_token(rp: &Rp<'_>, browser: &Browser) -> String {
    let request = browser.request(Method::POST, &rp.app.at("/token"));
    let request = request.basic_auth(&rp.client_id, Some(&rp.secret));
    let answer = browser.send(request.form(&[("grant_type", "client_credentials"), ("resource", API)])).await;
    answer.json()["access_token"].as_str().expect("a token").to_owned()
}

/// The registration of an application that has people sign in and also acts for itself.
pub fn both() -> Value {
    json!({ "first_party": true, "scope": "openid profile balances.read",
        "grant_types": ["authorization_code", "client_credentials"] })
}

fn text(token: &Value) -> &str {
    token.as_str().unwrap()
}

fn inactive() -> Value {
    json!({ "active": false })
}

#[actix_web::test]
async fn only_a_confidential_client_may_ask() {
    let app = TestApp::start().await;
    let rp = Rp::new(&app, both()).await;
    let public = registered("public", None, json!({ "token_endpoint_auth_method": "none" }));
    clients::add(&app.app.db, &public, TEST, app.clock.now()).await.unwrap();
    let browser = app.browser();
    let form = Some("application/x-www-form-urlencoded");
    let (id, secret) = (rp.client_id.clone(), rp.secret.clone());
    let basic = Some((id.as_str(), secret.as_str()));
    let post = format!("token=x&client_id={id}&client_secret={secret}");
    let large = format!("token={}", "a".repeat(70_000));
    let longest = format!("token={}", "a".repeat(60_000));
    let (invalid, refused) = ((400, "invalid_request"), (401, "invalid_client"));
    let fine = (200, "");
    #[rustfmt::skip]
    let rows = [
        (form, "token=x", basic, fine),
        (form, "token=x&token_type_hint=access_token", basic, fine),
        (form, "token=x&token_type_hint=refresh_token", basic, fine),
        (form, "token=x&token_type_hint=nonsense", basic, fine),
        (form, "token=x&other=1&other=2", basic, fine),
        (form, "token=%00", basic, invalid),
        (form, &longest, basic, fine),
        (form, "", basic, invalid),
        (form, "token=", basic, invalid),
        (form, "token_type_hint=access_token", basic, invalid),
        (form, "token=x&token=x", basic, invalid),
        (form, "token=x&token_type_hint=a&token_type_hint=a", basic, invalid),
        (form, "token=%zz", basic, invalid),
        (form, &large, basic, (413, "invalid_request")),
        (Some("application/json"), "{\"token\":\"x\"}", basic, invalid),
        (None, "token=x", basic, invalid),
        (form, "token=x", None, refused),
        (form, "token=x", Some((id.as_str(), "wrong")), refused),
        (form, "token=x", Some(("nobody", "wrong")), refused),
        // By either way of sending a secret where no method is registered, as at the token endpoint.
        (form, &post, None, fine),
        (form, "token=x&client_id=public", None, refused),
        (form, "token=x", Some(("public", "")), refused),
    ];
    for (content_type, body, credentials, (status, error)) in rows {
        let mut request = browser.request(Method::POST, &app.at("/introspect")).body(body.to_owned());
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        if let Some((id, secret)) = credentials {
            request = request.basic_auth(id, Some(secret));
        }
        let answer = browser.send(request).await;
        let shown = &body[..body.len().min(60)];
        if status == 200 {
            assert_eq!((answer.status.as_u16(), answer.json()), (200, inactive()), "{shown}");
            continue;
        }
        assert_eq!(refusal(&answer), (status, error.into()), "{shown} {credentials:?}");
        let challenge = if status == 401 { format!("Basic realm=\"{}\"", app.issuer) } else { String::new() };
        assert_eq!(answer.header("www-authenticate"), challenge, "{shown}");
    }
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let answer = browser.send(browser.request(method.clone(), &app.at("/introspect?token=x"))).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"), "{method}");
    }
    // No script may read an answer, not even of an origin that is registered.
    let open = Rp::new(&app, json!({ "allowed_cors_origins": ["https://spa.example"] })).await;
    for (origin, status) in [("https://spa.example", 200), ("https://evil.example", 400), ("null", 200)] {
        let request = browser.request(Method::POST, &app.at("/introspect")).header("origin", origin);
        let request = request.basic_auth(&open.client_id, Some(&open.secret)).form(&[("token", "x")]);
        let answer = browser.send(request).await;
        assert_eq!(answer.status, status, "{origin}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{origin}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_client_is_told_about_its_own_tokens() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let rp = Rp::new(&app, both()).await;
    let other = Rp::new(&app, both()).await;
    let browser = app.browser();
    let tokens = rp.tokens(&browser, "ada", &[("scope", Some("openid profile"))]).await;
    let (token, said) = (text(&tokens["access_token"]), claims(&tokens["access_token"]));
    let expected = json!({ "active": true, "token_type": "Bearer", "iss": app.issuer, "sub": ada.id, "aud": app.issuer,
        "client_id": rp.client_id, "scope": "openid profile", "exp": said["exp"], "iat": said["iat"],
        "nbf": said["nbf"], "jti": said["jti"], "auth_time": said["auth_time"], "acr": said["acr"],
        "amr": said["amr"] });
    for _ in 0..3 {
        assert_eq!(told(&rp, &browser, token).await, expected, "asking changes nothing");
    }
    let own = own_token(&rp, &browser).await;
    let said = claims(&json!(own));
    let expected = json!({ "active": true, "token_type": "Bearer", "iss": app.issuer, "sub": rp.client_id, "aud": API,
        "client_id": rp.client_id, "scope": "balances.read", "exp": said["exp"], "iat": said["iat"],
        "nbf": said["nbf"], "jti": said["jti"] });
    assert_eq!(told(&rp, &browser, &own).await, expected);

    // Another client is told nothing, and its developer why.
    for foreign in [token, &own] {
        assert_eq!(told(&other, &browser, foreign).await, inactive());
    }
    assert_eq!(told(&rp, &browser, text(&tokens["id_token"])).await, inactive());
    let causes = failures(&app, &other.client_id, 2).await;
    let causes: Vec<String> = causes.iter().map(|failure| failure.cause.to_string()).collect();
    let issued = format!("it was issued to another one, for others; issued to {:?}", rp.client_id);
    assert!(causes.iter().all(|cause| cause.contains(&issued)), "{causes:#?}");
    let mistaken = failures(&app, &rp.client_id, 1).await;
    let first = mistaken.first().map(|failure| (failure.endpoint.as_str(), failure.cause.what.to_string()));
    let words = "an ID Token was sent in place of an access token".to_owned();
    assert_eq!(first, Some(("/introspect", words)), "{mistaken:#?}");
    app.finish().await;
}

#[actix_web::test]
async fn whatever_is_no_living_token_of_ours_is_inactive() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, both()).await;
    let browser = app.browser();
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let own = json!(own_token(&rp, &browser).await);
    for token in [&tokens["access_token"], &own] {
        for (what, forged) in forgeries(token, &tokens["id_token"]) {
            assert_eq!(told(&rp, &browser, &forged).await, inactive(), "{what}");
        }
        let cut = text(token).len() / 2;
        for truncated in [&text(token)[..cut], &text(token)[cut..], &text(token)[..text(token).len() - 1]] {
            assert_eq!(told(&rp, &browser, truncated).await, inactive(), "{truncated}");
        }
    }
    // Signed with our own key, and still not active.
    let sign = |typ: &str, name: &str, value: Value| {
        let mut claims = claims(&tokens["access_token"]);
        claims[name] = value;
        app.app.keys.snapshot.load().sign(SigningAlg::ES256, typ, &claims).unwrap()
    };
    let at = "at+jwt";
    let session = "urn:countersign:claim:session";
    let now = app.clock.now().unix_timestamp();
    let of_past = forgotten_grant(&app, &claims(&tokens["access_token"])).await;
    #[rustfmt::skip]
    let rows = [
        ("typ JWT", sign("JWT", "x", json!(1))),
        ("typ logout", sign("logout+jwt", "x", json!(1))),
        ("typ introspection", sign("token-introspection+jwt", "x", json!(1))),
        ("issuer", sign(at, "iss", json!("https://evil.example"))),
        ("dated ahead", sign(at, "iat", json!(now + 3600))),
        ("exp as text", sign(at, "exp", json!("9999999999"))),
        ("exp 1e300", sign(at, "exp", json!(1e300))),
        ("no client", sign(at, "client_id", json!(""))),
        ("another person", sign(at, "sub", json!("nobody"))),
        ("a short jti", sign(at, "jti", json!("AAAA"))),
        ("a dead grant", of_past),
        ("no session", sign(at, session, Value::Null)),
        ("a session that is none", sign(at, session, json!("AAAA"))),
    ];
    for (what, token) in rows {
        assert_eq!(told(&rp, &browser, &token).await, inactive(), "{what}");
    }
    assert_eq!(
        told(&rp, &browser, &sign(at, "x", json!(1))).await["active"],
        json!(true),
        "the rows fail for what they say"
    );
    app.finish().await;
}

/// A token of a grant that was recorded as dead.
async fn forgotten_grant(app: &TestApp, claims: &Value) -> String {
    let id = countersign::ids::GrantId::generate();
    let of = grants::Parties {
        user_id: claims["sub"].as_str().unwrap(),
        client_id: claims["client_id"].as_str().unwrap(),
    };
    let now = app.clock.now();
    grants::kill(&app.app.db, id, now + Duration::minutes(11), of, TEST, now).await.unwrap();
    let mut claims = claims.clone();
    claims["jti"] = json!(countersign::protocol::claims::jti(id, [0; 8]));
    app.app.keys.snapshot.load().sign(SigningAlg::ES256, "at+jwt", &claims).unwrap()
}

#[actix_web::test]
async fn a_token_ends_with_its_time_its_session_its_person_and_its_client() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let rp = Rp::new(&app, both()).await;
    let browser = app.browser();
    let is_active = async |token: &str| told(&rp, &browser, token).await["active"] == json!(true);

    // One second before its end, at it, and after.
    let short = own_token(&rp, &browser).await;
    let left = claims(&json!(short))["exp"].as_i64().unwrap() - app.clock.now().unix_timestamp();
    app.clock.advance(Duration::seconds(left - 1));
    assert!(is_active(&short).await);
    app.clock.advance(Duration::SECOND);
    assert!(!is_active(&short).await);
    app.clock.advance(Duration::SECOND);
    assert!(!is_active(&short).await);

    // Signed out: the token for ourselves ends, and so does the one for an API.
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let for_api = [("resource", Some(API)), ("scope", Some("openid balances.read"))];
    let code = browser.get(&rp.authorize(&for_api)).await.answered("code").unwrap();
    let api = rp.redeem(&browser, &code, &[]).await.json();
    let (ours, api) = (text(&tokens["access_token"]), text(&api["access_token"]));
    assert!(is_active(ours).await && is_active(api).await);
    let home = browser.get(&app.at("/")).await;
    browser.submit(&home, &[]).await;
    assert!(!is_active(ours).await && !is_active(api).await);

    // A replayed code takes its tokens with it.
    let code = rp.code(&browser, "ada", &for_api).await;
    let replayed = rp.redeem(&browser, &code, &[]).await.json();
    assert!(is_active(text(&replayed["access_token"])).await);
    assert_eq!(rp.redeem(&browser, &code, &[]).await.status, 400);
    assert!(!is_active(text(&replayed["access_token"])).await);

    // The person's account is disabled; the client's own tokens are not concerned.
    let own = own_token(&rp, &browser).await;
    let code = browser.get(&rp.authorize(&for_api)).await.answered("code").unwrap();
    let api = rp.redeem(&browser, &code, &[]).await.json();
    let api = text(&api["access_token"]);
    assert!(is_active(api).await);
    users::change(&app.app.db, &ada.id, Change::Disabled(true), TEST, app.clock.now()).await.unwrap();
    assert!(!is_active(api).await && is_active(&own).await);
    // The client is another one of the same name, which still authenticates.
    let before = clients::by_id(&app.app.db, &rp.client_id).await.unwrap().unwrap();
    let now = app.clock.now() + Duration::seconds(2);
    clients::remove(&app.app.db, &rp.client_id, TEST, now).await.unwrap();
    let again = countersign::protocol::client::Client { registered_at: now, ..before };
    clients::add(&app.app.db, &again, TEST, now).await.unwrap();
    assert!(!is_active(&own).await);
    app.finish().await;
}

/// The service behind an API asks about the tokens that it gets, whoever they were issued to.
#[actix_web::test]
async fn a_client_that_acts_as_a_resource_is_told_about_its_tokens() {
    let adjust = |config: &mut countersign::config::Config| {
        let acting = |mut resource: Resource| {
            resource.clients = vec!["rs".into()];
            resource
        };
        let declared = config.resources.iter().cloned().map(acting).collect();
        config.resources = Resources::new(declared).unwrap();
    };
    let app = TestApp::start_with(Options { adjust, ..Options::default() }).await;
    let ada = app.user("ada").await;
    let secret = "a-secret-of-the-service-0123456789-abcdef";
    let service = registered("rs", Some(secret), json!({ "grant_types": ["client_credentials"] }));
    clients::add(&app.app.db, &service, TEST, app.clock.now()).await.unwrap();
    let rs = Rp { app: &app, client_id: "rs".into(), secret: secret.into(), is_public: false };
    let rp = Rp::new(&app, both()).await;
    let browser = app.browser();
    let for_api = [("resource", Some(API)), ("scope", Some("openid balances.read"))];
    let api = rp.tokens(&browser, "ada", &for_api).await["access_token"].as_str().unwrap().to_owned();
    let own = own_token(&rp, &browser).await;
    let said = told(&rs, &browser, &api).await;
    let facts = (&said["active"], &said["sub"], &said["client_id"], &said["aud"], &said["scope"]);
    assert_eq!(
        facts,
        (&json!(true), &json!(ada.id), &json!(rp.client_id), &json!(API), &json!("balances.read"))
    );
    assert_eq!(told(&rs, &browser, &own).await["sub"], json!(rp.client_id));
    // A token for ourselves is none of its business.
    let code = browser.get(&rp.authorize(&[])).await.answered("code").unwrap();
    let ours = rp.redeem(&browser, &code, &[]).await.json();
    assert_eq!(told(&rs, &browser, text(&ours["access_token"])).await, inactive());
    app.finish().await;
}

/// Spec: RFC 9701 §5
#[actix_web::test]
async fn an_answer_may_be_a_jwt() {
    let app = TestApp::start().await;
    let rp = Rp::new(&app, both()).await;
    let browser = app.browser();
    let own = own_token(&rp, &browser).await;
    let jwt = "application/token-introspection+jwt";
    let ask = async |token: &str, accept: &str| {
        let request = browser.request(Method::POST, &app.at("/introspect")).header("accept", accept);
        let request = request.basic_auth(&rp.client_id, Some(&rp.secret));
        browser.send(request.form(&[("token", token)])).await
    };
    for (accept, expected) in [
        (jwt.to_owned(), jwt),
        ("Application/Token-Introspection+JWT".to_owned(), jwt),
        (format!("{jwt}, application/json;q=0.5"), jwt),
        (format!("application/json;q=0.5, {jwt};q=0.9, */*;q=0.1"), jwt),
        (format!("text/html, {jwt}"), jwt),
        (format!("application/json, {jwt};q=0.5"), "application/json"),
        (format!("{jwt};q=0"), "application/json"),
        ("application/json".to_owned(), "application/json"),
        ("*/*".to_owned(), "application/json"),
        ("application/jwt".to_owned(), "application/json"),
        ("nonsense".to_owned(), "application/json"),
    ] {
        assert_eq!(ask(&own, &accept).await.header("content-type"), expected, "{accept}");
    }
    let keys = browser.get(&app.at("/.well-known/jwks.json")).await;
    let before = app.clock.now().unix_timestamp();
    for (token, expected) in [(own.as_str(), told(&rp, &browser, &own).await), ("x", inactive())] {
        let answer = ask(token, jwt).await;
        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
        let signed = json!(answer.body);
        assert_eq!(
            (&header(&signed)["typ"], &header(&signed)["alg"]),
            (&json!("token-introspection+jwt"), &json!("RS256"))
        );
        let kid = header(&signed)["kid"].as_str().unwrap().to_owned();
        assert!(keys.body.contains(&kid));
        let claims = claims(&signed);
        let iat = claims["iat"].as_i64().unwrap();
        assert!((before..before + 10).contains(&iat));
        assert_eq!(
            claims,
            json!({ "iss": app.issuer, "aud": rp.client_id, "iat": iat, "token_introspection": expected })
        );
        app.app.keys.snapshot.load().verify::<Value>(&answer.body).unwrap();
    }
    // An answer is no token.
    let answer = ask(&own, jwt).await.body;
    assert_eq!(told(&rp, &browser, &answer).await, inactive());
    let info = browser.send(browser.request(Method::GET, &app.at("/userinfo")).bearer_auth(&answer)).await;
    assert_eq!(refusal(&info), (401, "invalid_token".into()));
    app.finish().await;
}
