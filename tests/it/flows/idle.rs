//! Comparing a password takes a buffer of 19 MiB, which nobody needs while nobody signs in.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::app::PASSWORD;
use crate::support::browser::Browser;
use crate::support::installation::Installation;

/// One buffer, in KiB.
const BUFFER: usize = 19 * 1024;

/// How much memory a process has, in KiB.
fn resident(process: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// How many of its threads compare passwords.
fn hashing(process: u32) -> usize {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let names = threads.filter_map(|thread| fs::read_to_string(thread.unwrap().path().join("comm")).ok());
    names.filter(|name| name == "hashing\n").count()
}

#[actix_web::test]
async fn what_comparing_passwords_takes_is_kept_for_the_next_and_given_back_when_idle() {
    let mut provider = Installation::new().await;
    provider.start().await;
    let id = provider.id();
    let sign_in = async || {
        let browser = Browser::new(Arc::default());
        let page = browser.open(&provider.authorize("login")).await;
        assert_eq!(page.status, 200);
        (browser, page)
    };
    // The pages themselves take memory too.
    let waiting = [sign_in().await, sign_in().await, sign_in().await, sign_in().await];
    provider.keys(&waiting[0].0).await;
    let before = (hashing(id), resident(id));
    assert_eq!(before.0, 0, "a thread for nobody");

    let most = (std::thread::available_parallelism().unwrap().get() / 2).max(1);
    for (browser, page) in &waiting {
        let typed = [("username", "ada"), ("password", PASSWORD)];
        assert!(browser.submit(page, &typed).await.answered("code").is_some());
        let (threads, held) = (hashing(id), resident(id) - before.1);
        assert!((1..=most).contains(&threads), "{threads} threads");
        assert!(held > BUFFER * 3 / 4, "{held} KiB are no buffer");
        assert!(held < BUFFER * threads + BUFFER / 2, "{held} KiB are more than {threads} buffers");
    }
    let last = Instant::now();
    loop {
        let (threads, held) = (hashing(id), resident(id).saturating_sub(before.1));
        if threads == 0 && held < BUFFER / 2 {
            break;
        }
        assert!(last.elapsed() < Duration::from_secs(20), "still {threads} threads and {held} KiB");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (browser, page) = sign_in().await;
    let typed = [("username", "ada"), ("password", PASSWORD)];
    assert!(browser.submit(&page, &typed).await.answered("code").is_some(), "and begins again");
}
