//! Sessions of the demo: who gets which cookie, how they end, and that they outlive the process.
//!
//! Holds `demo/site/sign_out.rs`.

use countersign::protocol::cookies::Names;
use fantoccini::cookies::Cookie;

use super::stage::Demo;
use crate::support::chromium::Chromium;

#[actix_web::test]
async fn no_site_ever_receives_a_cookie_of_the_provider() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    let host = |address: &str| address.strip_prefix("http://").unwrap().to_owned();
    let [provider, bank, fund] =
        [&demo.running.provider, &demo.running.bank, &demo.running.fund].map(|address| host(address));
    demo.sign_in(&chromium, &demo.running.bank).await;
    chromium.click("button[value=balances]").await;
    chromium.shows("#answer .verdict").await;
    chromium.open(&demo.running.fund).await;
    chromium.click("#sign-in").await;
    demo.arrived(&chromium, &demo.running.fund).await;
    chromium.open(&demo.running.api).await;
    chromium.open(&demo.provider("/")).await;

    let traffic = chromium.traffic().await;
    let names = |of: &str| {
        let of_host = traffic.cookies.iter().filter(|(host, _)| host == of);
        let pairs = of_host.flat_map(|(_, cookies)| cookies.split("; "));
        let mut names: Vec<&str> = pairs.filter_map(|pair| Some(pair.split_once('=')?.0)).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    let ours = Names::new(&demo.running.provider, "", true);
    assert_eq!(names(&provider), [ours.browser, ours.device, ours.session]);
    assert_eq!(names(&bank), ["bank_session"]);
    assert_eq!(names(&fund), ["fund_session"]);
    assert_eq!(names(&host(&demo.running.api)), Vec::<&str>::new());
    for (site, own) in [(&demo.running.bank, "bank_session"), (&demo.running.fund, "fund_session")] {
        chromium.open(site).await;
        let cookies = chromium.cookies().await;
        assert_eq!(cookies.iter().map(Cookie::name).collect::<Vec<_>>(), [own]);
        assert_eq!(cookies[0].http_only(), Some(true));
    }
    chromium.finish().await;
    demo.stop().await;
}

#[actix_web::test]
async fn signing_out_everywhere_at_the_fund_ends_the_bank_too() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    let (bank, fund) = (demo.running.bank.clone(), demo.running.fund.clone());
    demo.sign_in(&chromium, &bank).await;
    chromium.open(&fund).await;
    chromium.click("#sign-in").await;
    demo.arrived(&chromium, &fund).await;
    chromium.click("#sign-out-everywhere").await;
    chromium.at(&format!("{fund}/")).await;
    chromium.shows("#sign-in").await;
    assert!(chromium.text(".notice").await.contains("signed out everywhere"));
    assert_eq!(chromium.url().await.query(), None, "nothing is left over in the address");

    chromium.open(&demo.provider("/")).await;
    assert_eq!(chromium.text("h1").await, "Nobody is signed in here");
    chromium.open(&bank).await;
    chromium.shows("#sign-in").await;
    assert!(chromium.text(".notice").await.contains("signed you out as well"));
    chromium.click("#sign-in").await;
    chromium.at(&demo.provider("/login")).await;
    chromium.shows("#password").await;
    chromium.finish().await;
    demo.stop().await;
}

#[actix_web::test]
async fn signing_out_here_leaves_the_rest_alone() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    let (bank, fund) = (demo.running.bank.clone(), demo.running.fund.clone());
    demo.sign_in(&chromium, &bank).await;
    chromium.open(&fund).await;
    chromium.click("#sign-in").await;
    demo.arrived(&chromium, &fund).await;
    chromium.click("#sign-out").await;
    chromium.shows("#sign-in").await;
    chromium.open(&bank).await;
    demo.arrived(&chromium, &bank).await;
    chromium.open(&demo.provider("/")).await;
    assert_eq!(chromium.text("h1").await, "You are signed in");
    chromium.click("form[action$='/signed-out'] button").await;
    chromium.at(&demo.provider("/signed-out")).await;
    assert_eq!(chromium.text("h1").await, "You are signed out");
    chromium.open(&bank).await;
    chromium.shows("#sign-in").await;
    chromium.finish().await;
    demo.stop().await;
}

#[actix_web::test]
async fn the_next_start_finds_the_same_people_and_sessions() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    let bank = demo.running.bank.clone();
    demo.sign_in(&chromium, &bank).await;
    let waiting = chromium.tab().await;
    let stranger = Chromium::start().await;
    demo.to_form(&stranger, &demo.running.fund).await;
    let before: Vec<(String, String)> =
        demo.running.people.iter().map(|person| (person.login.clone(), person.password.clone())).collect();

    let demo = demo.restart().await;
    let after: Vec<(String, String)> =
        demo.running.people.iter().map(|person| (person.login.clone(), person.password.clone())).collect();
    assert_eq!(before, after);
    assert_eq!(bank, demo.running.bank);
    chromium.turn_to(&waiting).await;
    chromium.reload().await;
    demo.arrived(&chromium, &bank).await;
    chromium.open(&demo.running.fund).await;
    chromium.click("#sign-in").await;
    demo.arrived(&chromium, &demo.running.fund).await;
    // A sign-in page that was open meanwhile is as good as before.
    super::stage::fill_in(&stranger, &demo.ada().login, &demo.ada().password).await;
    demo.arrived(&stranger, &demo.running.fund).await;
    chromium.finish().await;
    stranger.finish().await;
    demo.stop().await;
}
