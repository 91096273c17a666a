//! What is counted and measured. The handles of a store, of the queue for passwords and of a route are kept
//! where these are; all others are here.

use std::time::{Duration, Instant};

use metrics::{Counter, Gauge, Histogram};
use time::OffsetDateTime;

use super::process::Process;
use super::registry::Registry;

/// The routes that load balancers and supervisors ask.
pub const PROBES: [&str; 2] = ["/livez", "/readyz"];

/// The numbers of one provider.
pub struct Metrics {
    /// Where they all are; whoever has more to count asks here for a handle and keeps it.
    pub registry: Registry,
    /// Requests that are being answered.
    pub in_flight: Gauge,
    /// Requests that no route was found for, or that were refused before one was looked for.
    pub unmatched: Route,
    /// Attempts to sign in.
    pub sign_ins: SignIns,
    /// Tokens handed out.
    pub issued: Issued,
    /// What the sweeper did.
    pub sweeps: Sweeps,
    /// What the operating system says.
    pub process: Process,
}

impl Metrics {
    /// Makes the handles for a process that begins at this instant; when it is not `on` they do nothing.
    pub fn new(on: bool, begun: OffsetDateTime) -> Metrics {
        let registry = Registry::new(on);
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        registry.gauge("countersign_build_info", "The version that runs; always 1", &version).set(1.0);
        Metrics {
            in_flight: registry.gauge(
                "countersign_http_requests_in_flight",
                "Requests being answered at this moment",
                &[],
            ),
            unmatched: Route::new(&registry, "unmatched"),
            sign_ins: SignIns::new(&registry),
            issued: Issued::new(&registry),
            sweeps: Sweeps::new(&registry),
            process: Process::new(&registry, begun),
            registry,
        }
    }

    /// The handles of one route, named by its pattern.
    pub fn route(&self, pattern: &str) -> Route {
        Route::new(&self.registry, pattern)
    }

    /// The handles of one store.
    pub fn store(&self, name: &str) -> Store {
        Store::new(&self.registry, name)
    }

    /// The handles of the queue for password hashing.
    pub fn passwords(&self) -> Passwords {
        Passwords::new(&self.registry)
    }

    /// Shows when the TLS certificate in use ends.
    pub fn certificate_expiry(&self) -> Gauge {
        self.registry.gauge(
            "countersign_tls_certificate_expiry_timestamp_seconds",
            "When the TLS certificate in use expires",
            &[],
        )
    }

    /// Takes down how old the key is that signs with an algorithm, when the next one takes over, and whether
    /// that one is public already.
    pub fn signing_key(&self, alg: &str, age: f64, next: f64, has_spare: bool) {
        for (name, help, value) in [
            ("countersign_signing_key_age_seconds", "How long the key that signs has been doing so", age),
            ("countersign_signing_key_next_seconds", "Until the next key takes over", next),
            (
                "countersign_signing_key_spare",
                "1 when the next key is public, so that it could take over in an emergency",
                f64::from(u8::from(has_spare)),
            ),
        ] {
            self.registry.gauge(name, help, &[("alg", alg)]).set(value);
        }
    }

    /// Takes down how much a store was asked so far.
    pub fn asked(&self, store: &str, statements: u64) {
        let help = "Statements a database, or commands Redis, was asked";
        self.registry
            .counter("countersign_store_statements_total", help, &[("store", store)])
            .absolute(statements);
    }

    /// Takes down how many events of sign-ins wait to be written, and how many were lost because too many
    /// waited, or because the store did not take them.
    pub fn events(&self, waiting: u64, full: u64, refused: u64) {
        let help = "Events of sign-ins that wait to be written down";
        let waiting = f64::from(u32::try_from(waiting).unwrap_or(u32::MAX));
        self.registry.gauge("countersign_events_waiting", help, &[]).set(waiting);
        for (cause, lost) in [("full", full), ("store", refused)] {
            let help = "Events of sign-ins that were lost";
            self.registry.counter("countersign_events_lost_total", help, &[("cause", cause)]).absolute(lost);
        }
    }

    /// Takes down how many connections a pool has at this moment.
    pub fn connections(&self, store: &str, pool: &str, in_use: u32, idle: u32) {
        for (state, count) in [("in_use", in_use), ("idle", idle)] {
            let labels = [("store", store), ("pool", pool), ("state", state)];
            let help = "Connections to the database";
            self.registry.gauge("countersign_database_connections", help, &labels).set(f64::from(count));
        }
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
    fn new(registry: &Registry, pattern: &str) -> Route {
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

    /// Tells whether a machine asks here every second, for itself alone.
    pub fn is_probe(&self) -> bool {
        PROBES.contains(&self.pattern.as_str())
    }

    /// Counts an answer.
    pub fn answered(&self, status: u16, took: Duration) {
        if let Some(class) = self.answered.get(usize::from(status / 100).saturating_sub(1)) {
            class.increment(1);
        }
        self.seconds.record(took);
    }
}

/// A request being answered, counted until it is dropped: a visitor may go away before the answer.
pub struct InFlight<'a>(&'a Gauge);

impl<'a> InFlight<'a> {
    /// Counts one more.
    pub fn begin(gauge: &'a Gauge) -> InFlight<'a> {
        gauge.increment(1.0);
        InFlight(gauge)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// How attempts to sign in ended.
pub struct SignIns {
    /// Somebody is signed in.
    pub ok: Counter,
    /// The account is known, the password was another one.
    pub wrong_password: Counter,
    /// No account has the typed name.
    pub unknown_name: Counter,
    /// The password was right, the account is disabled.
    pub disabled: Counter,
    /// There were too many failures before.
    pub throttled: Counter,
    /// The same by the counter that was over its limit.
    pub throttled_by: Throttled,
    /// The queue for password hashing was full, or a store was away.
    pub unavailable: Counter,
}

impl SignIns {
    fn new(registry: &Registry) -> SignIns {
        let counter = |result| {
            registry.counter("countersign_sign_ins_total", "Attempts to sign in", &[("result", result)])
        };
        SignIns {
            ok: counter("ok"),
            wrong_password: counter("wrong_password"),
            unknown_name: counter("unknown_name"),
            disabled: counter("disabled"),
            throttled: counter("throttled"),
            throttled_by: Throttled::new(registry),
            unavailable: counter("unavailable"),
        }
    }
}

/// What turned attempts to sign in away.
pub struct Throttled {
    /// Failures from the network, whatever the name.
    pub network: Counter,
    /// Failures for the account from the network.
    pub account_and_network: Counter,
    /// Failures for the account in browsers that do not know it.
    pub account: Counter,
    /// Failures in a browser where the account has signed in before.
    pub device: Counter,
}

impl Throttled {
    fn new(registry: &Registry) -> Throttled {
        let counter = |counter| {
            registry.counter(
                "countersign_sign_ins_throttled_total",
                "Attempts to sign in that were turned away unread, by the counter over its limit",
                &[("counter", counter)],
            )
        };
        Throttled {
            network: counter("network"),
            account_and_network: counter("account_and_network"),
            account: counter("account"),
            device: counter("device"),
        }
    }
}

/// Answers of the token endpoint that carried tokens.
pub struct Issued {
    /// For a code.
    pub authorization_code: Counter,
}

impl Issued {
    fn new(registry: &Registry) -> Issued {
        let counter = |grant| {
            registry.counter(
                "countersign_tokens_issued_total",
                "Token answers by grant_type",
                &[("grant_type", grant)],
            )
        };
        Issued { authorization_code: counter("authorization_code") }
    }
}

/// The work of the sweeper.
pub struct Sweeps {
    main: Counter,
    state: Counter,
    last: Gauge,
    /// Sweeps that failed.
    pub failed: Counter,
}

impl Sweeps {
    /// Counts what one step swept.
    pub fn swept(&self, values: usize, rows: usize, now: OffsetDateTime) {
        self.state.increment(values as u64);
        self.main.increment(rows as u64);
        self.last.set(seconds(now));
    }

    fn new(registry: &Registry) -> Sweeps {
        let rows = |store| {
            registry.counter(
                "countersign_swept_total",
                "Expired rows and values that were deleted",
                &[("store", store)],
            )
        };
        Sweeps {
            main: rows("main"),
            state: rows("state"),
            failed: registry.counter("countersign_sweep_failures_total", "Sweeps that failed", &[]),
            last: registry.gauge(
                "countersign_sweep_last_success_timestamp_seconds",
                "When the last sweep succeeded",
                &[],
            ),
        }
    }
}

/// The operations of one store.
#[derive(Clone)]
pub struct Store {
    /// Operations that only read.
    pub read: Operation,
    /// Operations that may write.
    pub write: Operation,
}

impl Store {
    fn new(registry: &Registry, name: &str) -> Store {
        let operation = |kind: &str| {
            let errors = |cause: &str| {
                registry.counter(
                    "countersign_store_errors_total",
                    "Operations of a store that failed",
                    &[("store", name), ("operation", kind), ("cause", cause)],
                )
            };
            Operation {
                seconds: registry.seconds(
                    "countersign_store_operation_duration_seconds",
                    "How long an operation of a store took, waiting for its turn included",
                    &[("store", name), ("operation", kind)],
                ),
                unreachable: errors("unreachable"),
                failed: errors("failed"),
            }
        };
        Store { read: operation("read"), write: operation("write") }
    }
}

impl Default for Store {
    /// Handles that do nothing.
    fn default() -> Store {
        Store::new(&Registry::new(false), "")
    }
}

/// One kind of operation.
#[derive(Clone)]
pub struct Operation {
    seconds: Histogram,
    unreachable: Counter,
    failed: Counter,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was done.
    Done,
    /// The store did not answer, or not in time.
    Unreachable,
    /// The store refused it.
    Failed,
}

impl Operation {
    /// Counts one that began at this instant.
    pub fn ended(&self, begun: Instant, how: Ended) {
        self.seconds.record(begun.elapsed());
        match how {
            Ended::Done => (),
            Ended::Unreachable => self.unreachable.increment(1),
            Ended::Failed => self.failed.increment(1),
        }
    }
}

/// The queue for password hashing.
#[derive(Clone)]
pub struct Passwords {
    /// How many wait or hash.
    pub waiting: Gauge,
    /// How long they waited.
    pub waited: Histogram,
    /// How long hashing took.
    pub hashed: Histogram,
}

impl Passwords {
    fn new(registry: &Registry) -> Passwords {
        Passwords {
            waiting: registry.gauge(
                "countersign_password_queue_length",
                "Sign-ins that wait for their turn to hash a password, or hash it",
                &[],
            ),
            waited: registry.seconds(
                "countersign_password_queue_wait_seconds",
                "How long a sign-in waited for its turn",
                &[],
            ),
            hashed: registry.seconds(
                "countersign_password_hash_duration_seconds",
                "How long hashing a password took",
                &[],
            ),
        }
    }
}

impl Default for Passwords {
    /// Handles that do nothing.
    fn default() -> Passwords {
        Passwords::new(&Registry::new(false))
    }
}

/// An instant as Prometheus has it.
pub fn seconds(instant: OffsetDateTime) -> f64 {
    (instant - OffsetDateTime::UNIX_EPOCH).as_seconds_f64()
}
