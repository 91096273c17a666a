//! Two providers on one host: cookies tell neither ports nor paths apart, so the names do.

use serde_json::json;

use crate::support::app::{Options, TestApp};
use crate::support::rp::Rp;

/// Signs one browser in at both, in turn, and looks whether it stays so.
async fn both_stay_signed_in(one: Options, two: Options) -> Vec<String> {
    let (one, two) = (TestApp::start_with(one).await, TestApp::start_with(two).await);
    // Knows cookies by their names alone, as the jar of one host does.
    let browser = one.browser();
    for (app, login) in [(&one, "ada"), (&two, "eve")] {
        app.user(login).await;
        let callback = "https://app.example/cb";
        let rp = Rp::new(app, json!({ "first_party": true, "redirect_uris": [callback] })).await;
        rp.code(&browser, login, &[("redirect_uri", Some(callback))]).await;
    }
    let (first, second) = (browser.get(&one.at("/")).await, browser.get(&two.at("/")).await);
    assert!(first.body.contains("ada Example") && second.body.contains("eve Example"), "{}", first.body);
    // Signing out at one is signing out at one.
    browser.submit(&first, &[]).await;
    assert_eq!(browser.get(&one.at("/")).await.text("h1"), "Nobody is signed in here");
    assert_eq!(browser.get(&two.at("/")).await.text("h1"), "You are signed in");
    let names =
        browser.cookie_header().split("; ").map(|pair| pair.split('=').next().unwrap().into()).collect();
    one.finish().await;
    two.finish().await;
    names
}

#[actix_web::test]
async fn two_ports_of_one_host_do_not_sign_each_other_out() {
    let names = both_stay_signed_in(Options::default(), Options::default()).await;
    assert!(names.iter().all(|name| name.starts_with("countersign_")), "{names:?}");
}

#[actix_web::test]
async fn two_paths_of_one_host_do_not_sign_each_other_out() {
    let below = |path| Options {
        path,
        adjust: |config| {
            config.development = false;
            config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        },
        ..Options::default()
    };
    let names = both_stay_signed_in(below("/auth"), below("/staff")).await;
    assert!(names.iter().all(|name| name.starts_with("__Host-") && name.contains('_')), "{names:?}");
}
