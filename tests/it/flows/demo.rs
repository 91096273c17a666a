//! A site of the demo takes an answer only from the provider it asked, and only for a sign-in that this browser began.
//!
//! Holds `demo/site/callback.rs`, `demo/site/http.rs`.

use countersign::clock::Clock;
use countersign::demo::{self, Options, Ports};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, StatusCode};
use url::Url;

use crate::support::log;

/// Begins a sign-in at the site: the cookie it sets, and the `state` it sends.
async fn begin(http: &Client, site: &str) -> (String, String) {
    let answer = http.get(format!("{site}/login")).send().await.unwrap();
    let cookie = answer.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let to = Url::parse(answer.headers()[LOCATION].to_str().unwrap()).unwrap();
    let state = to.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    (cookie, state)
}

#[actix_web::test]
async fn an_answer_is_for_the_browser_that_asked_and_from_the_provider_that_was_asked() {
    log::start();
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, keys_dir) = (folder.path().join("data"), folder.path().join("keys"));
    let ports = Ports { provider: 0, bank: 0, fund: 0, api: 0 };
    let demo = demo::start(Options { data_dir, keys_dir, ports, clock: Clock::default() }).await.unwrap();
    let port = Url::parse(&demo.bank).unwrap().port().unwrap();
    let http = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let http = http.resolve("bank.localhost", ([127, 0, 0, 1], port).into()).build().unwrap();

    let ours = demo.provider.as_str();
    for (own_cookie, own_state, repeated, issuer, said) in [
        (true, true, false, ours, ""),
        (false, true, false, ours, "did not begin here"),
        (true, false, false, ours, "did not begin here"),
        (true, true, true, ours, "did not begin here"),
        (true, true, false, "https://other.example", "is from another provider"),
        (true, true, false, "", "is from another provider"),
    ] {
        let (cookie, state) = begin(&http, &demo.bank).await;
        let (other_cookie, other_state) = begin(&http, &demo.bank).await;
        let cookie = if own_cookie { cookie } else { other_cookie };
        let state = if own_state { state } else { other_state };
        let mut query = vec![("error", "access_denied"), ("state", state.as_str()), ("iss", issuer)];
        query.extend(repeated.then_some(("state", state.as_str())));
        let to = Url::parse_with_params(&format!("{}/callback", demo.bank), query).unwrap();
        let answer = http.get(to).header(COOKIE, cookie).send().await.unwrap();
        let expected = if said.is_empty() { StatusCode::SEE_OTHER } else { StatusCode::BAD_REQUEST };
        assert_eq!(answer.status(), expected, "{said}");
        assert!(answer.text().await.unwrap().contains(said), "{said}");
    }
    demo.stop().await;
}
