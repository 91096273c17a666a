//! Trusted proxies that do not forward the address of a visitor. All visitors behind one then share its
//! address: they share the limits on guessing, and the log cannot distinguish them.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use time::{Duration, OffsetDateTime};
use tokio::task::spawn_local;

use crate::db::{Conn, Db, DbError};
use crate::store::facts;

/// The minimum time between two reports.
const EVERY: Duration = Duration::hours(1);
/// The name of the fact in the database.
const FACT: &str = "silent_proxy";

/// The reports of a node on its proxies.
#[derive(Clone, Default)]
pub struct Proxies {
    /// When the last report was made, in seconds since the epoch.
    reported: Arc<AtomicI64>,
}

/// A proxy that did not forward an address.
pub struct SilentProxy {
    /// Its address.
    pub proxy: IpAddr,
    /// When it was noticed.
    pub at: OffsetDateTime,
}

impl SilentProxy {
    /// Tells whether the report is recent: a proxy that is still silent would have been reported again.
    pub fn is_recent(&self, now: OffsetDateTime) -> bool {
        (Duration::ZERO..2 * EVERY).contains(&(now - self.at))
    }
}

impl Proxies {
    /// Reports a request that came without its visitor's address, in the log and in the database.
    pub fn report_silent(&self, db: &Db, proxy: IpAddr, now: OffsetDateTime) {
        let (reported, at) = (self.reported.load(Ordering::Relaxed), now.unix_timestamp());
        // A clock that was set back must not suppress the report.
        let lately = (0..EVERY.whole_seconds()).contains(&(at - reported));
        if lately
            || self.reported.compare_exchange(reported, at, Ordering::Relaxed, Ordering::Relaxed).is_err()
        {
            return;
        }
        tracing::warn!(
            %proxy,
            "a trusted proxy does not tell where its visitors come from: they count as one for all limits; let it \
             write X-Forwarded-For"
        );
        let db = db.clone();
        spawn_local(async move {
            let noted = db.write(move |conn| facts::set(conn, FACT, &format!("{at} {proxy}"))).await;
            if let Err(error) = noted {
                tracing::debug!(%error, "a silent proxy cannot be stored for `doctor`");
            }
        });
    }
}

/// The proxy that was reported last.
pub fn silent(conn: &mut Conn) -> Result<Option<SilentProxy>, DbError> {
    let fact = facts::get(conn, FACT)?;
    Ok(fact.and_then(|fact| {
        let (at, proxy) = fact.split_once(' ')?;
        let at = OffsetDateTime::from_unix_timestamp(at.parse().ok()?).ok()?;
        Some(SilentProxy { proxy: proxy.parse().ok()?, at })
    }))
}
