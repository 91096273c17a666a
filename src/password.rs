//! People's passwords: what is acceptable, how they are hashed, and how much hashing may go on at once.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, PasswordHasher, Version};
use data_encoding::BASE64_NOPAD;
use metrics::Gauge;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::aside::{Urgency, step_aside};
use crate::secret;
use crate::telemetry::metrics::Passwords;

/// Memory (KiB), passes and lanes of Argon2id for new hashes.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// How long a login may wait for its turn before it is told to try again.
const QUEUE: Duration = Duration::from_secs(2);
/// How long a hashing thread with nothing to do keeps itself and its buffer.
const IDLE: Duration = Duration::from_secs(10);

/// How many times as long as a text its normal form C may be, in UTF-8.
///
/// Spec: UAX 15 §9.1 (maximum expansion)
const LONGEST_NFC: usize = 3;

/// Why a password cannot be chosen.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unacceptable {
    /// Fewer than 12 characters.
    #[error("a password needs at least 12 characters")]
    TooShort,
    /// More than 128 characters.
    #[error("a password can have at most 128 characters")]
    TooLong,
    /// Found in the list of passwords that attackers try first.
    #[error("this password is among the first that attackers try")]
    Common,
}

/// A password in Unicode normal form C; wiped when dropped.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes what a person typed when signing in: any length, so that the answer stays the same.
    pub fn presented(typed: &str) -> Password {
        // Room for the longest normal form: a string that grows leaves copies of itself behind.
        let mut normal = Zeroizing::new(String::with_capacity(typed.len().saturating_mul(LONGEST_NFC)));
        normal.extend(typed.nfc());
        Password(normal)
    }

    /// Takes a new password, if it is good enough to be chosen.
    pub fn chosen(typed: &str) -> Result<Password, Unacceptable> {
        let password = Password::presented(typed);
        match password.0.chars().count() {
            0..12 => Err(Unacceptable::TooShort),
            129.. => Err(Unacceptable::TooLong),
            _ if is_common(&password.0) => Err(Unacceptable::Common),
            _ => Ok(password),
        }
    }

    /// Hashes for storage, as a PHC string. Takes tens of milliseconds: call it off the request threads.
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

/// Argon2 refused its input; says what about.
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
    /// Too many people are signing in at this moment; nothing was compared.
    #[error("the queue for password hashing is full")]
    Busy,
    /// A stored hash cannot be read, or the hashing thread died.
    #[error(transparent)]
    Failed(#[from] HashingFailed),
}

/// How many can get their turn within [`QUEUE`], for each that hashes at a time.
const QUEUE_LENGTH: usize = 100;

thread_local! {
    /// What a hashing thread fills again and again; given back when the thread ends.
    static BUFFER: RefCell<Vec<Block>> = const { RefCell::new(vec![]) };
}

/// Verifies passwords on threads of its own, half as many as there are cores.
pub struct Verifier {
    threads: Threads,
    turns: Arc<Semaphore>,
    strangers: Semaphore,
    /// How many wait or hash, and how many may.
    waiting: Arc<AtomicUsize>,
    most_waiting: usize,
    /// A hash that no password has: an unknown person costs what a known one costs.
    nobody: String,
    measured: Passwords,
}

impl Default for Verifier {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let turns = (cores / 2).max(1);
        Verifier {
            threads: Threads::new(turns),
            turns: Arc::new(Semaphore::new(turns)),
            strangers: Semaphore::new(turns),
            waiting: Arc::default(),
            most_waiting: turns * QUEUE_LENGTH,
            nobody: nobody(),
            measured: Passwords::default(),
        }
    }
}

impl Verifier {
    /// The same verifier, whose queue is measured.
    pub fn measured(self, measured: Passwords) -> Verifier {
        Verifier { measured, ..self }
    }

    /// Tells whether `password` is the one behind `stored`; without a stored hash the answer is no, at
    /// the same cost. Half of the queue is kept for devices where the person has signed in before.
    ///
    /// Spec: OWASP ASVS 2.4; the same message and the same work for unknown person and wrong password
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<String>,
        known_device: bool,
    ) -> Result<bool, VerifyFailure> {
        let place = Place::take(&self.waiting, &self.measured.waiting);
        if place.number > self.most(known_device) {
            return Err(VerifyFailure::Busy);
        }
        let begun = Instant::now();
        let turn = tokio::time::timeout(QUEUE, self.turn(known_device)).await;
        self.measured.waited.record(begun.elapsed());
        let Ok(Ok(turn)) = turn else { return Err(VerifyFailure::Busy) };
        let begun = Instant::now();
        let known = stored.is_some();
        let hash = stored.unwrap_or_else(|| self.nobody.clone());
        let same = self.threads.run(move || {
            let same = BUFFER.with_borrow_mut(|buffer| compare(&password, &hash, buffer));
            // Given back here: whoever asked may be gone, and the thread is busy until now.
            drop(turn);
            same
        });
        let same = same.await??;
        self.measured.hashed.record(begun.elapsed());
        Ok(known && same)
    }

    /// Tells whether there is no place left, so that nothing needs to be begun.
    pub fn is_full(&self, known_device: bool) -> bool {
        self.waiting.load(Ordering::Relaxed) >= self.most(known_device)
    }

    fn most(&self, known_device: bool) -> usize {
        if known_device { self.most_waiting } else { self.most_waiting / 2 }
    }

    /// Waits for a turn. Strangers queue before the queue, so that of all who wait only a few of them are ever
    /// ahead of somebody on a known device.
    async fn turn(&self, known_device: bool) -> Result<OwnedSemaphorePermit, AcquireError> {
        let _first_in_line = if known_device { None } else { Some(self.strangers.acquire().await?) };
        Arc::clone(&self.turns).acquire_owned().await
    }
}

/// Threads that do nothing but hash, so that whoever does anything else never waits for one of them. They
/// begin when there is something to do, and end when there has been nothing for a while.
struct Threads(Option<Runtime>);

impl Threads {
    fn new(most: usize) -> Threads {
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.max_blocking_threads(most).thread_keep_alive(IDLE).thread_name("hashing");
        let runtime = runtime.on_thread_start(|| step_aside(Urgency::Soon));
        Threads(runtime.build().ok())
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashingFailed> {
        let runtime = self.0.as_ref().ok_or_else(|| HashingFailed("there are no threads for it".into()))?;
        runtime.spawn_blocking(work).await.map_err(|error| HashingFailed(error.to_string()))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // What still hashes is not waited for: its outcome has no more use.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A hash that no password has, of the usual cost: its salt and output are random.
fn nobody() -> String {
    let (memory, passes, lanes) = COST;
    let (salt, output) = (secret::random::<16>(), secret::random::<32>());
    let (salt, output) = (BASE64_NOPAD.encode(&salt), BASE64_NOPAD.encode(&output));
    format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${output}")
}

/// A place in the queue, given up when dropped.
struct Place<'a> {
    queue: Arc<AtomicUsize>,
    shown: &'a Gauge,
    number: usize,
}

impl<'a> Place<'a> {
    fn take(queue: &Arc<AtomicUsize>, shown: &'a Gauge) -> Place<'a> {
        shown.increment(1.0);
        Place { number: queue.fetch_add(1, Ordering::Relaxed) + 1, queue: Arc::clone(queue), shown }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.shown.decrement(1.0);
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
