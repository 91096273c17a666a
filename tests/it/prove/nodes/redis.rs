//! The state store stands still for a minute.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::fire::redis::{assert_outage, is_back};
use crate::support::cluster::Cluster;
use crate::support::traffic::Traffic;

/// How long the store is away.
const AWAY: Duration = Duration::from_secs(60);

#[actix_web::test]
async fn redis_stands_still_and_nobody_is_signed_out() {
    let cluster = Cluster::start(2).await;
    let browser = cluster.browser();
    cluster.sign_in(&browser, "ada-7", &[]).await;
    let traffic = Traffic::start(&cluster, 3);
    traffic.until(10, "sso").await;
    let frozen = cluster.redis().freeze();
    let away = Instant::now();
    sleep(AWAY).await;
    let still_away = Instant::now();
    drop(frozen);
    let back = is_back(&cluster, &browser).await;
    traffic.until(10, "userinfo").await;
    let tally = traffic.end().await;
    assert_outage(&tally, away, still_away, back);
}
