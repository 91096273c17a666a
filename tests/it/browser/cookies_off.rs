//! A browser that keeps no cookies: told so in words, and not sent round in circles.

use super::stage::Demo;
use crate::support::chromium::{Chromium, Profile};

#[actix_web::test]
async fn without_cookies_there_is_a_page_that_says_so_and_no_loop() {
    let demo = Demo::start().await;
    let chromium = Chromium::start_with(Profile { cookies: false, ..Profile::default() }).await;
    chromium.open(&demo.running.bank).await;
    chromium.traffic().await;
    chromium.click("#sign-in").await;
    chromium.shows(".eyebrow").await;
    assert!(chromium.url().await.as_str().starts_with(&demo.running.provider));
    assert_eq!(chromium.text("h1").await, "Cookies are needed to sign in");
    assert!(chromium.text("main").await.contains("Allow cookies for this site"));
    let traffic = chromium.traffic().await;
    assert!(traffic.pages.len() <= 6, "{:#?}", traffic.pages);
    assert!(traffic.cookies.iter().all(|(_, cookies)| cookies.is_empty()), "{:#?}", traffic.cookies);
    chromium.finish().await;
    demo.stop().await;
}
