//! The main database is away for a while.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::support::cluster::Cluster;
use crate::support::traffic::{Outcome, Traffic};

/// How long it is away beside its own stopping and starting: longer than anybody waits for a connection.
const AWAY: Duration = Duration::from_secs(4);

/// During the gap only what needs the database is refused, in words; after it nothing is.
#[actix_web::test]
async fn postgres_restarts_and_nobody_is_signed_out() {
    let mut cluster = Cluster::start(2).await;
    let traffic = Traffic::start(&cluster, 3);
    traffic.until(10, "sso").await;
    let begun = Instant::now();
    let server = cluster.postgres.take().unwrap();
    let paused = actix_web::rt::task::spawn_blocking(move || server.pause()).await.unwrap();
    sleep(AWAY).await;
    let resumed = actix_web::rt::task::spawn_blocking(move || paused.resume()).await.unwrap();
    cluster.postgres = Some(resumed);
    let back = Instant::now();
    traffic.until(30, "userinfo").await;
    let tally = traffic.end().await;

    tally.assert_only(&[Outcome::Unavailable]);
    tally.after(back).assert_only(&[]);
    let gap = tally.during(begun, back);
    assert!(gap.troubles().len() > 1, "{:?}", gap.summary());
    for public in ["jwks", "discovery"] {
        assert!(gap.count(public, &Outcome::Good) > 3, "{:?}", gap.summary());
        assert_eq!(tally.count(public, &Outcome::Unavailable), 0, "{:?}", tally.summary());
    }
    for node in &cluster.nodes {
        assert!(!node.log().contains("ERROR"), "{}", node.log());
    }
}
