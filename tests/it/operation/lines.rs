//! The log as others read it: whose line it is, what it says of a request, and in which form.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use countersign::app::App;
use countersign::health::proxies;
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::{Shell, serving};
use crate::support::app::{Options, PASSWORD, REDIRECT, TestApp};
use crate::support::log;
use crate::support::rp::Rp;

fn behind_a_proxy() -> Options {
    let extra = |service: &mut web::ServiceConfig| {
        /// Writes a line where the request is, and one in a unit of work beside it.
        async fn nested(app: web::Data<App>) -> HttpResponse {
            tracing::info!("a line here");
            let work = app.db.read(|_conn| {
                tracing::info!("a line beside");
                Ok(())
            });
            work.await.unwrap();
            HttpResponse::Ok().finish()
        }
        service.route("/nested", web::get().to(nested));
    };
    let adjust = |config: &mut countersign::config::Config| {
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    };
    Options { extra, adjust, ..Options::default() }
}

#[actix_web::test]
async fn every_line_of_a_request_carries_its_name() {
    let app = TestApp::start_with(behind_a_proxy()).await;
    let browser = app.browser();
    let given = "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4";
    let request = browser.request(Method::GET, &app.at("/nested?secret=hunter2"));
    let request = request.header("x-request-id", given).header("x-forwarded-for", "192.0.2.7");
    let answer = browser.send(request).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-request-id")), (200, given));
    let lines = log::of_requests(&[given.to_owned()]);
    for part in ["a line here", "a line beside", "answered"] {
        assert_eq!(lines.iter().filter(|line| line.contains(part)).count(), 1, "{part}: {lines:#?}");
    }
    let access = lines.iter().find(|line| line.contains("answered")).unwrap();
    for part in [" INFO ", "method=GET", "path=\"/nested\"", "status=200", "micros=", "from=\"192.0.2.7\""] {
        assert!(access.contains(part), "{part}: {access}");
    }
    app.keep_secret("hunter2");
    app.finish().await;
}

/// All visitors would count as one. It is told once an hour, whatever comes in between, and `doctor` knows of it.
#[actix_web::test]
async fn a_proxy_that_does_not_tell_where_visitors_come_from_is_told_of() {
    let app = TestApp::start_with(behind_a_proxy()).await;
    let browser = app.browser();
    let told = async |path: &str, forwarded: Option<&str>| {
        let request = browser.request(Method::GET, &app.at(path));
        let request =
            forwarded.into_iter().fold(request, |request, from| request.header("x-forwarded-for", from));
        let id = browser.send(request).await.header("x-request-id").to_owned();
        let lines = log::of_requests(&[id]);
        lines.iter().filter(|line| line.contains("a trusted proxy does not tell")).count()
    };
    let silent = || app.app.db.read_now(proxies::silent).unwrap();
    // What a monitor asks, and visitors of proxies that tell.
    for (path, forwarded) in [
        ("/.well-known/openid-configuration", None),
        ("/readyz", None),
        ("/login", Some("192.0.2.7")),
        ("/authorize", Some("192.0.2.7, 127.0.0.1")),
    ] {
        assert_eq!(told(path, forwarded).await, 0, "{path}");
    }
    assert!(silent().is_none());
    assert_eq!(told("/login", None).await, 1);
    let begun = Instant::now();
    while silent().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it is never written down");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let found = silent().unwrap();
    assert_eq!(found.proxy.to_string(), "127.0.0.1");
    let hours = |hours| found.at + time::Duration::hours(hours);
    assert!(found.is_recent(hours(1)) && !found.is_recent(hours(2)) && !found.is_recent(hours(-1)));
    // Not again, until an hour has passed.
    assert_eq!(told("/authorize", Some("unknown")).await, 0);
    app.clock.advance(time::Duration::minutes(61));
    assert_eq!(told("/authorize", Some("unknown")).await, 1);
    app.clock.advance(time::Duration::days(-1));
    assert_eq!(told("/login", None).await, 1, "nor does a clock that is set back silence it");
    app.finish().await;
}

#[actix_web::test]
async fn only_a_trusted_proxy_names_requests_and_only_sensibly() {
    let app = TestApp::start_with(behind_a_proxy()).await;
    let browser = app.browser();
    let named = async |app: &TestApp, name: &str| {
        let request = browser.request(Method::GET, &app.at("/")).header("x-request-id", name);
        browser.send(request).await.header("x-request-id").to_owned()
    };
    let longest = "x".repeat(64);
    for name in ["12345678", "2f1e-4.b_9", longest.as_str()] {
        assert_eq!(named(&app, name).await, name);
    }
    let too_long = "x".repeat(65);
    for name in ["", "1234567", too_long.as_str(), "with space", "with\"quote", "with=equals", "with/slash"] {
        let own = named(&app, name).await;
        assert!(own != name && own.len() == 16, "{name:?} became {own}");
    }
    app.finish().await;
    let alone = TestApp::start().await;
    assert_ne!(named(&alone, "12345678").await, "12345678", "nobody is trusted");
    alone.finish().await;
}

#[actix_web::test]
async fn a_line_names_the_client_and_is_never_endless() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let page = browser.open(&rp.authorize(&[])).await;
    let back = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    let token = rp.redeem(&browser, &back.answered("code").unwrap(), &[]).await;
    let client = format!("client_id={:?}", rp.client_id);
    for answer in [&page, &back, &token] {
        let lines = log::of_requests(&[answer.header("x-request-id").to_owned()]);
        let access = lines.iter().find(|line| line.contains("answered")).unwrap();
        assert_eq!(access.matches(&client).count(), 1, "{access}");
    }
    let nowhere = browser.get(&app.at(&format!("/{}", "x".repeat(5000)))).await;
    let lines = log::of_requests(&[nowhere.header("x-request-id").to_owned()]);
    assert!(lines.iter().all(|line| line.len() < 600), "{lines:?}");
    app.finish().await;
}

/// However long a request is, what is written about it is not.
#[actix_web::test]
async fn no_line_grows_with_the_request() {
    let app = TestApp::start().await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let redirect = REDIRECT;
    let (long, broken) = ("\u{1F4A3}\r\n\u{202e}".repeat(2_000), "x".repeat(60_000));
    let long = long.as_str();
    let known = ("client_id", rp.client_id.as_str());
    let mut ids = vec![];
    for (path, form) in [
        ("/authorize", vec![("client_id", long)]),
        ("/authorize", vec![known, ("redirect_uri", long)]),
        ("/authorize", vec![known, ("redirect_uri", redirect), ("response_type", long)]),
        ("/authorize", vec![known, ("redirect_uri", redirect), ("response_type", "code"), ("scope", long)]),
        (
            "/authorize",
            vec![known, ("redirect_uri", redirect), ("response_type", "code"), ("id_token_hint", long)],
        ),
        (
            "/authorize",
            vec![known, ("redirect_uri", redirect), ("response_type", "code"), ("response_mode", long)],
        ),
        ("/end_session", vec![("id_token_hint", long)]),
        ("/end_session", vec![known, ("post_logout_redirect_uri", long)]),
        ("/token", vec![("client_id", long), ("client_secret", long)]),
        ("/token", vec![known, ("client_secret", &rp.secret), ("grant_type", long)]),
        (
            "/token",
            vec![known, ("client_secret", &rp.secret), ("grant_type", "authorization_code"), ("code", long)],
        ),
        ("/token", vec![("client_assertion_type", long), ("client_assertion", long)]),
        ("/userinfo", vec![("access_token", long)]),
        ("/login", vec![("ticket", long), ("username", long), ("password", "x")]),
        ("/select", vec![("ticket", long), ("account", long)]),
        ("/consent", vec![("ticket", long), ("allow", long)]),
        ("/signed-out", vec![("then", long), ("csrf", long)]),
    ] {
        let answer = browser.send(browser.request(Method::POST, &app.at(path)).form(&form)).await;
        ids.push(answer.header("x-request-id").to_owned());
        if answer.status == 303 {
            // A request that was posted is looked at when the browser comes back with it.
            let next = app.at(answer.header("location"));
            let answer =
                browser.get(if answer.header("location").starts_with('/') { &next } else { continue }).await;
            ids.push(answer.header("x-request-id").to_owned());
        }
    }
    for request in [
        browser.request(Method::GET, &app.at(&format!("/{}", "y".repeat(30_000)))),
        browser.request(Method::from_bytes(&broken.as_bytes()[..20_000]).unwrap(), &app.at("/token")),
        browser
            .request(Method::GET, &app.at("/userinfo"))
            .header("authorization", format!("Bearer {broken}")),
        browser.request(Method::POST, &app.at("/token")).header("authorization", &broken).form(&[known]),
        browser.request(Method::POST, &app.at("/token")).header("content-type", &broken).body("x"),
    ] {
        let answer = browser.send(request).await;
        ids.push(answer.header("x-request-id").to_owned());
    }
    let lines = log::of_requests(&ids);
    assert!(lines.len() > ids.len(), "{}", lines.len());
    for line in &lines {
        assert!(line.chars().count() < 2_000, "{} characters: {}", line.len(), &line[..300]);
        assert!(!line.contains('\u{202e}'), "{line}");
    }
    app.finish().await;
}

#[test]
fn as_json_every_line_is_an_object() {
    let shell = Shell::new();
    shell.client(&[]);
    let settings = [("COUNTERSIGN_LISTEN", "127.0.0.1:0"), ("COUNTERSIGN_LOG_FORMAT", "json")];
    let server = serving::start(&shell, &settings);
    let address = server.line["listen"][0].as_str().unwrap();
    serving::get(address, "/authorize?client_id=nobody&state=hunter2");
    let done = server.end("-TERM");
    assert!(!done.err.contains("hunter2"), "{}", done.err);
    let lines: Vec<Value> = done.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let access = lines.iter().find(|line| line["message"] == "answered").unwrap();
    assert_eq!((&access["level"], &access["method"]), (&json!("INFO"), &json!("GET")), "{access}");
    assert_eq!((&access["path"], &access["status"]), (&json!("/authorize"), &json!(400)), "{access}");
    assert_eq!(access["from"], "127.0.0.1");
    assert!(access["micros"].is_u64() && access["timestamp"].is_string(), "{access}");
    let name = &access["span"]["id"];
    assert_eq!(name.as_str().unwrap().len(), 16, "{access}");
    let refused = lines.iter().find(|line| line["message"] == "refused").unwrap();
    assert_eq!(&refused["span"]["id"], name, "{refused}");
}

/// Who watches for errors must not be woken by whoever knocks.
#[test]
fn what_strangers_send_is_no_error_of_ours() {
    let shell = Shell::new();
    let server = serving::start(&shell, &[("COUNTERSIGN_LISTEN", "127.0.0.1:0")]);
    let address = server.line["listen"][0].as_str().unwrap();
    for rubbish in [
        "NONSENSE\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "POST /token HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    ] {
        let mut link = TcpStream::connect(address).unwrap();
        link.write_all(rubbish.as_bytes()).unwrap();
        let mut answer = String::new();
        link.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{rubbish:?} {answer}");
    }
    let done = server.end("-TERM");
    assert!(!done.err.contains("ERROR"), "{}", done.err);
}

/// Two processes look after the same keys, and of each step one line is written by whoever took it.
#[test]
fn each_step_of_a_key_is_told_once() {
    let shell = Shell::new();
    let keys = "[keys]\njwks_max_age = 1\npublish_before = 3\npublish_after = 610\nrotate_every = 5\nretain = 60\nskew = 1\n";
    shell.file("countersign.toml", keys.as_bytes());
    let both = [serving::start(&shell, &[]), serving::start(&shell, &[])];
    let steps = || -> Vec<String> {
        let lines = both.iter().map(serving::Server::log).collect::<String>();
        let told = lines.lines().filter_map(|line| line.split_once("signing keys: "));
        // What is made has no name yet in its line.
        told.map(|(_, step)| step.to_owned()).filter(|step| !step.starts_with("made")).collect()
    };
    let begun = Instant::now();
    let rotations = |steps: &[String]| steps.iter().filter(|step| step.contains("in place of")).count();
    while rotations(&steps()) < 4 {
        assert!(begun.elapsed() < Duration::from_secs(90), "{:#?}", steps());
        std::thread::sleep(Duration::from_millis(200));
    }
    let steps = steps();
    let different: BTreeSet<&String> = steps.iter().collect();
    assert_eq!(different.len(), steps.len(), "{steps:#?}");
}
