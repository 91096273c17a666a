//! Checkpoints of the file of what passes: made beside the requests, and its log stays short.

use std::path::Path;
use std::time::Instant;

use countersign::state::kv::{Drawer, Key, Kv};
use time::{Duration, OffsetDateTime};

use crate::support::app::TestApp;

const MEGABYTE: u64 = 1024 * 1024;

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| found.len())
}

/// Writes this much, over the same values again and again.
async fn write(kv: &Kv, megabytes: u64) {
    let exp = OffsetDateTime::now_utc() + Duration::hours(1);
    for count in 0..megabytes * 32 {
        // Of what stays the same nothing would be written.
        let value = vec![u8::try_from(count % 251).unwrap(); 32 * 1024];
        kv.put(&Key::new(Drawer::Probe, &(count % 32).to_string()), &value, exp).await.unwrap();
        tokio::task::yield_now().await;
    }
}

#[actix_web::test]
async fn no_request_makes_one_and_the_log_stays_short() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    let log = folder.path().join("state.db-wal");
    let kv = Kv::file(&file).unwrap();
    kv.checkpoint().await.unwrap();
    let before = size(&file);
    write(&kv, 40).await;
    assert_eq!(size(&file), before, "a request carried pages over into the file");
    assert!(size(&log) > 40 * MEGABYTE);
    kv.checkpoint().await.unwrap();
    assert!(size(&file) > before, "what was written is in the file now");
    // It is begun anew each time, over itself.
    let long = size(&log);
    for _ in 0..3 {
        write(&kv, 20).await;
        kv.checkpoint().await.unwrap();
        assert_eq!(size(&log), long);
    }
    // One that grew far too long gives its space back.
    write(&kv, 70).await;
    kv.checkpoint().await.unwrap();
    assert_eq!(size(&log), 0);
}

/// With requests going on all the time no reader and no writer is in the way of it for long.
#[actix_web::test]
async fn under_load_the_log_stays_short_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("state.db-wal");
    let kv = Kv::file(&folder.path().join("state.db")).unwrap();
    for _ in 0..8 {
        // Neither waits for the other to end.
        let ((), made) = tokio::join!(write(&kv, 15), kv.checkpoint());
        made.unwrap();
        let length = size(&log);
        assert!(length < 60 * MEGABYTE, "{length} bytes");
    }
}

/// A provider at work makes them by itself, once enough was written.
#[actix_web::test]
async fn a_provider_makes_them_beside_its_requests() {
    let app = TestApp::start().await;
    let file = app.folder.path().join("data/state.db");
    let before = size(&file);
    write(&app.app.kv, 40).await;
    let begun = Instant::now();
    while size(&file) == before {
        assert!(begun.elapsed().as_secs() < 20, "the log is never carried over");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    app.finish().await;
}
