//! Metrics of HTTP requests: how many are being answered, and the answers of each route.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};

use crate::telemetry::registry::Registry;

/// The routes that load balancers and supervisors poll.
pub const PROBES: [&str; 2] = ["/livez", "/readyz"];

/// The requests of all routes.
pub struct Requests {
    in_flight: Gauge,
    /// Requests without a route, and those that were refused before routing.
    pub unmatched: Route,
}

impl Requests {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> Requests {
        let help = "Requests being answered at this moment";
        Requests {
            in_flight: registry.gauge("countersign_http_requests_in_flight", help, &[]),
            unmatched: Route::new(registry, "unmatched"),
        }
    }

    /// Counts a request as being answered until the result is dropped, also when the client disconnects first.
    pub fn begin(&self) -> InFlight {
        self.in_flight.increment(1.0);
        InFlight(self.in_flight.clone())
    }
}

/// A request that is being answered.
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// The requests of one route.
#[derive(Clone)]
pub struct Route {
    pattern: String,
    answered: [Counter; 5],
    seconds: Histogram,
}

impl Route {
    /// Registers the metrics of a route, named by its pattern.
    pub fn new(registry: &Registry, pattern: &str) -> Route {
        let answered = ["1xx", "2xx", "3xx", "4xx", "5xx"].map(|class| {
            registry.counter(
                "countersign_http_requests_total",
                "Requests answered, by route and class of status",
                &[("route", pattern), ("status", class)],
            )
        });
        let seconds = registry.seconds(
            "countersign_http_request_duration_seconds",
            "How long a request took until its answer's head",
            &[("route", pattern)],
        );
        Route { pattern: pattern.to_owned(), answered, seconds }
    }

    /// Tells whether this route is one of [`PROBES`].
    pub fn is_probe(&self) -> bool {
        PROBES.contains(&self.pattern.as_str())
    }

    /// Records an answer.
    pub fn answered(&self, status: u16, took: Duration) {
        if let Some(class) = self.answered.get(usize::from(status / 100).saturating_sub(1)) {
            class.increment(1);
        }
        self.seconds.record(took);
    }
}
