//! Connections that are kept for the next unit of work. Whoever needs one more opens it himself, so that he
//! hears at once why that failed; and once it did fail, one at a time tries while nobody waits long.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, TransactionManager};

use super::conn::Conn;
use super::each;

/// How long anybody waits for a connection that others have.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// The same while the server is known to be away: a little, because somebody is just trying.
pub(super) const LITTLE_PATIENCE: Duration = Duration::from_millis(250);
/// How long a connection may lie idle: firewalls forget silent ones, and do not say so.
const IDLE: Duration = Duration::from_secs(300);
/// How old a connection may get, so that all servers behind one name are found in time.
const AGE: Duration = Duration::from_secs(1800);

/// Connections to one database, a bounded number.
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
    /// The one used last comes last.
    idle: Vec<Kept>,
    /// How many are lent or being opened.
    taken: u32,
    /// How many wait for their turn: to wake nobody costs a system call as well.
    waiting: u32,
    /// Connections of an older one are thrown away: the server they led to went away.
    generation: u64,
    /// Why no connection could be had when somebody last tried.
    away: Option<String>,
    /// Whether somebody is trying, now that the server is away.
    tried: bool,
    /// How often it was found to be away.
    failures: u64,
}

struct Kept {
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

    /// A kept connection, or a new one; else why there is none.
    pub(super) fn take(&self) -> Result<Lent, String> {
        let begun = Instant::now();
        let mut shared = self.lock();
        let failures = shared.failures;
        loop {
            let (kept, old) = shared.pick(begun);
            let may_open = shared.taken < self.0.size && !(shared.away.is_some() && shared.tried);
            if kept.is_some() || may_open {
                shared.taken += 1;
                shared.tried |= kept.is_none() && shared.away.is_some();
                let generation = shared.generation;
                drop(shared);
                drop(old);
                let place = Place(self.clone());
                return match kept {
                    Some(kept) => Ok(Lent { kept, reused: true, place }),
                    None => self.open(generation, place),
                };
            }
            let patience = shared.patience().saturating_sub(begun.elapsed());
            match &shared.away {
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

    fn open(&self, generation: u64, place: Place) -> Result<Lent, String> {
        let opened = (self.0.open)();
        let mut shared = self.lock();
        shared.tried = false;
        shared.away = opened.as_ref().err().cloned();
        shared.failures += u64::from(opened.is_err());
        drop(shared);
        self.0.changed.notify_all();
        let now = Instant::now();
        opened.map(|conn| Lent {
            kept: Kept { conn, generation, opened: now, used: now },
            reused: false,
            place,
        })
    }

    /// How long to wait for a turn.
    pub(super) fn patience(&self) -> Duration {
        self.lock().patience()
    }

    /// Somebody waited in vain for an answer: what is kept for others would not get one either.
    pub(super) fn is_silent(&self, cause: &str) {
        let mut shared = self.lock();
        shared.failures += 1;
        shared.away = Some(cause.into());
        let dead = shared.forget();
        drop(shared);
        drop(dead);
        self.0.changed.notify_all();
    }

    /// How many connections are lent, and how many lie idle.
    pub(super) fn counts(&self) -> (u32, u32) {
        let shared = self.lock();
        (shared.taken, u32::try_from(shared.idle.len()).unwrap_or(u32::MAX))
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn patience(&self) -> Duration {
        if self.away.is_some() { LITTLE_PATIENCE } else { PATIENCE }
    }

    /// The connection used last, and those that have been kept for too long.
    fn pick(&mut self, now: Instant) -> (Option<Kept>, Vec<Kept>) {
        let is_old = |kept: &mut Kept| now - kept.used > IDLE || now - kept.opened > AGE;
        let old = self.idle.extract_if(.., is_old).collect();
        (self.idle.pop(), old)
    }

    /// Leaves no connection that was opened before this moment to be used again.
    fn forget(&mut self) -> Vec<Kept> {
        self.generation += 1;
        std::mem::take(&mut self.idle)
    }
}

/// One of the bounded number; given up when dropped.
struct Place(Pool);

impl Drop for Place {
    fn drop(&mut self) {
        let Place(pool) = self;
        let mut shared = pool.lock();
        shared.taken -= 1;
        let is_awaited = shared.waiting > 0;
        drop(shared);
        if is_awaited {
            pool.0.changed.notify_one();
        }
    }
}

/// A connection on loan; one that is only dropped, as by a panic, is closed.
pub(super) struct Lent {
    kept: Kept,
    /// Whether it was used before, so that it may have died since.
    pub(super) reused: bool,
    place: Place,
}

impl Lent {
    /// The connection itself.
    pub(super) fn conn(&mut self) -> &mut Conn {
        &mut self.kept.conn
    }

    /// Keeps the connection for others.
    pub(super) fn give_back(mut self) {
        let is_broken =
            each!(&mut self.kept.conn, |c| AnsiTransactionManager::is_broken_transaction_manager(c));
        let mut shared = self.place.0.lock();
        if self.kept.generation == shared.generation && !is_broken {
            shared.away = None;
            self.kept.used = Instant::now();
            shared.idle.push(self.kept);
        }
    }

    /// Closes the connection, and with it all that lead to the same server.
    pub(super) fn throw_away(self) {
        let mut shared = self.place.0.lock();
        let dead = (self.kept.generation == shared.generation).then(|| shared.forget());
        drop(shared);
        drop(dead);
    }
}
