//! The state store dies, or forgets everything.

use std::time::{Duration, Instant};

use countersign_verifier::Verifier;
use reqwest::Method;
use serde_json::Value;
use tokio::time::sleep;

use crate::support::app::{API, PASSWORD};
use crate::support::browser::Browser;
use crate::support::cluster::{Cluster, redemption};
use crate::support::traffic::{Outcome, Tally, Traffic};

/// How long where a code of before is to be redeemed after it: a code lives for a minute. It is longer than anybody
/// waits for an answer, which is two attempts to connect.
const SHORTLY_AWAY: Duration = Duration::from_secs(6);

/// What holds of every outage: it is told as what it is, nobody is signed out, what needs no state is
/// answered all the while, and afterwards everything is as before.
pub fn assert_outage(tally: &Tally, away: Instant, still_away: Instant, back: Instant) {
    tally.assert_only(&[Outcome::Unavailable]);
    tally.after(back).assert_only(&[]);
    let gap = Tally(tally.after(away).0.into_iter().filter(|seen| seen.ended <= still_away).collect());
    assert!(gap.count("sso", &Outcome::Unavailable) > 0, "{:?}", gap.summary());
    // Who comes for the first time is shown the page all the same: nothing needs to be remembered for that.
    for stateful in ["sso", "login", "token", "userinfo"] {
        assert_eq!(gap.count(stateful, &Outcome::Good), 0, "{stateful}: {:?}", gap.summary());
    }
    for public in ["jwks", "discovery"] {
        assert!(gap.count(public, &Outcome::Good) > 3, "{:?}", gap.summary());
        assert_eq!(tally.count(public, &Outcome::Unavailable), 0, "{:?}", tally.summary());
    }
}

/// Asks until somebody who is signed in is let through again.
pub async fn is_back(cluster: &Cluster, browser: &Browser) -> Instant {
    let begun = Instant::now();
    while browser.get(&cluster.authorize(&[])).await.status != 303 {
        assert!(begun.elapsed() < Duration::from_secs(10), "it does not come back");
        sleep(Duration::from_millis(20)).await;
    }
    Instant::now()
}

/// With what it wrote down it is as if nothing had been. A code that could not be redeemed is still good.
#[actix_web::test]
async fn redis_dies_and_nobody_is_signed_out() {
    let mut cluster = Cluster::start(2).await;
    let browser = cluster.browser();
    let code = cluster.sign_in(&browser, "ada-7", &[]).await.answered("code").unwrap();
    let open_page = cluster.browser();
    let page = open_page.open(&cluster.authorize(&[])).await;
    let traffic = Traffic::start(&cluster, 3);
    traffic.until(10, "sso").await;
    cluster.redis.take().unwrap().kill();
    let away = Instant::now();
    sleep(SHORTLY_AWAY).await;

    let refused = browser.send(redemption(&browser, &cluster.at("/token"), &code)).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "5"));
    assert_eq!(refused.json()["error"], "temporarily_unavailable");
    let refused = browser.get(&cluster.authorize(&[])).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "5"));
    assert!(refused.body.contains("You are still signed in"), "{}", refused.body);
    let typed = open_page.submit(&page, &[("username", "ada-6"), ("password", PASSWORD)]).await;
    assert_eq!(typed.status, 503);
    let still_away = Instant::now();

    cluster.start_redis();
    let back = is_back(&cluster, &browser).await;
    assert_eq!(browser.send(redemption(&browser, &cluster.at("/token"), &code)).await.status, 200);
    let typed = open_page.submit(&typed, &[("username", "ada-6"), ("password", PASSWORD)]).await;
    assert!(typed.url.path().ends_with("/consent"), "{} {}", typed.status, typed.url);
    traffic.until(10, "userinfo").await;
    let tally = traffic.end().await;
    assert_outage(&tally, away, still_away, back);
}

async fn tokens(cluster: &Cluster, browser: &Browser, changed: &[(&str, &str)]) -> Value {
    let code = browser.get(&cluster.authorize(changed)).await.answered("code").unwrap();
    browser.send(redemption(browser, &cluster.at("/token"), &code)).await.json()
}

/// People sign in again, services notice nothing, and every node tells the operator once what has happened.
#[actix_web::test]
async fn redis_is_emptied_and_people_sign_in_again() {
    let mut cluster = Cluster::start(2).await;
    let for_api = [("resource", API), ("scope", "openid balances.read")];
    let browser = cluster.browser();
    cluster.sign_in(&browser, "ada-7", &for_api).await;
    cluster.sign_in(&cluster.browser(), "ada-7", &[]).await;
    let (api, ours) = (tokens(&cluster, &browser, &for_api).await, tokens(&cluster, &browser, &[]).await);
    let http = reqwest::Client::builder().danger_accept_invalid_certs(true).no_proxy().build().unwrap();
    let verifier = Verifier::builder(&cluster.issuer, API).http_client(http).build().unwrap();
    let api = api["access_token"].as_str().unwrap();
    verifier.verify(api).await.unwrap();
    let userinfo = async || {
        let request = browser.request(Method::GET, &cluster.at("/userinfo"));
        browser.send(request.bearer_auth(ours["access_token"].as_str().unwrap())).await
    };
    assert_eq!(userinfo().await.status, 200);
    let traffic = Traffic::start(&cluster, 2);
    traffic.until(10, "sso").await;

    let () = redis::cmd("FLUSHALL").query(&mut cluster.redis().link()).unwrap();
    let emptied = Instant::now();

    verifier.verify(api).await.unwrap();
    let refused = userinfo().await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").contains("error=\"invalid_token\""), "{:?}", refused.headers);
    let silent = browser.get(&cluster.authorize(&[("prompt", "none")])).await;
    assert_eq!(silent.answered("error").as_deref(), Some("login_required"));
    assert!(cluster.sign_in(&browser, "ada-7", &[]).await.answered("code").is_some(), "at once");
    verifier.verify(api).await.unwrap();

    let line = "the state store has been emptied";
    for node in &cluster.nodes {
        while !node.log().contains(line) {
            assert!(emptied.elapsed() < Duration::from_secs(15), "nobody is told: {}", node.log());
            sleep(Duration::from_millis(50)).await;
        }
    }
    traffic.until(10, "sso").await;
    let tally = traffic.end().await;
    assert!(tally.count("sso", &Outcome::SignedOut) > 0);
    // Whoever was in the middle of something cannot finish it: the code or the session is gone.
    for seen in tally.troubles() {
        let is_refused = match &seen.outcome {
            Outcome::SignedOut => true,
            Outcome::Unexpected(how) => match seen.what {
                "token" => how.starts_with("400") && how.contains("invalid_grant"),
                "userinfo" => how.starts_with("401") && how.contains("invalid_token"),
                _ => how.starts_with("it leads to"),
            },
            _ => false,
        };
        let at_once = seen.begun < emptied + Duration::from_secs(1);
        assert!(is_refused && (at_once || seen.outcome == Outcome::SignedOut), "{seen:?}");
    }
    for node in &cluster.nodes {
        assert_eq!(node.log().matches(line).count(), 1, "{}", node.log());
        assert_eq!(node.log().matches("ERROR").count(), 1, "{}", node.log());
    }

    // Nor does it go unnoticed when no node was there to see it, as on a machine that started again.
    for node in &mut cluster.nodes {
        node.stop().await;
    }
    let () = redis::cmd("FLUSHALL").query(&mut cluster.redis().link()).unwrap();
    let emptied = Instant::now();
    for node in &mut cluster.nodes {
        node.start().await;
    }
    let told = || cluster.nodes.iter().map(|node| node.log().matches(line).count()).sum::<usize>();
    while told() < 3 {
        assert!(emptied.elapsed() < Duration::from_secs(30), "nobody is told");
        sleep(Duration::from_millis(50)).await;
    }
}
