//! Killed in the middle of signing people in and of redeeming codes: what was answered counts, what was not
//! either happened or did not, and nothing happens twice.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::process::Command;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::join_all;

use crate::support::app::PASSWORD;
use crate::support::browser::Browser;
use crate::support::installation::Installation;
use crate::support::{postgres, redis};

/// What people were told before the end.
#[derive(Default)]
struct Told {
    /// Which browsers were signed in.
    signed_in: BTreeSet<usize>,
    codes: Vec<String>,
    /// Codes that were answered with tokens.
    redeemed: BTreeSet<String>,
}

/// Signs in, then redeems code after code until nobody answers.
async fn visit(provider: &Installation, which: usize, browser: &Browser, told: &Mutex<Told>) {
    let page = browser.open(&provider.authorize("login")).await;
    let mut home = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    loop {
        let code = home.answered("code").expect("signed in");
        {
            let mut told = told.lock().unwrap();
            told.signed_in.insert(which);
            told.codes.push(code.clone());
        }
        if provider.redeem(browser, &code).await.status == 200 {
            told.lock().unwrap().redeemed.insert(code);
        }
        home = browser.get(&provider.authorize("none")).await;
    }
}

/// The end comes with the first, and later with the tenth code, while others are under way.
async fn story(mut provider: Installation) {
    for enough in [1, 10] {
        provider.start().await;
        let browsers: Vec<Browser> = (0..4).map(|_| Browser::new(Arc::default())).collect();
        let told = Mutex::new(Told::default());
        let visits = browsers.iter().enumerate().map(|(which, browser)| {
            // A browser whose provider dies gives up in its own way.
            AssertUnwindSafe(visit(&provider, which, browser, &told)).catch_unwind()
        });
        let end = async {
            while told.lock().unwrap().codes.len() < enough {
                tokio::task::yield_now().await;
            }
            Command::new("kill").args(["-KILL", &provider.id().to_string()]).status().unwrap();
        };
        tokio::join!(join_all(visits), end);
        provider.kill();
        provider.start().await;

        let told = told.into_inner().unwrap();
        for which in told.signed_in {
            let silent = browsers[which].get(&provider.authorize("none")).await;
            assert!(silent.answered("code").is_some(), "signed out: {silent:?}\n{}", provider.log());
        }
        let stranger = Browser::new(Arc::default());
        for code in told.codes {
            let first = provider.redeem(&stranger, &code).await.status == 200;
            assert!(!(first && told.redeemed.contains(&code)), "redeemed before and after");
            assert_eq!(provider.redeem(&stranger, &code).await.json()["error"], "invalid_grant");
        }
        provider.kill();
        assert!(!provider.log().contains("ERROR"), "{}", provider.log());
    }
}

#[actix_web::test]
async fn in_the_middle_of_a_login_or_a_redemption() {
    story(Installation::new().await).await;
}

#[actix_web::test]
async fn in_the_middle_of_a_login_or_a_redemption_on_postgres_and_redis() {
    story(Installation::on(&postgres::database(), &redis::url()).await).await;
}
