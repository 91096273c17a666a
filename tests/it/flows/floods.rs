//! What anonymous visitors can make the provider remember is bounded, and nobody is counted as another.
//!
//! Holds `web/around/address.rs`, `web/packed.rs`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use countersign::connection::permits::{MOST_CONNECTIONS, Permit, Permits, has_room};
use reqwest::Method;
use serde_json::json;
use socket2::{Domain, Socket, Type};
use time::Duration;

use crate::support::app::{Options, PASSWORD, TestApp};
use crate::support::browser::Browser;
use crate::support::log;
use crate::support::noise::noise;
use crate::support::rp::Rp;

fn behind_a_proxy() -> Options {
    Options {
        adjust: |config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()],
        ..Options::default()
    }
}

#[actix_web::test]
async fn large_requests_travel_compressed_and_only_the_largest_are_parked() {
    let app = TestApp::start_with(behind_a_proxy()).await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let before = app.app.kv.asked();
    // What is said again and again fits into an address; so does what is not, up to a length.
    let claims = json!({ "id_token": { "email": { "values": vec!["ada@example.com"; 500] } } }).to_string();
    let parameters =
        [("state", "s".repeat(8000)), ("claims", claims), ("state", noise(3300)), ("state", noise(4400))];
    for (name, value) in &parameters {
        let sent = browser.get(&rp.authorize(&[(name, Some(value))])).await;
        assert_eq!((sent.status.as_u16(), app.app.kv.asked()), (303, before), "{name} of {}", value.len());
        let line = format!("GET {} HTTP/1.1", sent.header("location").replace(&app.issuer, ""));
        assert!(line.len() <= 7000, "{}", line.len());
    }
    // It comes back whole, after as many openings as there are pages.
    let back = rp.sign_in(&browser, "ada", &[("state", Some(&parameters[0].1))]).await;
    assert_eq!(back.answered("state").as_ref(), Some(&parameters[0].1));

    let browser = app.browser();
    let state = noise(8000);
    let first = browser.get(&rp.authorize(&[("state", Some(&state))])).await;
    assert!(first.header("location").len() < 400, "a handle travels: {}", first.header("location"));
    let page = browser.follow(first).await;
    let ticket = page.url.query_pairs().find(|(name, _)| name == "t").unwrap().1.into_owned();
    let before = app.app.kv.asked();
    for time in 1..=25 {
        let again = browser.get(&app.at(&format!("/continue?t={ticket}"))).await;
        assert_eq!((again.status.as_u16(), app.app.kv.asked() - before), (303, time), "one look, no more");
    }
    let back = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert_eq!(back.answered("state").as_deref(), Some(state.as_str()));
    app.clock.advance(Duration::minutes(61));
    let late = browser.get(&app.at(&format!("/continue?t={ticket}"))).await;
    assert_eq!(late.status, 400);
    assert!(late.body.contains("too old"), "{}", late.body);
    app.finish().await;
}

#[actix_web::test]
async fn large_requests_are_parked_a_few_to_a_network() {
    let app = TestApp::start_with(behind_a_proxy()).await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let at_home = app.browser();
    rp.code(&at_home, "ada", &[]).await;
    let (browser, state) = (app.browser(), noise(8100));
    let url = rp.authorize(&[("state", Some(&state)), ("prompt", Some("login"))]);
    let from = async |browser: &Browser, address: &str| {
        browser.send(browser.request(Method::GET, &url).header("x-forwarded-for", address)).await
    };
    for (network, other) in [("2001:db8:7:", "2001:db8:8::1"), ("192.0.2.", "192.0.3.1")] {
        let address = |number: usize| {
            if network.contains(':') {
                format!("{network}{number:x}::1")
            } else {
                format!("{network}{}", number % 256)
            }
        };
        let mut parked = 0;
        let refused = loop {
            let answer = from(&browser, &address(parked)).await;
            if answer.status != 303 {
                break answer;
            }
            parked += 1;
        };
        assert!((140..=170).contains(&parked), "{parked} requests of 6.1 KB are a megabyte");
        assert_eq!(refused.status, 429);
        let wait: i64 = refused.header("retry-after").parse().unwrap();
        // An hour from the first of them, which a busy machine may have parked a minute ago.
        assert!((3500..=3661).contains(&wait), "{wait}");
        let log = log::of_requests(&[refused.header("x-request-id").to_owned()]).concat();
        assert!(log.contains("the budget of parked requests of a network"), "{log}");
        assert!(refused.body.contains(" minutes.") && refused.body.contains("(UTC)"), "{}", refused.body);
        assert_eq!(from(&browser, other).await.status, 303, "another network is another matter");
        // Somebody who is signed in has a budget of her own there; what needs no place is never refused.
        assert_eq!(from(&at_home, &address(1)).await.status, 303);
        let small = browser.request(Method::GET, &rp.authorize(&[])).header("x-forwarded-for", address(1));
        assert_eq!(browser.send(small).await.status, 303);
    }
    assert_eq!(from(&browser, "::ffff:192.0.2.98").await.status, 429, "the same network in another notation");
    app.clock.advance(Duration::minutes(61));
    assert_eq!(from(&browser, "192.0.2.1").await.status, 303, "there is room again");
    app.finish().await;
}

#[actix_web::test]
async fn only_what_the_proxy_itself_wrote_says_where_a_request_came_from() {
    let app = TestApp::start_with(behind_a_proxy()).await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    // Whatever a visitor writes in front, five failures a minute are five.
    for written in ["203.0.113.5", "203.0.113.5:4711", "[2001:db8::5]:4711", "2001:db8::6", "unknown"] {
        let browser = app.browser();
        let page = browser.open(&rp.authorize(&[])).await;
        let mut statuses = vec![];
        for turn in 0..6 {
            let form = page.form();
            let mut fields: Vec<(&str, &str)> =
                form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            fields.retain(|(name, _)| !["username", "password"].contains(name));
            let login = format!("guessed-{written}");
            fields.extend([("username", login.as_str()), ("password", "not-the-password")]);
            let request = browser.request(Method::POST, &app.at("/login")).form(&fields);
            let request = request.header("sec-fetch-site", "same-origin");
            let request = request.header("x-forwarded-for", format!("198.51.{turn}.1, garbage, {written}"));
            statuses.push(browser.follow(browser.send(request).await).await.status.as_u16());
        }
        assert_eq!(statuses, [422, 422, 422, 422, 422, 429], "{written}");
    }
    app.finish().await;
}

/// Asks for the key set over a connection of its own from this address; none when it was closed without an answer.
fn asks_from(port: u16, from: &str) -> Option<String> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&format!("{from}:0").parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).unwrap();
    let (mut stream, mut answer) = (TcpStream::from(socket), String::new());
    stream.write_all(b"GET /.well-known/jwks.json HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").ok()?;
    stream.read_to_string(&mut answer).ok()?;
    (!answer.is_empty()).then_some(answer)
}

/// A network that holds its share of all connections gets no more once half of all are taken, and keeps no other out.
#[actix_web::test]
async fn one_network_cannot_take_all_connections() {
    let app = TestApp::start().await;
    let port = app.port();
    let ask = async |from: &'static str| {
        tokio::task::spawn_blocking(move || asks_from(port, from)).await.unwrap().is_some()
    };
    let take = |network: &str, count: usize| -> Vec<Option<Permit>> {
        (0..count).map(|_| app.app.permits.take(network)).collect()
    };
    let many = take("127.0.0.0/24", 2000);
    assert!(many.iter().all(Option::is_some) && ask("127.0.0.1").await, "while there is plenty");
    let others: Vec<_> = (0..48).flat_map(|number| take(&format!("10.0.{number}.0/24"), 1)).collect();
    assert!(others.iter().all(Option::is_some));
    assert!(!ask("127.0.0.1").await && app.app.permits.take("127.0.0.0/24").is_none(), "now they are scarce");
    assert!(ask("127.0.1.1").await, "another network");
    let third = take("198.51.100.0/24", 300);
    assert_eq!(third.iter().flatten().count(), 256);
    // What a connection held is free when it has ended.
    drop((many, third));
    assert!(ask("127.0.0.1").await);
    drop(others);
    app.finish().await;
}

/// The scarcer permits are, the fewer one network holds of them: taking all of them needs many networks.
#[test]
fn the_share_of_a_network_falls_as_permits_become_scarce() {
    let permits = Permits::default();
    let mut held: Vec<Permit> = vec![];
    let mut networks = 0;
    while held.len() < MOST_CONNECTIONS {
        networks += 1;
        let network = format!("10.0.{networks}.0/24");
        held.extend(std::iter::from_fn(|| permits.take(&network)).take(MOST_CONNECTIONS - held.len()));
    }
    assert_eq!(networks, 45);
    for (all, share) in [(2048, 256), (3071, 256), (3072, 64), (3583, 64), (3584, 16), (4095, 16)] {
        assert!(has_room(all, share - 1) && !has_room(all, share), "{all}");
    }
    assert!(has_room(2047, 2047));
}
