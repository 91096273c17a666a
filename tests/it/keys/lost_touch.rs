//! A node that cannot see the database: it promises less and less, stops signing in time, and recovers.

use std::cell::RefCell;
use std::time::Instant;

use countersign::config::Config;
use countersign::keys::policy::{KeyPolicy, KeySettings};
use countersign::protocol::client::SigningAlg::ES256;
use countersign::protocol::lifetimes::Lifetimes;
use countersign::secret::{Key, base64url};
use serde_json::json;

use super::given;
use crate::support::app::{Options, TestApp};
use crate::support::postgres::Server;

thread_local! {
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// It signs for 2 s and shows its set for 8 s after it saw the database last.
fn impatient(config: &mut Config) {
    let settings = "jwks_max_age = 3\npublish_before = 8\npublish_after = 605\nrotate_every = 9\nskew = 1";
    let settings: KeySettings = toml::from_str(settings).unwrap();
    config.keys = KeyPolicy::new(settings, Lifetimes::default().longest_token()).unwrap();
    config.instance_key = given(&base64url(Key::generate().expose()));
    config.database = PLACE.with_borrow(|url| countersign::db::Url::parse(url).unwrap());
}

#[actix_web::test]
async fn when_postgres_is_away_the_promise_shrinks_and_signing_ends() {
    let server = Server::start();
    PLACE.set(server.database());
    let app = TestApp::start_with(Options { adjust: impatient, ..Options::default() }).await;
    let browser = app.browser();
    let url = app.at("/.well-known/jwks.json");
    let sign = || app.app.keys.snapshot.load().sign(ES256, "JWT", &json!({}));
    let max_age = async || {
        let answer = browser.get(&url).await;
        if answer.status == 503 {
            assert_eq!((answer.header("retry-after"), answer.header("cache-control")), ("5", "no-store"));
            return None;
        }
        assert!(answer.body.contains("\"kid\""), "never an empty set: {}", answer.body);
        Some(answer.header("cache-control").rsplit('=').next().unwrap().parse::<i64>().unwrap())
    };
    let in_touch = async || {
        let begun = Instant::now();
        // A busy machine may let it look more than 2 s after it looked last.
        while sign().is_err() || max_age().await != Some(3) {
            assert!(begun.elapsed().as_secs() < 30, "it signs and promises as long as it sees the database");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    in_touch().await;
    let paused = server.pause();
    let lost = Instant::now();
    let (mut last, mut signed) = (3, 0.0_f32);
    while lost.elapsed().as_secs() < 30 {
        let asked = lost.elapsed().as_secs_f32();
        if sign().is_ok() {
            signed = asked;
        }
        let Some(told) = max_age().await else { break };
        assert!(told <= last, "the promise only shrinks: {told} after {last}");
        // A set handed on from cache to cache is gone before a key it lacks may sign.
        assert!(
            asked + 2.0 * f32::from(i16::try_from(told).unwrap()) <= 8.0,
            "{told} s promised {asked} s after"
        );
        last = told;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(last < 3, "it promised {last} s and then said nothing");
    assert_eq!(max_age().await, None, "at last it says nothing");
    assert!(signed <= 2.0, "it signed {signed} s after it saw the database last");
    assert!(sign().unwrap_err().to_string().contains("has not seen the database"));
    let server = paused.resume();
    in_touch().await;
    app.stop().await;
    drop(server);
}
