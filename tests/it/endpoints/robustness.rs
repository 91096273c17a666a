//! Requests that nobody would send in earnest.
//!
//! Holds `web/around/refuse.rs`, `web/browser/origin.rs`.

use actix_web::web;
use reqwest::Method;
use serde_json::json;

use super::{Outcome, outcome, raw, shown};
use crate::support::app::{Options, TestApp};
use crate::support::noise::noise;
use crate::support::rp::Rp;

#[actix_web::test]
async fn a_panic_is_a_500_and_harms_no_other_request() {
    let extra = |service: &mut web::ServiceConfig| {
        async fn panics() -> &'static str {
            panic!("the-innermost-secret")
        }
        async fn panics_late() -> &'static str {
            actix_web::rt::task::yield_now().await;
            panic!("the-innermost-secret")
        }
        service.route("/panics", web::get().to(panics)).route("/panics-late", web::get().to(panics_late));
    };
    let app = TestApp::start_with(Options { extra, ..Options::default() }).await;
    let browser = app.browser();
    for round in 0..6 {
        let path = ["/panics", "/panics-late"][round % 2];
        // Past the browser, whose requests must not end up as errors in the log.
        let response = browser.request(Method::GET, &app.at(path)).send().await.unwrap();
        assert_eq!(response.status(), 500, "{path}");
        for name in
            ["x-content-type-options", "x-frame-options", "content-security-policy", "x-request-id", "date"]
        {
            assert!(response.headers().contains_key(name), "{path}: {name}");
        }
        assert_eq!(response.headers()["cache-control"], "no-store");
        let body = response.text().await.unwrap();
        assert!(body.contains("Something went wrong on our side") && !body.contains("innermost"), "{body}");
        assert_eq!(browser.get(&app.at("/.well-known/openid-configuration")).await.status, 200);
    }
    app.finish().await;
}

#[actix_web::test]
async fn addresses_may_be_long_and_not_endless() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    rp.code(&browser, "ada", &[]).await;
    let padded = |length: usize| format!("{}&x={}", rp.authorize(&[]), "x".repeat(length));
    assert_eq!(outcome(&app, &browser.get(&padded(30_000)).await), Outcome::Code);
    assert_eq!(shown(&browser.get(&padded(33_000)).await).0, 414);
    for (method, path) in [(Method::POST, "/token"), (Method::GET, "/userinfo"), (Method::POST, "/userinfo")]
    {
        let url = app.at(&format!("{path}?x={}", "x".repeat(33_000)));
        let answer = browser.send(browser.request(method, &url)).await;
        assert_eq!(super::refusal(&answer), (414, "invalid_request".into()), "{path}");
    }
    // A request too large for an address is kept here; the way through the pages is the same.
    let (state, nonce) = (noise(8192), noise(1024));
    let large = [("state", Some(state.as_str())), ("nonce", Some(nonce.as_str())), ("prompt", Some("login"))];
    let page = browser.open(&rp.authorize(&large)).await;
    assert!(page.url.as_str().len() < 400, "{}", page.url);
    let back =
        browser.submit(&page, &[("username", "ada"), ("password", crate::support::app::PASSWORD)]).await;
    assert_eq!(back.answered("state").as_deref(), Some(state.as_str()));
    let tokens = rp.redeem(&browser, &back.answered("code").unwrap(), &[]).await.json();
    assert_eq!(crate::support::rp::claims(&tokens["id_token"])["nonce"], nonce.as_str());

    for path in [
        "/", "/assets", "/assets/", "/assets/../Cargo.toml", "/assets/nothing.css", "/nothing", "//",
        "/authorize/", "/Authorize",
    ] {
        let answer =
            raw(&app, format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").as_bytes());
        let expected = if path == "/" { "HTTP/1.1 200 " } else { "HTTP/1.1 404 " };
        assert!(answer.starts_with(expected), "{path}: {answer}");
    }
    let style = browser.get(&app.at("/nothing")).await;
    let style = style.body.split("/assets/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let url = app.at(&format!("/assets/{style}"));
    let get = browser.get(&url).await;
    assert_eq!((get.status.as_u16(), get.header("content-type")), (200, "text/css; charset=utf-8"));
    assert_eq!(get.header("cache-control"), "public, max-age=31536000, immutable");
    let head = browser.send(browser.request(Method::HEAD, &url)).await;
    assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""));
    let post = browser.send(browser.request(Method::POST, &url)).await;
    assert_eq!((post.status.as_u16(), post.header("allow")), (405, "GET, HEAD"));
    app.finish().await;
}

#[actix_web::test]
async fn heads_may_be_large_and_not_endless() {
    let app = TestApp::start().await;
    let begun = |line: &str| format!("{line} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n");
    let one = |size: usize| format!("Cookie: {}\r\n\r\n", "x".repeat(size));
    let many = |size: usize| format!("{}\r\n", format!("X: {}\r\n", "x".repeat(995)).repeat(size / 1000));
    for (line, fields, expected) in [
        ("GET /", one(65_000), "200"),
        ("GET /", many(65_000), "200"),
        ("GET /", one(66_000), "431"),
        ("GET /", many(66_000), "431"),
        ("GET /", one(100_000), "431"),
        (&format!("GET /?{}", "x".repeat(30_000)), one(36_000), "431"),
        ("POST /token", one(66_000), "431"),
        ("GET /userinfo", one(66_000), "431"),
    ] {
        let answer = raw(&app, format!("{}{fields}", begun(line)).as_bytes());
        let shown = (&line[..line.len().min(20)], fields.len());
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{shown:?}: {answer}");
        let is_json = answer.contains("\"error\":\"invalid_request\"");
        assert_eq!(is_json, line.contains("/token") || line.contains("/userinfo"), "{shown:?}: {answer}");
    }
    app.finish().await;
}

/// Whoever reaches the plain listener past the proxy could say anything about himself.
#[actix_web::test]
async fn behind_a_proxy_nobody_else_is_served() {
    let adjust = |config: &mut countersign::config::Config| {
        config.development = false;
        config.trusted_proxies = vec!["192.0.2.0/24".parse().unwrap()];
    };
    let app = TestApp::start_with(Options { adjust, ..Options::default() }).await;
    let browser = app.browser();
    for path in ["/", "/authorize", "/token", "/.well-known/openid-configuration"] {
        let request = browser.request(Method::GET, &app.at(path)).header("x-forwarded-for", "192.0.2.1");
        let answer = browser.send(request.header("x-forwarded-proto", "https")).await;
        assert_eq!(answer.status, 403, "{path}");
        assert_eq!(answer.header("strict-transport-security"), "max-age=31536000", "{path}");
    }
    // A supervisor asks from anywhere, and learns nothing else.
    for (path, status) in [("/livez", 200), ("/readyz", 200), ("/token/livez", 403), ("//readyz", 403)] {
        assert_eq!(browser.get(&app.at(path)).await.status, status, "{path}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn hostile_headers_and_lines_break_nothing() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    rp.code(&browser, "ada", &[]).await;
    let (sid, ours) = (
        browser.cookie(&app.app.cookies.session).unwrap(),
        browser.cookie(&app.app.cookies.browser).unwrap(),
    );
    let target = rp.authorize(&[("prompt", Some("none"))]);
    let target = target.strip_prefix(&app.issuer).unwrap();
    let large = "x".repeat(60_000);
    let mut zeros = vec![];
    for at in [0, 22, 40] {
        let mut other = sid.clone().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        zeros.push(String::from_utf8(other).unwrap());
    }
    let (b, s) = (&app.app.cookies.browser, &app.app.cookies.session);
    let (encoded, odd) = (s.replacen('s', "%73", 1), s.to_uppercase());
    #[rustfmt::skip]
    let cookies: Vec<(Vec<u8>, &str)> = vec![
        (format!("{b}={ours}; {s}={sid}").into(), "code="),
        (format!("a=b; \t {b}={ours} ;{s}={sid}; c").into(), "code="),
        (format!("{b}={ours}; {s}={sid}x").into(), "login_required"),
        (format!("{b}={ours}; {s}={}", &sid[..sid.len() - 1]).into(), "login_required"),
        (format!("{b}={ours}; {s}={}", zeros[0]).into(), "login_required"),
        (format!("{b}={ours}; {s}={}", zeros[1]).into(), "login_required"),
        (format!("{b}={ours}; {s}={}", zeros[2]).into(), "login_required"),
        (format!("{b}={ours}; {s}=").into(), "login_required"),
        (format!("{b}={ours}; {s}").into(), "login_required"),
        (b"=;;;=;".to_vec(), "login_required"),
        (format!("{b}={ours}; {s}={}", "\u{e9}".repeat(11)).into(), "login_required"),
        (format!("{b}={ours}; x={large}; {s}={sid}").into(), "code="),
        // One foreign octet, or a pair that cannot be read, hides nothing.
        ([format!("{b}={ours}; x=").as_bytes(), b"\xff\xfe; y=%; ", format!("{s}={sid}").as_bytes()].concat(), "code="),
        ([format!("{b}={ours}; {s}=").as_bytes(), b"\xff; ", format!("{s}={sid}").as_bytes()].concat(), "code="),
        // The name is ours octet by octet, or it is not ours.
        (format!("{b}={ours}; __Host-sid={sid}").into(), "login_required"),
        (format!("{b}={ours}; countersign_sid={sid}").into(), "login_required"),
        (format!("{b}={ours}; {encoded}={sid}").into(), "login_required"),
        (format!("{b}={ours}; {odd}={sid}").into(), "login_required"),
        (format!("{b}={ours}; \u{a0}{s}={sid}").into(), "login_required"),
        (format!("{b}={ours}; \u{2000}{s}={sid}").into(), "login_required"),
        (format!("{b}={ours}; {s} ={sid}").into(), "login_required"),
        // The first one counts.
        (format!("{b}={ours}; {s}={sid}; {s}={}", zeros[1]).into(), "code="),
        (format!("{b}={ours}; {s}={}; {s}={sid}", zeros[1]).into(), "login_required"),
        // Without the cookie of its browser, or with another one's, a session opens nothing.
        (format!("{s}={sid}").into(), "login_required"),
        (format!("{b}={}; {s}={sid}", "A".repeat(22)).into(), "login_required"),
        (format!("{b}={}; {b}={ours}; {s}={sid}", "A".repeat(22)).into(), "login_required"),
    ];
    for (cookie, expected) in cookies {
        let mut request =
            format!("GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nCookie: ").into_bytes();
        request.extend_from_slice(&cookie);
        request.extend_from_slice(b"\r\n\r\n");
        let answer = raw(&app, &request);
        let shown = String::from_utf8_lossy(&cookie[..cookie.len().min(60)]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 303 ") && answer.contains(expected), "{shown}: {answer}");
    }
    #[rustfmt::skip]
    let requests: Vec<(Vec<u8>, &[&str])> = vec![
        (b"GET /userinfo HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \xff\xfe\r\nConnection: close\r\n\r\n".to_vec(), &["400", "401"]),
        (b"GET /userinfo HTTP/1.1\r\nHost: h\r\nOrigin: \xff\r\nConnection: close\r\n\r\n".to_vec(), &["401"]),
        (b"GET /userinfo HTTP/1.1\r\nHost: h\r\nOrigin: a\r\nOrigin: b\r\nConnection: close\r\n\r\n".to_vec(), &["401"]),
        (b"POST /token HTTP/1.1\r\nHost: h\r\nContent-Type: \xff\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx".to_vec(), &["400"]),
        (b"POST /token HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n".to_vec(), &["400"]),
        (b"POST /token HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx".to_vec(), &["400"]),
        (b"POST /token HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_vec(), &["400"]),
        (b"GET / HTTP/1.1\r\nHost: h\r\nIf-None-Match: \xff\r\nConnection: close\r\n\r\n".to_vec(), &["200"]),
        (b"GET /.well-known/jwks.json HTTP/1.1\r\nHost: h\r\nIf-None-Match: \xff\r\nConnection: close\r\n\r\n".to_vec(), &["200"]),
        (b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".to_vec(), &["200"]),
        (b"NONSENSE /authorize HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".to_vec(), &["405"]),
        (b"GET /\x00 HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(), &["400"]),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n".to_vec(), &["400"]),
    ];
    for (request, statuses) in requests {
        let answer = raw(&app, &request);
        let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or("none");
        assert!(statuses.contains(&status), "{}: {answer}", String::from_utf8_lossy(&request));
        assert!(!answer.contains("location: http://evil"), "{answer}");
    }
    // A page opened under another name of this computer would lose its cookies: it is moved first.
    let opened = format!(
        "GET {target} HTTP/1.1\r\nHost: localhost:{}\r\nSec-Fetch-Mode: navigate\r\nConnection: close\r\n\r\n",
        app.port()
    );
    let moved = raw(&app, opened.as_bytes());
    assert!(
        moved.starts_with("HTTP/1.1 303 ") && moved.contains(&format!("location: {}{target}", app.issuer)),
        "{moved}"
    );
    assert_eq!(outcome(&app, &browser.get(&rp.authorize(&[])).await), Outcome::Code, "and it still serves");
    app.finish().await;
}

/// What people open is for navigations: neither a script nor an image of another page gets anything out of it.
#[actix_web::test]
async fn what_is_no_navigation_gets_no_page() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    rp.code(&browser, "ada", &[]).await;
    let authorize = rp.authorize(&[("prompt", Some("none"))]);
    let pages =
        ["/", "/login", "/select", "/consent", "/continue", "/signed-out", "/end_session", "/language"];
    let pages = pages.map(|path| app.at(path)).into_iter().chain([authorize.clone()]);
    let with = |method: &Method, url: &str, mode: &str| {
        browser.send(browser.request(method.clone(), url).header("sec-fetch-mode", mode))
    };
    for url in pages {
        for (method, mode) in [
            (Method::GET, "cors"),
            (Method::GET, "no-cors"),
            (Method::POST, "same-origin"),
            (Method::GET, ""),
        ] {
            let answer = with(&method, &url, mode).await;
            assert_eq!(answer.status, 403, "{method} {url} {mode}");
            assert_eq!(answer.text("h1"), "This page is not for scripts", "{url}");
            assert!(answer.location().is_none());
        }
        assert_ne!(with(&Method::GET, &url, "navigate").await.status, 403, "{url}");
    }
    let back = with(&Method::GET, &authorize, "navigate").await;
    assert!(back.answered("code").is_some());
    // Assets, documents and what programs call are for scripts as well.
    let style = countersign::web::assets::style_href("");
    for path in [&*style, "/.well-known/openid-configuration", "/.well-known/jwks.json", "/livez"] {
        assert_eq!(with(&Method::GET, &app.at(path), "cors").await.status, 200, "{path}");
    }
    assert_eq!(with(&Method::GET, &app.at("/userinfo"), "cors").await.status, 401);
    app.finish().await;
}
