//! `/authorize`: what is answered on a page, what at the client, and which fault is named first.
//!
//! Holds `web/error_page.rs`.

use countersign::protocol::client::Client;
use reqwest::Method;
use serde_json::json;

use super::{Outcome, outcome, raw, shown};
use crate::support::TEST;
use crate::support::app::{API, REDIRECT, TestApp};
use crate::support::rp::{CHALLENGE, Rp, registered};

const UNREGISTERED: &str = "https://evil.example/callback";

#[actix_web::test]
async fn without_a_safe_place_to_answer_every_fault_is_a_page() {
    let app = TestApp::start().await;
    let rp = Rp::new(&app, json!({})).await;
    let disabled = disabled_client(&app).await;
    let long = "s".repeat(10_000);
    let ambiguous = "Request is ambiguous";
    let unreadable = "Request cannot be read";
    let not_offered = "Kind of request not supported";
    let known = rp.client_id.as_str();
    #[rustfmt::skip]
    let rows: [(Vec<(&str, Option<&str>)>, &str, u16, &str, &str); 27] = [
        (vec![("client_id", None)], "", 400, "Application is not named", "invalid_request"),
        (vec![("client_id", Some(""))], "", 400, "Application is not named", "invalid_request"),
        (vec![("client_id", Some("nobody"))], "", 400, "Application is not known here", "invalid_client"),
        (vec![("client_id", Some(&disabled))], "", 400, "Application is not known here", "invalid_client"),
        (vec![("client_id", Some(&long))], "", 400, "Application is not known here", "invalid_client"),
        (vec![], "&client_id=other", 400, ambiguous, "invalid_request"),
        (vec![], "&redirect_uri=https%3A%2F%2Fevil.example", 400, ambiguous, "invalid_request"),
        (vec![("request", Some("a"))], "&request=b", 400, ambiguous, "invalid_request"),
        (vec![("request_uri", Some("a"))], "&request_uri=b", 400, ambiguous, "invalid_request"),
        (vec![("redirect_uri", None)], "", 400, "Return address is missing", "invalid_request"),
        (vec![("redirect_uri", Some(""))], "", 400, "Return address is missing", "invalid_request"),
        (vec![("redirect_uri", Some(UNREGISTERED))], "", 400, "Return address is not registered", "invalid_request"),
        (vec![("redirect_uri", Some(&long))], "", 400, "Return address is not registered", "invalid_request"),
        (vec![("request", Some("e30.e30.")), ("redirect_uri", None)], "", 400, not_offered, "request_not_supported"),
        (vec![("request", Some("x")), ("redirect_uri", Some(UNREGISTERED))], "", 400, not_offered, "request_not_supported"),
        (vec![("request_uri", Some("https://rp.example/r")), ("redirect_uri", None)], "", 400, not_offered, "request_uri_not_supported"),
        (vec![("request_uri", Some("x")), ("redirect_uri", Some(UNREGISTERED))], "", 400, not_offered, "request_uri_not_supported"),
        (vec![("state", Some(&long))], "", 400, "Request is too large", "invalid_request"),
        (vec![], "&login_hint=%zz", 400, unreadable, "invalid_request"),
        (vec![], "&login_hint=%", 400, unreadable, "invalid_request"),
        (vec![], "&login_hint=%ff%fe", 400, unreadable, "invalid_request"),
        (vec![], "&login_hint=%00", 400, unreadable, "invalid_request"),
        (vec![], "&unknown=%zz", 400, unreadable, "invalid_request"),
        (vec![], "&%zz=unknown", 400, unreadable, "invalid_request"),
        // The order of phase A: the client before its redirect URI, and both before anything else.
        (vec![("client_id", Some("nobody")), ("redirect_uri", None)], "", 400, "Application is not known here", "invalid_client"),
        (vec![("redirect_uri", None), ("response_type", None)], "", 400, "Return address is missing", "invalid_request"),
        (vec![("client_id", Some(known)), ("redirect_uri", Some(UNREGISTERED)), ("prompt", Some("none"))], "", 400,
            "Return address is not registered", "invalid_request"),
    ];
    let browser = app.browser();
    for (changed, appended, status, title, code) in rows {
        let url = rp.authorize(&changed) + appended;
        let answer = browser.get(&url).await;
        assert_eq!(shown(&answer), (status, title.into(), code.into()), "{changed:?} {appended}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        // A page must not lead to an address nobody vouched for.
        assert!(!answer.body.contains("href=\"https://evil"), "{}", answer.body);
    }
    app.finish().await;
}

async fn disabled_client(app: &TestApp) -> String {
    let client = Client { disabled: true, ..registered("disabled-client", None, json!({})) };
    let now = app.clock.now();
    assert!(countersign::store::clients::add(&app.app.db, &client, TEST, now).await.unwrap());
    client.id
}

#[actix_web::test]
async fn other_methods_types_and_sizes_are_pages_too() {
    let app = TestApp::start().await;
    let rp = Rp::new(&app, json!({})).await;
    let browser = app.browser();
    let url = rp.authorize(&[]);
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let answer = browser.send(browser.request(method.clone(), &url)).await;
        assert_eq!(shown(&answer), (405, "This address is used differently".into(), String::new()));
        assert_eq!(answer.header("allow"), "GET, HEAD, POST");
    }
    let at = app.at("/authorize");
    let wrong_type = "Form has the wrong type";
    let rows = [
        (Some("application/json"), "{}".to_owned(), (415, wrong_type, "invalid_request")),
        (Some("multipart/form-data; boundary=x"), "--x--".into(), (415, wrong_type, "invalid_request")),
        (Some("text/plain"), "client_id=x".into(), (415, wrong_type, "invalid_request")),
        (None, "client_id=x".into(), (415, wrong_type, "invalid_request")),
        (
            Some("application/x-www-form-urlencoded"),
            format!("x={}", "a".repeat(70_000)),
            (413, "Request is too large", "invalid_request"),
        ),
        (
            Some("Application/X-WWW-Form-Urlencoded; charset=UTF-8"),
            "state=1".into(),
            (400, "Application is not named", "invalid_request"),
        ),
        (
            Some("application/x-www-form-urlencoded"),
            "client_id=%ff".into(),
            (400, "Request cannot be read", "invalid_request"),
        ),
    ];
    for (content_type, body, (status, title, code)) in rows {
        let mut request = browser.request(Method::POST, &at).body(body);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let answer = browser.send(request).await;
        assert_eq!(shown(&answer), (status, title.into(), code.into()), "{content_type:?}");
    }
    let head = browser.send(browser.request(Method::HEAD, &url)).await;
    assert_eq!((head.status.as_u16(), head.body.as_str()), (303, ""));
    // Bytes beyond ASCII that were never escaped: whatever happens, it is no redirect and no fault of ours.
    let target =
        format!("GET /authorize?client_id={}&state=\u{e9} HTTP/1.1\r\nHost: x\r\n\r\n", rp.client_id);
    let answer = raw(&app, target.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    app.finish().await;
}

#[actix_web::test]
async fn once_the_place_is_proven_faults_are_answered_there() {
    let app = TestApp::start().await;
    let rp = Rp::new(&app, json!({ "scope": "openid balances.read" })).await;
    let lax = Rp::new(&app, json!({ "require_pkce": false })).await;
    let public = Rp::new(&app, json!({ "token_endpoint_auth_method": "none" })).await;
    let long = "x".repeat(10_000);
    let resources = format!("&resource={API}").repeat(21);
    let not_base64url = CHALLENGE.replace('v', "+");
    #[rustfmt::skip]
    let rows: [(&Rp, Vec<(&str, Option<&str>)>, &str, &str); 44] = [
        (&rp, vec![("response_type", None)], "", "invalid_request"),
        (&rp, vec![("response_type", Some(""))], "", "invalid_request"),
        (&rp, vec![("response_type", Some("token"))], "", "unsupported_response_type"),
        (&rp, vec![("response_type", Some("id_token"))], "", "unsupported_response_type"),
        (&rp, vec![("response_type", Some("code id_token"))], "", "unsupported_response_type"),
        (&rp, vec![("response_type", Some("CODE"))], "", "unsupported_response_type"),
        (&rp, vec![("response_mode", Some("fragment"))], "", "invalid_request"),
        (&rp, vec![("response_mode", Some("jwt"))], "", "invalid_request"),
        (&rp, vec![("response_mode", Some("nonsense"))], "", "invalid_request"),
        (&rp, vec![], "&response_type=code", "invalid_request"),
        (&rp, vec![], "&state=twice", "invalid_request"),
        (&rp, vec![], "&nonce=twice", "invalid_request"),
        (&rp, vec![], "&scope=openid", "invalid_request"),
        (&rp, vec![], "&code_challenge=x", "invalid_request"),
        (&rp, vec![("prompt", Some("login"))], "&prompt=login", "invalid_request"),
        (&rp, vec![("id_token_hint", Some("a"))], "&id_token_hint=a", "invalid_request"),
        (&rp, vec![], "&display=popup&display=page", "invalid_request"),
        (&rp, vec![], &resources, "invalid_request"),
        (&rp, vec![("nonce", Some(&long))], "", "invalid_request"),
        (&rp, vec![("scope", Some(&long))], "", "invalid_request"),
        (&rp, vec![("login_hint", Some(&long))], "", "invalid_request"),
        (&rp, vec![("code_challenge", Some(&long))], "", "invalid_request"),
        (&rp, vec![("registration", Some("{}"))], "", "registration_not_supported"),
        (&rp, vec![("request", Some("e30.e30."))], "", "request_not_supported"),
        (&rp, vec![("request_uri", Some("urn:x"))], "", "request_uri_not_supported"),
        (&rp, vec![("scope", None)], "", "invalid_scope"),
        (&rp, vec![("scope", Some("profile"))], "", "invalid_scope"),
        (&rp, vec![("scope", Some("unknown"))], "", "invalid_scope"),
        (&rp, vec![("scope", Some("balances.transfer")), ("resource", Some(API))], "", "invalid_scope"),
        (&rp, vec![("code_challenge", None), ("code_challenge_method", None)], "", "invalid_request"),
        (&public, vec![("code_challenge", None), ("code_challenge_method", None)], "", "invalid_request"),
        (&lax, vec![("code_challenge", None)], "", "invalid_request"),
        (&rp, vec![("code_challenge_method", None)], "", "invalid_request"),
        (&lax, vec![("code_challenge_method", None)], "", "invalid_request"),
        (&rp, vec![("code_challenge_method", Some("plain"))], "", "invalid_request"),
        (&rp, vec![("code_challenge_method", Some("s256"))], "", "invalid_request"),
        (&rp, vec![("code_challenge", Some("short"))], "", "invalid_request"),
        (&rp, vec![("code_challenge", Some(&not_base64url))], "", "invalid_request"),
        (&rp, vec![("prompt", Some("none login"))], "", "invalid_request"),
        (&rp, vec![("max_age", Some("-1"))], "", "invalid_request"),
        (&rp, vec![("resource", Some("https://unknown.example"))], "", "invalid_target"),
        (&rp, vec![("resource", Some("nonsense"))], "", "invalid_target"),
        (&rp, vec![("scope", Some("openid balances.read"))], "", "invalid_target"),
        (&rp, vec![("id_token_hint", Some("nonsense"))], "", "invalid_request"),
    ];
    let browser = app.browser();
    for (rp, changed, appended, error) in rows {
        let answer = browser.get(&(rp.authorize(&changed) + appended)).await;
        assert_eq!(answer.status, 303, "{changed:?} {appended}: {}", answer.body);
        assert!(answer.header("location").starts_with(&format!("{REDIRECT}?error=")), "{changed:?}");
        assert_eq!(outcome(&app, &answer), Outcome::error(error), "{changed:?} {appended}");
        assert_eq!(answer.answered("state").as_deref(), Some("a-state"), "{changed:?} {appended}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
    }
    let stateless = browser.get(&rp.authorize(&[("state", None), ("scope", None)])).await;
    assert_eq!(stateless.answered("state"), None);
    let empty = browser.get(&rp.authorize(&[("state", Some("")), ("scope", None)])).await;
    assert_eq!(empty.answered("state"), None, "an empty value is an absent one");
    app.finish().await;
}

/// All faults at once: each is named when those before it are mended.
#[actix_web::test]
async fn faults_are_named_in_order() {
    let app = TestApp::start().await;
    let rp = Rp::new(&app, json!({})).await;
    let steps = [
        ("response_type", "token", "unsupported_response_type", "only response_type=code"),
        ("response_mode", "fragment", "invalid_request", "response_mode=fragment is not supported"),
        ("registration", "{}", "registration_not_supported", "registration"),
        ("scope", "nothing", "invalid_scope", "scope"),
        ("code_challenge_method", "plain", "invalid_request", "S256"),
        ("prompt", "none consent", "invalid_request", "prompt=none"),
        ("max_age", "x", "invalid_request", "max_age"),
        ("claims", "nonsense", "invalid_request", "claims"),
        ("resource", "https://unknown.example", "invalid_target", "resource"),
        ("id_token_hint", "x", "invalid_request", "id_token_hint"),
    ];
    let browser = app.browser();
    for (at, (name, _, error, described)) in steps.iter().enumerate() {
        let faults: Vec<(&str, Option<&str>)> = steps[at..].iter().map(|s| (s.0, Some(s.1))).collect();
        let answer = browser.get(&rp.authorize(&faults)).await;
        assert_eq!(outcome(&app, &answer), Outcome::error(error), "{name}");
        assert!(answer.answered("error_description").unwrap().contains(described), "{name}");
    }
    // A repeated parameter is named before the scope and after the response type.
    let repeated = rp.authorize(&[("scope", Some("nothing"))]) + "&nonce=again";
    let answer = browser.get(&repeated).await;
    assert!(answer.answered("error_description").unwrap().contains("more than once"));
    let repeated = rp.authorize(&[("response_type", Some("token"))]) + "&nonce=again";
    assert_eq!(outcome(&app, &browser.get(&repeated).await), Outcome::error("unsupported_response_type"));
    app.finish().await;
}

#[actix_web::test]
async fn state_comes_back_byte_for_byte() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let longest = "s".repeat(8192);
    let states = [
        "+", "%", "%41", "a b", " a ", "a&b=c", "a#b?c/d", "\"'<>\\", "\u{e9}\u{1f600}",
        "a\r\nSet-Cookie: x=y", "\u{202e}abc", "{}[]|^`", "~.-_", "=", "a;b,c", &longest,
    ];
    // Through the pages, through the pages and a form, and without any page.
    for (at, state) in states.into_iter().enumerate() {
        if at == 0 {
            let through = rp.sign_in(&browser, "ada", &[("state", Some(&longest))]).await;
            assert_eq!(through.answered("state").as_deref(), Some(longest.as_str()));
        }
        let answer = browser.get(&rp.authorize(&[("state", Some(state))])).await;
        assert_eq!(outcome(&app, &answer), Outcome::Code, "{state:?}");
        assert_eq!(answer.answered("state").as_deref(), Some(state));
        let failed = browser.get(&rp.authorize(&[("state", Some(state)), ("scope", None)])).await;
        assert_eq!(failed.answered("state").as_deref(), Some(state));
    }
    let absent = browser.get(&rp.authorize(&[("state", None)])).await;
    assert_eq!((outcome(&app, &absent), absent.answered("state")), (Outcome::Code, None));
    app.finish().await;
}

#[actix_web::test]
async fn what_is_not_known_is_ignored_and_what_is_odd_but_fine_works() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let lax = Rp::new(&app, json!({ "first_party": true, "require_pkce": false })).await;
    let browser = app.browser();
    rp.code(&browser, "ada", &[]).await;
    let hint = "h".repeat(512);
    #[rustfmt::skip]
    let rows: [(&Rp, Vec<(&str, Option<&str>)>, &str); 17] = [
        (&rp, vec![], "&extra=foobar"),
        (&rp, vec![], "&extra=1&extra=2&extra=3"),
        (&rp, vec![("nonce", None)], ""),
        (&rp, vec![("state", Some(""))], "&state=the-only-one"),
        (&rp, vec![("response_mode", Some("query"))], ""),
        (&rp, vec![("response_mode", Some(""))], ""),
        (&rp, vec![("prompt", Some(""))], ""),
        (&rp, vec![("prompt", Some("whatever"))], ""),
        (&rp, vec![("max_age", Some(""))], ""),
        (&rp, vec![("scope", Some("email openid unknown profile"))], ""),
        (&rp, vec![("scope", Some(" openid  openid "))], ""),
        (&rp, vec![("login_hint", Some(&hint))], ""),
        (&rp, vec![("login_hint", Some("\"><script>\u{e9}"))], ""),
        (&rp, vec![("ui_locales", Some("xx-nonsense fr")), ("claims_locales", Some("??"))], ""),
        (&rp, vec![("acr_values", Some("urn:unknown"))], ""),
        (&rp, vec![], "&&=&&"),
        (&lax, vec![("code_challenge", None), ("code_challenge_method", None)], ""),
    ];
    for (rp, changed, appended) in rows {
        let answer = browser.get(&(rp.authorize(&changed) + appended)).await;
        assert_eq!(
            outcome(&app, &answer),
            Outcome::Code,
            "{changed:?} {appended}: {}",
            answer.header("location")
        );
    }
    // A repeated resource is one, and another spelling of its host is the same.
    let both = format!("&resource={API}&resource=HTTPS%3A%2F%2FApi.Example");
    let plain = Rp::new(&app, json!({ "first_party": true, "scope": "openid balances.read" })).await;
    let answer = browser.get(&(plain.authorize(&[("scope", Some("balances.read"))]) + &both)).await;
    assert_eq!(outcome(&app, &answer), Outcome::Code);
    app.finish().await;
}

#[actix_web::test]
async fn a_query_that_was_registered_stays_and_ours_is_added() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let registered = ["https://app.example/cb?tenant=a%20b&x", "https://app.example/cb?"];
    let rp = Rp::new(&app, json!({ "first_party": true, "redirect_uris": registered })).await;
    let native = Rp::new(
        &app,
        json!({ "application_type": "native", "token_endpoint_auth_method": "none", "first_party": true,
            "redirect_uris": ["http://127.0.0.1/cb", "com.example.app:/cb"] }),
    )
    .await;
    let browser = app.browser();
    rp.sign_in(&browser, "ada", &[("redirect_uri", Some(registered[0]))]).await;
    let rows = [
        (&rp, registered[0], "https://app.example/cb?tenant=a%20b&x&code="),
        (&rp, registered[1], "https://app.example/cb?code="),
        (&native, "http://127.0.0.1:51234/cb", "http://127.0.0.1:51234/cb?code="),
        (&native, "http://127.0.0.1/cb", "http://127.0.0.1/cb?code="),
        (&native, "com.example.app:/cb", "com.example.app:/cb?code="),
    ];
    for (rp, sent, begins) in rows {
        let answer = browser.get(&rp.authorize(&[("redirect_uri", Some(sent))])).await;
        assert!(answer.header("location").starts_with(begins), "{sent}: {}", answer.header("location"));
    }
    for sent in [
        "http://localhost:51234/cb", "http://[::1]:51234/cb", "http://127.0.0.1:51234/cb/",
        "http://127.0.0.1.evil.example/cb", "http://127.0.0.1:5123456/cb",
        "http://127.0.0.1:@evil.example/cb", "http://127.0.0.1:80@evil.example/cb", "https://127.0.0.1/cb",
        "http://127.0.0.2/cb", "http://127.0.0.1:/cb",
    ] {
        let answer = browser.get(&native.authorize(&[("redirect_uri", Some(sent))])).await;
        assert_eq!(shown(&answer).0, 400, "{sent}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn the_development_page_says_what_differs_from_the_nearest_registered_address() {
    let app = TestApp::start().await;
    let (cb, local) = ("https://app.example/cb", "http://localhost:3000/cb");
    let encoding = "Percent-encoding: the same address written differently";
    let rows = [
        (cb, "http://app.example/cb", vec!["The scheme (http or https)"]),
        (cb, "https://other.example/cb", vec!["The host name"]),
        (local, "http://127.0.0.1:3000/cb", vec!["localhost and 127.0.0.1 are different addresses here"]),
        (local, "http://localhost:3001/cb", vec!["The port"]),
        (cb, "https://app.example/CB", vec!["Capital and small letters"]),
        (cb, "https://APP.example/cb", vec!["Capital and small letters"]),
        (cb, "https://app.example/cb/", vec!["One ends with a slash, the other does not"]),
        (cb, "https://app.example/other", vec!["The path"]),
        (cb, "https://app.example//cb", vec!["One has a double slash in its path"]),
        (cb, "https://app.example/cb?a=1", vec!["The query (everything after “?”)"]),
        (cb, "https://app.example/cb#a", vec!["The fragment (everything after “#”); it is never allowed"]),
        (cb, "https://user@app.example/cb", vec!["A user name before the host; it is never allowed"]),
        (cb, "https://app.example:443/cb", vec![encoding]),
        (
            cb,
            "app.example/cb",
            vec!["The scheme is missing: an address begins with https://, or with http:// for this machine"],
        ),
        (cb, "https%3A%2F%2Fapp.example%2Fcb", vec!["It was percent-encoded twice"]),
        (cb, "/cb", vec!["It is not a complete address: scheme and host are missing"]),
        (cb, "http://app.example/other", vec!["The scheme (http or https)", "The path"]),
        ("https://app.example", "https://app.example/", vec!["One ends with a slash, the other does not"]),
    ];
    let browser = app.browser();
    for (registered, sent, differs) in rows {
        let far = "https://elsewhere.example:8443/quite/another?place=1";
        let rp = Rp::new(&app, json!({ "redirect_uris": [far, registered] })).await;
        let answer = browser.get(&rp.authorize(&[("redirect_uri", Some(sent))])).await;
        assert_eq!(shown(&answer).1, "Return address is not registered");
        let mut expected = vec![("Received".to_owned(), sent.to_owned())];
        expected.push(("Nearest registered".into(), registered.into()));
        // However much differs, that is said once.
        expected.push(("What differs".into(), differs.join(" + ")));
        assert_eq!(details(&answer.body), expected, "{sent}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn outside_development_the_page_keeps_the_particulars_to_itself() {
    let app = TestApp::start_with(crate::support::app::Options {
        adjust: |config| {
            config.development = false;
            config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        },
        ..Default::default()
    })
    .await;
    let rp = Rp::new(&app, json!({ "redirect_uris": ["https://app.example/cb"] })).await;
    let browser = app.browser();
    let answer = browser.get(&rp.authorize(&[("redirect_uri", Some("https://app.example/CB"))])).await;
    assert_eq!(shown(&answer).1, "Return address is not registered");
    assert_eq!(details(&answer.body), vec![]);
    assert!(!answer.body.contains("https://app.example/"), "{}", answer.body);
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
    let answer = browser.get(&rp.authorize(&[("redirect_uri", Some("https://app.example/cb"))])).await;
    assert_eq!(outcome(&app, &answer), Outcome::Login);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-browser=") && cookie.contains("; Secure"), "{cookie}");
    app.finish().await;
}

/// The particulars on an error page, label and value.
fn details(body: &str) -> Vec<(String, String)> {
    use scraper::{Html, Selector};
    let document = Html::parse_document(body);
    let lines = Selector::parse("section.details dt, section.details dd").unwrap();
    let mut found: Vec<(String, String)> = vec![];
    for line in document.select(&lines) {
        let text = line.text().collect::<String>().trim().to_owned();
        match found.last_mut() {
            _ if line.value().name() == "dt" => found.push((text, String::new())),
            Some((_, said)) if said.is_empty() => *said = text,
            Some((_, said)) => *said = format!("{said} + {text}"),
            None => panic!("a value without a label: {text}"),
        }
    }
    found
}
