//! The log line of a request, and its count.

use std::net::IpAddr;
use std::time::Instant;

use actix_web::dev::ServiceRequest;

use crate::protocol::shown::Shown;
use crate::web::metrics::Route;

/// The line of a request that is being answered.
pub struct Line {
    begun: Instant,
    method: Shown,
    path: Shown,
}

impl Line {
    /// Starts to measure the time.
    pub fn begin(req: &ServiceRequest) -> Line {
        Line { begun: Instant::now(), method: Shown::of(req.method()), path: Shown::of(req.path()) }
    }

    /// Writes the line, and counts the answer. Probes arrive every second and are logged at the level `debug`.
    pub fn write(self, status: u16, from: Option<IpAddr>, route: &Route) {
        let Line { begun, method, path } = self;
        let took = begun.elapsed();
        route.answered(status, took);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let from = from.map(|from| from.to_string()).unwrap_or_default();
        if route.is_probe() {
            tracing::debug!(%method, path = &*path, status, micros, from, "answered");
        } else {
            tracing::info!(%method, path = &*path, status, micros, from, "answered");
        }
    }
}
