//! What anonymous visitors can make the provider remember is bounded, and nobody is counted as another.

use reqwest::Method;
use serde_json::json;

use crate::support::app::{Options, PASSWORD, TestApp};
use crate::support::rp::Rp;

fn behind_a_proxy() -> Options {
    Options {
        adjust: |config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()],
        ..Options::default()
    }
}

#[actix_web::test]
async fn large_requests_are_parked_a_few_to_a_network() {
    let app = TestApp::start_with(behind_a_proxy()).await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let state = "s".repeat(5000);
    let url = rp.authorize(&[("state", Some(&state))]);
    let from = async |address: &str| {
        browser.send(browser.request(Method::GET, &url).header("x-forwarded-for", address)).await
    };
    let first = from("192.0.2.7").await;
    assert!(first.header("location").len() < 200, "a handle travels: {}", first.header("location"));
    for host in 1..20 {
        assert_eq!(from(&format!("192.0.2.{host}")).await.status, 303, "{host}");
    }
    let refused = from("192.0.2.99").await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "3600"));
    assert_eq!(from("::ffff:192.0.2.98").await.status, 429, "the same network in another notation");
    assert_eq!(from("198.51.100.1").await.status, 303, "another network is another matter");
    for network in 0..21 {
        let address = format!("::ffff:203.0.{network}.1");
        assert_eq!(from(&address).await.status, 303, "{address}: not one network because of its notation");
    }

    // The parked request goes on as any other, and its state comes back whole.
    let page = browser.follow(first).await;
    let back = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert_eq!(back.answered("state").as_deref(), Some(state.as_str()));
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
