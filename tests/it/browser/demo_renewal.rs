//! The demo renews its tokens by refresh token and shows it; a replaced refresh token that is presented again is refused.
//!
//! Holds `demo/site/renewal.rs`, `demo/site/tokens.rs`, `demo/site/trace.rs`.

use time::Duration;

use super::stage::Demo;
use crate::support::chromium::Chromium;

/// Presses a button that leads to a new page.
async fn press(chromium: &Chromium, button: &str) {
    let old = chromium.ask("document.documentElement.dataset.seen = 'yes'").await;
    assert_eq!(old, "yes");
    chromium.click(button).await;
    chromium.until("!document.documentElement.dataset.seen && document.querySelector('#trace')".into()).await;
}

/// The requests to the token endpoint in the trace: the status, and the refresh tokens that were sent and received, as they
/// are shown.
async fn refreshed(chromium: &Chromium) -> Vec<[String; 3]> {
    let script = "(() => {
        const value = (list, name) => [...(list ? list.children : [])]
            .filter(pair => pair.querySelector('dt').textContent === name)
            .map(pair => pair.querySelector('dd').textContent.trim())[0] || '';
        return [...document.querySelectorAll('.trace li')]
            .filter(step => step.querySelector('summary code').textContent.endsWith('/token'))
            .map(step => {
                const [sent, received] = step.querySelectorAll('.members');
                const status = step.querySelector('.status').textContent;
                return [status, value(sent, 'refresh_token'),
                    value(received, 'refresh_token') || value(received, 'error')];
            });
    })()";
    serde_json::from_value(chromium.ask(script).await).unwrap()
}

async fn id_token(chromium: &Chromium) -> String {
    chromium.text("#id-token .encoded").await
}

#[actix_web::test]
async fn the_bank_renews_with_a_token_that_each_use_replaces() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    demo.sign_in(&chromium, &demo.running.bank).await;
    let before = id_token(&chromium).await;
    chromium.traffic().await;

    press(&chromium, "#renew").await;
    let first = refreshed(&chromium).await;
    press(&chromium, "#renew").await;
    let second = refreshed(&chromium).await;
    assert_eq!((first.len(), second.len()), (2, 2), "{first:?} {second:?}");
    for (first, second) in first.iter().zip(&second) {
        let ([status, old, new], [again, sent, newest]) = (first, second);
        assert_eq!((status.as_str(), again.as_str()), ("200 OK", "200 OK"));
        assert!(new.starts_with('…') && new != old && newest != new, "{first:?} {second:?}");
        assert_eq!(sent, new);
    }
    assert_ne!(id_token(&chromium).await, before);
    let pages = chromium.traffic().await.pages;
    assert!(
        !pages.iter().any(|url| url.starts_with(&demo.provider(""))),
        "the browser went round: {pages:#?}"
    );
    chromium.click("button[value=balances]").await;
    chromium.shows("#answer .verdict.good").await;
    chromium.finish().await;
    demo.stop().await;
}

#[actix_web::test]
async fn a_page_with_expired_tokens_renews_them_until_the_session_ends() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    let bank = demo.running.bank.clone();
    demo.sign_in(&chromium, &bank).await;
    demo.clock.advance(Duration::minutes(11));
    chromium.open(&bank).await;
    demo.arrived(&chromium, &bank).await;
    assert_eq!(refreshed(&chromium).await.len(), 2);
    chromium.open(&demo.provider("/")).await;
    chromium.click("form[action$='/signed-out'] button").await;
    chromium.at(&demo.provider("/signed-out")).await;
    demo.clock.advance(Duration::minutes(11));
    chromium.open(&bank).await;
    chromium.shows("#sign-in").await;
    assert!(chromium.text(".notice").await.contains("signed you out as well"));
    let steps = refreshed(&chromium).await;
    let [[status, _, error]] = steps.as_slice() else { panic!("{steps:?}") };
    assert_eq!((status.as_str(), error.as_str()), ("400 Bad Request", "invalid_grant"));
    chromium.finish().await;
    demo.stop().await;
}

#[actix_web::test]
async fn the_fund_renews_with_a_token_that_stays() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    demo.sign_in(&chromium, &demo.running.fund).await;
    press(&chromium, "#renew").await;
    for [status, sent, received] in refreshed(&chromium).await {
        assert_eq!((status.as_str(), &sent), ("200 OK", &received));
    }
    assert_eq!(chromium.ask("document.querySelectorAll('#replay').length").await, 0);
    chromium.finish().await;
    demo.stop().await;
}

#[actix_web::test]
async fn an_old_refresh_token_is_refused_and_ends_the_newest() {
    let demo = Demo::start().await;
    let chromium = Chromium::start().await;
    demo.sign_in(&chromium, &demo.running.bank).await;
    press(&chromium, "#replay").await;
    chromium.shows("#sign-in").await;
    assert!(chromium.text(".notice").await.ends_with("Sign in again."));
    let steps = refreshed(&chromium).await;
    let [first, second, third, old, newest] = steps.as_slice() else { panic!("{steps:?}") };
    for renewed in [first, second, third] {
        assert_eq!(renewed[0], "200 OK");
    }
    assert_eq!((&second[1], &third[1]), (&first[2], &second[2]));
    assert_eq!((&old[1], &newest[1]), (&first[1], &third[2]));
    for refused in [old, newest] {
        assert_eq!((refused[0].as_str(), refused[2].as_str()), ("400 Bad Request", "invalid_grant"));
    }
    chromium.click("#sign-in").await;
    demo.arrived(&chromium, &demo.running.bank).await;
    chromium.finish().await;
    demo.stop().await;
}
