//! Sign in once: both sites know.
//!
//! Holds `demo/site/login.rs`, `demo/site/metadata.rs`, `demo/site/provider.rs`.

use super::stage::Demo;
use crate::support::chromium::{Chromium, Profile};

#[actix_web::test]
async fn signing_in_at_the_bank_signs_in_at_the_fund_without_typing() {
    sign_in_once(Chromium::start().await).await;
}

#[actix_web::test]
async fn it_works_without_script() {
    let chromium = Chromium::start_with(Profile { script: false, ..Profile::default() }).await;
    let page = "data:text/html,<title>off</title><script>document.title='on'</script>";
    chromium.open(page).await;
    assert_eq!(chromium.ask("document.title").await, "off", "script is not off");
    sign_in_once(chromium).await;
}

async fn sign_in_once(chromium: Chromium) {
    let demo = Demo::start().await;
    let (bank, fund) = (demo.running.bank.clone(), demo.running.fund.clone());
    demo.sign_in(&chromium, &bank).await;
    assert_eq!(chromium.text(".who strong").await, "Ada Lovelace");
    assert!(chromium.text("#id-token").await.contains("demo-bank"), "no decoded ID token");
    assert!(chromium.text("#id-token .verdict").await.contains("holds"));
    assert_eq!(chromium.ask("document.querySelectorAll('#id-token .verdict.good').length").await, 1);

    chromium.click("#other-site").await;
    chromium.at(&fund).await;
    chromium.traffic().await;
    chromium.click("#sign-in").await;
    demo.arrived(&chromium, &fund).await;
    assert!(chromium.text("#trace").await.contains("nothing had to be typed"));
    let pages = chromium.traffic().await.pages;
    assert!(pages.iter().any(|url| url.starts_with(&demo.provider("/authorize"))), "{pages:#?}");
    assert!(!pages.iter().any(|url| url.starts_with(&demo.provider("/login"))), "a form: {pages:#?}");
    chromium.finish().await;
    demo.stop().await;
}
