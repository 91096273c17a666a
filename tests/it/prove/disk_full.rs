//! A disk that fills up under traffic.

use std::cell::Cell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;

use crate::support::app::PASSWORD;
use crate::support::browser::Browser;
use crate::support::installation::{Installation, assert_whole};

/// What one who is signed in saw while the disk filled up and was emptied.
#[derive(Default)]
struct Seen {
    /// Requests that were answered as ever, and those that were told to come back.
    good: Cell<usize>,
    put_off: Cell<usize>,
}

/// Has codes made and redeems them, each until it works; nothing else may happen than that one is put off.
async fn come_again(provider: &Installation, browser: &Browser, seen: &Seen, over: &Cell<bool>) {
    let count = |of: &Cell<usize>| of.set(of.get() + 1);
    let breath = || tokio::time::sleep(Duration::from_millis(5));
    while !over.get() {
        breath().await;
        let asked = browser.get(&provider.authorize("none")).await;
        let Some(code) = asked.answered("code") else {
            let told = asked.answered("error");
            assert_eq!(told.as_deref(), Some("temporarily_unavailable"), "{} {}", asked.status, asked.body);
            count(&seen.put_off);
            continue;
        };
        loop {
            let redeemed = provider.redeem(browser, &code).await;
            match (redeemed.status.as_u16(), redeemed.header("retry-after")) {
                (200, "") => break count(&seen.good),
                (503, "5") => count(&seen.put_off),
                other => panic!("{other:?}: {}", redeemed.body),
            }
            breath().await;
        }
        let again = provider.redeem(browser, &code).await;
        match again.status.as_u16() {
            400 => assert_eq!(again.json()["error"], "invalid_grant"),
            503 => count(&seen.put_off),
            other => panic!("{other}: a code was redeemed twice"),
        }
    }
}

/// Where a process may have a disk of its own, that one is really full; elsewhere it may write nothing.
#[actix_web::test]
async fn a_disk_that_fills_up_under_traffic_loses_nothing() {
    let mut provider = Installation::new().await;
    let disk = provider.start_on_small_disk().await;
    if disk.is_none() {
        provider.start().await;
    }
    let browsers = [(); 6].map(|()| Browser::new(Arc::default()));
    let mut access = String::new();
    for browser in &browsers {
        let page = browser.open(&provider.authorize("login")).await;
        let home = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
        let tokens = provider.redeem(browser, &home.answered("code").unwrap()).await.json();
        tokens["access_token"].as_str().unwrap().clone_into(&mut access);
    }
    let (seen, over) = ([(); 6].map(|()| Seen::default()), Cell::new(false));
    let reader = Browser::new(Arc::default());
    let reads = async || {
        let keys = format!("{}/.well-known/jwks.json", provider.issuer);
        while !over.get() {
            assert_eq!(reader.get(&keys).await.status, 200);
            let asked = reader.request(Method::GET, &format!("{}/userinfo", provider.issuer));
            assert_eq!(reader.send(asked.bearer_auth(&access)).await.status, 200);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // Until everybody has seen so much more of it.
    let until = async |what: &str, of: fn(&Seen) -> usize| {
        let (before, begun) = (seen.each_ref().map(of), Instant::now());
        while seen.iter().zip(before).any(|(seen, before)| of(seen) < before + 5) {
            assert!(begun.elapsed() < Duration::from_secs(40), "{what}: {}", provider.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let fill = async {
        until("all goes well at first", |seen| seen.good.get()).await;
        for _ in 0..3 {
            let full = disk.as_deref().map(fill_up);
            if full.is_none() {
                provider.may_write(false);
            }
            until("nobody is put off", |seen| seen.put_off.get()).await;
            match full {
                Some(filler) => std::fs::remove_file(filler).unwrap(),
                None => provider.may_write(true),
            }
            until("it does not go on", |seen| seen.good.get()).await;
        }
        over.set(true);
    };
    let everybody =
        browsers.iter().zip(&seen).map(|(browser, seen)| come_again(&provider, browser, seen, &over));
    tokio::join!(futures_util::future::join_all(everybody), reads(), fill);
    let log = provider.log();
    let advice = if disk.is_some() { "make room on its disk" } else { "look for a full or failing disk" };
    assert!(log.contains(advice) && !log.contains("panicked"), "{log}");
    match disk {
        Some(disk) => ["countersign.db", "state.db"].iter().for_each(|name| assert_whole(&disk.join(name))),
        None => provider.assert_whole(),
    }
}

/// Writes a file until there is no room for another byte.
fn fill_up(disk: &Path) -> PathBuf {
    let filler = disk.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    for block in [1 << 16, 1 << 12, 1] {
        let refused = loop {
            if let Err(refused) = file.write_all(&vec![0; block]) {
                break refused;
            }
        };
        assert_eq!(refused.kind(), std::io::ErrorKind::StorageFull, "{refused}");
    }
    filler
}
