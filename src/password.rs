//! Passwords of people: which are acceptable, how they are hashed, and the queue for hashing.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ::metrics::Gauge;
use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, PasswordHasher, Version};
use data_encoding::BASE64_NOPAD;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::background::{Urgency, lower_priority};
use crate::secret;

mod metrics; // the queue

pub use self::metrics::QueueMetrics;

/// Memory (KiB), passes and lanes of Argon2id for new hashes.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// How long a sign-in may wait for a permit before it is refused.
const QUEUE: Duration = Duration::from_secs(2);
/// How long an idle hashing thread, with its buffer, is kept.
const IDLE: Duration = Duration::from_secs(10);

/// The largest factor by which normal form C lengthens a text, in UTF-8.
///
/// Spec: UAX 15 §9.1 (maximum expansion)
const LONGEST_NFC: usize = 3;

/// Why a new password is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unacceptable {
    /// Fewer than 12 characters.
    #[error("a password needs at least 12 characters")]
    TooShort,
    /// More than 128 characters.
    #[error("a password can have at most 128 characters")]
    TooLong,
    /// It is in the list of common passwords.
    #[error("this password is among the first that attackers try")]
    Common,
}

/// A password in Unicode normal form C; wiped when dropped.
pub struct Password(Zeroizing<String>);

impl Password {
    /// A password from the sign-in form, of any length: only a wrong one may be refused.
    pub fn presented(typed: &str) -> Password {
        // Allocated for the longest normal form: a string that grows leaves unwiped copies behind.
        let mut normal = Zeroizing::new(String::with_capacity(typed.len().saturating_mul(LONGEST_NFC)));
        normal.extend(typed.nfc());
        Password(normal)
    }

    /// A new password, if it is acceptable.
    pub fn chosen(typed: &str) -> Result<Password, Unacceptable> {
        let password = Password::presented(typed);
        match password.0.chars().count() {
            0..12 => Err(Unacceptable::TooShort),
            129.. => Err(Unacceptable::TooLong),
            _ if is_common(&password.0) => Err(Unacceptable::Common),
            _ => Ok(password),
        }
    }

    /// Hashes for storage, as a PHC string. Takes tens of milliseconds: not for a thread that serves requests.
    pub fn hash(&self) -> Result<String, HashingFailed> {
        let (memory, passes, lanes) = COST;
        let params = Params::new(memory, passes, lanes, None)?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash: PasswordHash = argon.hash_password_with_salt(self.0.as_bytes(), &secret::random::<16>())?;
        Ok(hash.to_string())
    }
}

fn is_common(password: &str) -> bool {
    let folded = Zeroizing::new(password.to_lowercase());
    let mut characters = folded.chars();
    let repeated = characters.next().is_some_and(|first| characters.all(|other| other == first));
    repeated || include_str!("password/common.txt").lines().any(|common| common == folded.as_str())
}

/// Argon2 refused its input.
#[derive(Debug, thiserror::Error)]
#[error("password hashing failed: {0}")]
pub struct HashingFailed(String);

impl From<argon2::Error> for HashingFailed {
    fn from(error: argon2::Error) -> Self {
        HashingFailed(error.to_string())
    }
}

impl From<argon2::password_hash::Error> for HashingFailed {
    fn from(error: argon2::password_hash::Error) -> Self {
        HashingFailed(error.to_string())
    }
}

/// Why a password was not compared at all.
#[derive(Debug, thiserror::Error)]
pub enum VerifyFailure {
    /// The queue is full, or the wait for a permit was too long.
    #[error("the queue for password hashing is full")]
    Busy,
    /// A stored hash cannot be parsed, or the hashing thread failed.
    #[error(transparent)]
    Failed(#[from] HashingFailed),
}

/// The length of the queue for each hashing thread: as many as it serves within [`QUEUE`].
const QUEUE_LENGTH: usize = 100;

thread_local! {
    /// The memory of Argon2, reused by a hashing thread.
    static BUFFER: RefCell<Vec<Block>> = const { RefCell::new(vec![]) };
}

/// Verifies passwords on separate threads, half as many as there are cores.
pub struct PasswordVerifier {
    threads: HashingThreads,
    permits: Arc<Semaphore>,
    /// Sign-ins from unknown devices wait for one of these before they wait for `permits`.
    unknown_devices: Semaphore,
    /// How many sign-ins wait or hash, and how many may.
    waiting: Arc<AtomicUsize>,
    most_waiting: usize,
    /// A hash that no password has. It is compared when there is no account, at the same cost.
    no_match: String,
    measured: QueueMetrics,
}

impl Default for PasswordVerifier {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = (cores / 2).max(1);
        PasswordVerifier {
            threads: HashingThreads::new(threads),
            permits: Arc::new(Semaphore::new(threads)),
            unknown_devices: Semaphore::new(threads),
            waiting: Arc::default(),
            most_waiting: threads * QUEUE_LENGTH,
            no_match: no_match(),
            measured: QueueMetrics::default(),
        }
    }
}

impl PasswordVerifier {
    /// The same verifier with metrics of its queue.
    pub fn measured(self, measured: QueueMetrics) -> PasswordVerifier {
        PasswordVerifier { measured, ..self }
    }

    /// Tells whether `password` matches the hash `stored`. Without a hash it does not, at the same cost. Half of the queue
    /// is reserved for devices where the person has signed in before.
    ///
    /// Spec: OWASP ASVS 2.4; the same message and the same work for unknown person and wrong password
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<String>,
        known_device: bool,
    ) -> Result<bool, VerifyFailure> {
        let entry = QueueEntry::new(&self.waiting, &self.measured.waiting);
        if entry.position > self.most(known_device) {
            return Err(VerifyFailure::Busy);
        }
        let begun = Instant::now();
        let permit = tokio::time::timeout(QUEUE, self.permit(known_device)).await;
        self.measured.waited.record(begun.elapsed());
        let Ok(Ok(permit)) = permit else { return Err(VerifyFailure::Busy) };
        let begun = Instant::now();
        let known = stored.is_some();
        let hash = stored.unwrap_or_else(|| self.no_match.clone());
        let same = self.threads.run(move || {
            let same = BUFFER.with_borrow_mut(|buffer| compare(&password, &hash, buffer));
            // Released here, because the thread is busy until now even if the request was dropped.
            drop(permit);
            same
        });
        let same = same.await??;
        self.measured.hashed.record(begun.elapsed());
        Ok(known && same)
    }

    /// Tells whether the queue is full, so that nothing needs to be begun.
    pub fn is_full(&self, known_device: bool) -> bool {
        self.waiting.load(Ordering::Relaxed) >= self.most(known_device)
    }

    fn most(&self, known_device: bool) -> usize {
        if known_device { self.most_waiting } else { self.most_waiting / 2 }
    }

    /// Waits for a permit. Unknown devices have a queue before this one, so that few of them are ever ahead of a known
    /// device.
    async fn permit(&self, known_device: bool) -> Result<OwnedSemaphorePermit, AcquireError> {
        let _admitted = if known_device { None } else { Some(self.unknown_devices.acquire().await?) };
        Arc::clone(&self.permits).acquire_owned().await
    }
}

/// Threads for hashing alone, so that no other work waits for one. They are started on demand and end when idle.
struct HashingThreads(Option<Runtime>);

impl HashingThreads {
    fn new(most: usize) -> HashingThreads {
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.max_blocking_threads(most).thread_keep_alive(IDLE).thread_name("hashing");
        let runtime = runtime.on_thread_start(|| lower_priority(Urgency::Soon));
        HashingThreads(runtime.build().ok())
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashingFailed> {
        let runtime = self.0.as_ref().ok_or_else(|| HashingFailed("there are no threads for it".into()))?;
        runtime.spawn_blocking(work).await.map_err(|error| HashingFailed(error.to_string()))
    }
}

impl Drop for HashingThreads {
    fn drop(&mut self) {
        // Does not wait for running hashes: their results are not needed any more.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A hash that no password has, of the usual cost: salt and output are random.
fn no_match() -> String {
    let (memory, passes, lanes) = COST;
    let (salt, output) = (secret::random::<16>(), secret::random::<32>());
    let (salt, output) = (BASE64_NOPAD.encode(&salt), BASE64_NOPAD.encode(&output));
    format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${output}")
}

/// An entry in the queue; removed when dropped.
struct QueueEntry<'a> {
    queue: Arc<AtomicUsize>,
    gauge: &'a Gauge,
    /// Number of entries, this one included.
    position: usize,
}

impl<'a> QueueEntry<'a> {
    fn new(queue: &Arc<AtomicUsize>, gauge: &'a Gauge) -> QueueEntry<'a> {
        gauge.increment(1.0);
        QueueEntry { position: queue.fetch_add(1, Ordering::Relaxed) + 1, queue: Arc::clone(queue), gauge }
    }
}

impl Drop for QueueEntry<'_> {
    fn drop(&mut self) {
        self.gauge.decrement(1.0);
        self.queue.fetch_sub(1, Ordering::Relaxed);
    }
}

fn compare(password: &Password, stored: &str, buffer: &mut Vec<Block>) -> Result<bool, HashingFailed> {
    let stored = PasswordHash::new(stored).map_err(|error| HashingFailed(error.to_string()))?;
    let (Some(salt), Some(expected)) = (stored.salt.as_ref(), stored.hash.as_ref()) else {
        return Err(HashingFailed("a stored hash has no salt or no output".into()));
    };
    let params = Params::try_from(&stored)?;
    buffer.resize(params.block_count(), Block::default());
    let mut computed = Zeroizing::new(vec![0; Output::len(expected)]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into_with_memory(
        password.0.as_bytes(),
        Salt::as_ref(salt),
        &mut computed,
        &mut buffer[..],
    )?;
    Ok(secret::same(&computed, expected.as_bytes()))
}
