//! Trusted proxies that do not tell where a visitor comes from. To us all of their visitors are then one: they share
//! the limits on guessing, and the log cannot tell them apart.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use time::{Duration, OffsetDateTime};
use tokio::task::spawn_local;

use crate::db::{Conn, Db, DbError};
use crate::store::facts;

/// How often it is told at most.
const EVERY: Duration = Duration::hours(1);
/// The fact in the database.
const FACT: &str = "silent_proxy";

/// What a node has told of its proxies.
#[derive(Clone, Default)]
pub struct Proxies {
    /// When last, in seconds since the epoch.
    told: Arc<AtomicI64>,
}

/// A proxy that did not tell.
pub struct Silent {
    /// Its address.
    pub proxy: IpAddr,
    /// When it was noticed.
    pub at: OffsetDateTime,
}

impl Silent {
    /// Tells whether it would have been noticed again since, if it still were so.
    pub fn is_recent(&self, now: OffsetDateTime) -> bool {
        (Duration::ZERO..2 * EVERY).contains(&(now - self.at))
    }
}

impl Proxies {
    /// Tells the operator of a request that came without its visitor's address, in the log and in the database.
    pub fn is_silent(&self, db: &Db, proxy: IpAddr, now: OffsetDateTime) {
        let (told, at) = (self.told.load(Ordering::Relaxed), now.unix_timestamp());
        // A clock that was set back must not silence it.
        let lately = (0..EVERY.whole_seconds()).contains(&(at - told));
        if lately || self.told.compare_exchange(told, at, Ordering::Relaxed, Ordering::Relaxed).is_err() {
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
                tracing::debug!(%error, "`doctor` will not know of it");
            }
        });
    }
}

/// The proxy that was silent last.
pub fn silent(conn: &mut Conn) -> Result<Option<Silent>, DbError> {
    let fact = facts::get(conn, FACT)?;
    Ok(fact.and_then(|fact| {
        let (at, proxy) = fact.split_once(' ')?;
        let at = OffsetDateTime::from_unix_timestamp(at.parse().ok()?).ok()?;
        Some(Silent { proxy: proxy.parse().ok()?, at })
    }))
}
