//! What a rotation costs those who are signing in meanwhile: nothing. (`-- prove::keys::cost --nocapture` shows it.)

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use countersign::protocol::client::SigningAlg::RS256;
use serde_json::json;

use crate::keys::step::slow_keys;
use crate::store::execute;
use crate::support::app::{Options, TestApp};
use crate::support::browser::Browser;
use crate::support::rp::Rp;

async fn redeem(rp: &Rp<'_>, browser: &Browser) -> Duration {
    let code = browser.open(&rp.authorize(&[])).await.answered("code").unwrap();
    let begun = Instant::now();
    assert_eq!(rp.redeem(browser, &code, &[]).await.status, 200);
    begun.elapsed()
}

/// Tells whether a background thread of this process has the policy `SCHED_IDLE`.
fn is_idle_scheduled() -> bool {
    // Behind the name, which is in brackets: state, …, and as the thirty-ninth the policy; 5 is SCHED_IDLE.
    let is_idle = |stat: String| {
        stat.split_once("(background) ").is_some_and(|(_, rest)| rest.split(' ').nth(38) == Some("5"))
    };
    let mut threads = std::fs::read_dir("/proc/self/task").unwrap();
    // A thread may end while it is looked at.
    threads.any(|thread| std::fs::read_to_string(thread.unwrap().path().join("stat")).is_ok_and(is_idle))
}

/// Median and 99th percentile.
fn centiles(mut times: Vec<Duration>) -> [Duration; 2] {
    times.sort_unstable();
    [times[times.len() / 2], times[times.len() * 99 / 100]]
}

#[actix_web::test]
async fn making_rsa_keys_delays_no_request() {
    let app =
        TestApp::start_with(Options { adjust: |config| config.keys = slow_keys(), ..Options::default() })
            .await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    rp.tokens(&browser, "ada", &[]).await;
    app.app.tend_keys().unwrap();
    let mut calm = vec![];
    for _ in 0..60 {
        calm.push(redeem(&rp, &browser).await);
    }
    // One rotation after another: the spare is thrown away as soon as it is made.
    let (over, node) = (Arc::new(AtomicBool::new(false)), Arc::clone(&app.app));
    let (made, slowest) = {
        let told = Arc::clone(&over);
        let tending = std::thread::spawn(move || {
            let (mut made, mut slowest) = (0_u32, Duration::ZERO);
            while !told.load(Ordering::Relaxed) || made < 3 {
                execute(&node.db, "DELETE FROM signing_keys WHERE state = 'published'").unwrap();
                let begun = Instant::now();
                node.tend_keys().unwrap();
                slowest = slowest.max(begun.elapsed());
                made += 2;
            }
            (made, slowest)
        });
        let (mut busy, mut aside, mut oldest) = (vec![], false, Duration::ZERO);
        while busy.len() < 60 || !tending.is_finished() && busy.len() < 1000 {
            busy.push(redeem(&rp, &browser).await);
            aside |= is_idle_scheduled();
            oldest = oldest.max(app.app.keys.snapshot.load().age().unsigned_abs());
            over.store(busy.len() >= 60, Ordering::Relaxed);
        }
        assert!(aside, "a spare is made as if somebody waited for it");
        let [median, p99] = centiles(calm);
        let [busy_median, busy_p99] = centiles(busy);
        println!(
            "/token: median {median:?}, p99 {p99:?}; while RSA keys are made: {busy_median:?}, {busy_p99:?}"
        );
        assert!(
            busy_median < median * 8 + Duration::from_millis(50),
            "{busy_median:?} instead of {median:?}"
        );
        let (made, slowest) = tending.join().unwrap();
        // Whoever waited for a key would have waited for about as long as one takes.
        assert!(
            busy_p99 < p99 * 4 + slowest / 2,
            "{busy_p99:?} instead of {p99:?}, and a key takes {slowest:?}"
        );
        assert!(
            oldest < slowest / 2 + Duration::from_millis(500),
            "nobody looked for {oldest:?}, and a key takes {slowest:?}"
        );
        (made, slowest)
    };
    println!("{made} keys made meanwhile, the slowest turn took {slowest:?}");
    let jwks = Instant::now();
    for _ in 0..600 {
        let snapshot = app.app.keys.snapshot.load();
        assert!(snapshot.max_age().is_some() && !snapshot.jwks.bytes.is_empty());
    }
    let (jwks, sign) = (jwks.elapsed() / 600, Instant::now());
    for _ in 0..50 {
        app.app.keys.snapshot.load().sign(RS256, "JWT", &json!({ "sub": "ada" })).unwrap();
    }
    println!("the public set {jwks:?}, one RS256 signature (4096 bits) {:?}", sign.elapsed() / 50);
    app.finish().await;
}
