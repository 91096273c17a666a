//! The program dies, and nobody but the operator notices.

use std::cell::Cell;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::app::PASSWORD;
use crate::support::browser::Browser;
use crate::support::installation::Installation;
use crate::support::rp::claims;

/// Killed without warning, started again: people are still signed in, a page that was open still works, a
/// code that was under way is redeemed once, and the keys are those of before.
#[actix_web::test]
async fn a_killed_provider_comes_back_with_everybody_signed_in() {
    let mut provider = Installation::new().await;
    provider.start().await;
    let browser = Browser::new(std::sync::Arc::default());
    let page = browser.open(&provider.authorize("login")).await;
    let home = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    let first = provider.redeem(&browser, &home.answered("code").unwrap()).await.json();
    let open_page = browser.open(&provider.authorize("login")).await;
    let under_way =
        browser.get(&provider.authorize("none")).await.answered("code").expect("a silent sign-in");
    let keys = provider.keys(&browser).await;

    provider.kill();
    provider.start().await;

    assert_eq!(provider.keys(&browser).await, keys, "the same kids and the same ETag");
    let silent = browser.get(&provider.authorize("none")).await;
    let code = silent.answered("code").unwrap_or_else(|| panic!("signed out by a restart: {silent:?}"));
    let again = provider.redeem(&browser, &code).await.json();
    for same in ["sub", "sid", "auth_time"] {
        assert_eq!(claims(&again["id_token"])[same], claims(&first["id_token"])[same], "{same}");
    }
    assert_eq!(provider.redeem(&browser, &under_way).await.status, 200);
    assert_eq!(provider.redeem(&browser, &under_way).await.json()["error"], "invalid_grant");
    let home = browser.submit(&open_page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert!(home.answered("code").is_some(), "a sign-in page that was open is void: {home:?}");
    provider.assert_whole();
}

/// Killed again and again in the middle of writing: both files stay whole, and what was answered counts.
#[actix_web::test]
async fn a_provider_killed_while_it_writes_loses_nothing_it_answered() {
    let mut provider = Installation::new().await;
    provider.start().await;
    let browser = Browser::new(std::sync::Arc::default());
    let page = browser.open(&provider.authorize("login")).await;
    browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    for round in 0..4_u64 {
        let written = Cell::new(0);
        let visits = async {
            let http = reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .build()
                .unwrap();
            let cookie = browser.cookie_header();
            let mut codes = vec![];
            // Every answer carries a code that was written; replays write as well.
            while let Ok(answer) = http.get(provider.authorize("none")).header("cookie", &cookie).send().await
            {
                let to = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
                let code = to.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
                codes.push(code);
                written.set(codes.len());
            }
            codes
        };
        let child = provider.id().to_string();
        let end = async {
            let begun = Instant::now();
            while written.get() < 4 {
                assert!(begun.elapsed() < Duration::from_secs(30), "hardly anything is written");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            // Each time at another point of what is being written.
            tokio::time::sleep(Duration::from_millis(37 * round)).await;
            Command::new("kill").args(["-KILL", &child]).status().unwrap();
        };
        let (codes, ()) = tokio::join!(visits, end);
        provider.kill();
        provider.assert_whole();
        provider.start().await;
        for code in codes.iter().rev().take(3) {
            assert_eq!(
                provider.redeem(&browser, code).await.status,
                200,
                "a code that was answered is there"
            );
        }
    }
}
