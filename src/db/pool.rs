//! Connection pool. A connection is opened in the calling thread, so that the cause of a failure is reported at once.
//! After a failure one thread at a time tries to connect, and the others wait for a short time only.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, TransactionManager};

use super::conn::Conn;
use super::each;

/// The longest wait for a connection that is in use.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// The same while the server is unavailable: short, but long enough for the attempt that is under way.
pub(super) const LITTLE_PATIENCE: Duration = Duration::from_millis(250);
/// Longest idle time of a connection: firewalls drop the state of silent connections without notice.
const IDLE: Duration = Duration::from_secs(300);
/// Longest life of a connection, so that a change of the servers behind one name is noticed in time.
const AGE: Duration = Duration::from_secs(1800);

/// Connections to one database. Their number is bounded.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    open: Box<dyn Fn() -> Result<Conn, String> + Send + Sync>,
    size: u32,
    shared: Mutex<Shared>,
    changed: Condvar,
}

#[derive(Default)]
struct Shared {
    /// Idle connections; the one used last comes last.
    idle: Vec<Idle>,
    /// Number of permits in use: connections that are leased or being opened.
    permits: u32,
    /// Number of waiting threads. Without any, no notification is sent, because each costs a system call.
    waiting: u32,
    /// Connections of an earlier generation are closed and not reused: their server became unavailable.
    generation: u64,
    /// Why the last attempt to connect failed; none when it succeeded.
    outage: Option<String>,
    /// Whether a thread is trying to connect during an outage.
    is_connecting: bool,
    /// Number of failed attempts.
    failures: u64,
}

/// An open connection that no unit of work uses.
struct Idle {
    conn: Conn,
    generation: u64,
    opened: Instant,
    used: Instant,
}

impl Pool {
    pub(super) fn new(size: u32, open: impl Fn() -> Result<Conn, String> + Send + Sync + 'static) -> Pool {
        Pool(Arc::new(Inner {
            open: Box::new(open),
            size,
            shared: Mutex::default(),
            changed: Condvar::new(),
        }))
    }

    /// Leases an idle connection, or a new one. Fails with the cause when there is none.
    pub(super) fn take(&self) -> Result<Lease, String> {
        let begun = Instant::now();
        let mut shared = self.lock();
        let failures = shared.failures;
        loop {
            let (idle, expired) = shared.pick(begun);
            let may_open = shared.permits < self.0.size && !(shared.outage.is_some() && shared.is_connecting);
            if idle.is_some() || may_open {
                shared.permits += 1;
                shared.is_connecting |= idle.is_none() && shared.outage.is_some();
                let generation = shared.generation;
                drop(shared);
                drop(expired);
                let permit = Permit(self.clone());
                return match idle {
                    Some(idle) => Ok(Lease { idle, reused: true, permit }),
                    None => self.open(generation, permit),
                };
            }
            let patience = shared.patience().saturating_sub(begun.elapsed());
            match &shared.outage {
                Some(cause) if shared.failures != failures || patience.is_zero() => return Err(cause.clone()),
                None if patience.is_zero() => {
                    return Err(format!("all {} connections are in use", self.0.size));
                }
                _ => (),
            }
            shared.waiting += 1;
            let waited = self.0.changed.wait_timeout(shared, patience);
            shared = waited.unwrap_or_else(PoisonError::into_inner).0;
            shared.waiting -= 1;
        }
    }

    fn open(&self, generation: u64, permit: Permit) -> Result<Lease, String> {
        let opened = (self.0.open)();
        let mut shared = self.lock();
        shared.is_connecting = false;
        shared.outage = opened.as_ref().err().cloned();
        shared.failures += u64::from(opened.is_err());
        drop(shared);
        self.0.changed.notify_all();
        let now = Instant::now();
        opened.map(|conn| Lease {
            idle: Idle { conn, generation, opened: now, used: now },
            reused: false,
            permit,
        })
    }

    /// The longest wait for a permit.
    pub(super) fn patience(&self) -> Duration {
        self.lock().patience()
    }

    /// Records that the server did not answer. Idle connections are closed, because they would get no answer either.
    pub(super) fn report_silence(&self, cause: &str) {
        let mut shared = self.lock();
        shared.failures += 1;
        shared.outage = Some(cause.into());
        let dead = shared.forget();
        drop(shared);
        drop(dead);
        self.0.changed.notify_all();
    }

    /// Number of permits in use, and of idle connections.
    pub(super) fn counts(&self) -> (u32, u32) {
        let shared = self.lock();
        (shared.permits, u32::try_from(shared.idle.len()).unwrap_or(u32::MAX))
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn patience(&self) -> Duration {
        if self.outage.is_some() { LITTLE_PATIENCE } else { PATIENCE }
    }

    /// Removes the connection used last, and all that are idle for too long or too old.
    fn pick(&mut self, now: Instant) -> (Option<Idle>, Vec<Idle>) {
        let is_expired = |idle: &mut Idle| now - idle.used > IDLE || now - idle.opened > AGE;
        let expired = self.idle.extract_if(.., is_expired).collect();
        (self.idle.pop(), expired)
    }

    /// Begins a new generation. Connections of the earlier ones are never reused.
    fn forget(&mut self) -> Vec<Idle> {
        self.generation += 1;
        std::mem::take(&mut self.idle)
    }
}

/// Permission for one connection; released when dropped.
struct Permit(Pool);

impl Drop for Permit {
    fn drop(&mut self) {
        let Permit(pool) = self;
        let mut shared = pool.lock();
        shared.permits -= 1;
        let is_awaited = shared.waiting > 0;
        drop(shared);
        if is_awaited {
            pool.0.changed.notify_one();
        }
    }
}

/// A leased connection. A lease that is dropped without being given back, as in a panic, closes its connection.
pub(super) struct Lease {
    idle: Idle,
    /// Whether the connection was used before, and may thus have been lost meanwhile.
    pub(super) reused: bool,
    permit: Permit,
}

impl Lease {
    /// The connection itself.
    pub(super) fn conn(&mut self) -> &mut Conn {
        &mut self.idle.conn
    }

    /// Returns the connection to the pool, unless its transaction is broken or its generation has passed.
    pub(super) fn give_back(mut self) {
        let is_broken =
            each!(&mut self.idle.conn, |c| AnsiTransactionManager::is_broken_transaction_manager(c));
        let mut shared = self.permit.0.lock();
        if self.idle.generation == shared.generation && !is_broken {
            shared.outage = None;
            self.idle.used = Instant::now();
            shared.idle.push(self.idle);
        }
    }

    /// Closes the connection, and all idle ones of its generation, which lead to the same server.
    pub(super) fn throw_away(self) {
        let mut shared = self.permit.0.lock();
        let dead = (self.idle.generation == shared.generation).then(|| shared.forget());
        drop(shared);
        drop(dead);
    }
}
