//! Background work: every node does it, and none waits for another.

use std::error::Error;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use tokio::sync::oneshot;

use crate::app::App;
use crate::db::DbError;
use crate::state::kv::Kv;
use crate::store::events::{self, Swept};
use crate::store::{self, facts};

use self::metrics::Sweeps;

mod metrics; // the sweeper

/// How often it is looked whether the state store still holds what it held.
const WATCH_EVERY: Duration = Duration::from_secs(5);
/// The fact under which its mark is kept, for when the nodes begin again as well.
const MARK: &str = "state_mark";
/// How often what has expired is swept away.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How much one step of it takes at most.
const SWEEP_AT_ONCE: usize = 500;
/// How long it lets others write between two steps.
const SWEEP_PAUSE: Duration = Duration::from_millis(100);
/// How long failures of clients gather at least before they are written down together.
const WRITE_FAILURES_EVERY: Duration = Duration::from_secs(1);
/// How long events of sign-ins gather at least before they are written down together.
const WRITE_EVENTS_EVERY: Duration = Duration::from_secs(1);
/// How often changes of clients are looked for: one is live on every node within about this.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often it is seen whether a checkpoint of the state store's file is due.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);
/// After how many statements one is due.
const CHECKPOINT_AFTER: u64 = 1000;
/// After what time one is, when there were fewer.
const CHECKPOINT_AT_LAST: Duration = Duration::from_secs(60);
/// How often sessions that are owed an end are looked for.
const END_EVERY: Duration = Duration::from_secs(5);

/// Starts all of it, for as long as the process lives.
pub fn start(app: &Arc<App>) {
    tokio::spawn(sweep(Arc::clone(app)));
    tokio::spawn(tend_keys(Arc::clone(app)));
    actix_web::rt::spawn(write_failures(Arc::clone(app)));
    actix_web::rt::spawn(write_events(Arc::clone(app)));
    actix_web::rt::spawn(end_sessions(Arc::clone(app)));
    if matches!(app.kv, Kv::Redis(_)) {
        actix_web::rt::spawn(watch_state(Arc::clone(app)));
    }
    actix_web::rt::spawn(look_at_clients(Arc::clone(app)));
    actix_web::rt::spawn(make_checkpoints(app.kv.clone()));
    tokio::spawn(watch_certificate(Arc::clone(app)));
}

/// Sees which clients were changed, so that those that were not may be kept in memory.
async fn look_at_clients(app: Arc<App>) {
    loop {
        if let Err(error) = app.clients.look().await {
            tracing::debug!(%error, "changes of clients cannot be seen: none is taken from memory");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Carries what was written to the state store's file ahead of it over into the file. Requests then never wait for that,
/// and its log stays short. Other stores look after themselves.
pub async fn make_checkpoints(kv: Kv) {
    let (mut made, mut last) = (kv.asked(), Instant::now());
    loop {
        tokio::time::sleep(CHECKPOINT_EVERY).await;
        let since = kv.asked() - made;
        if since < CHECKPOINT_AFTER && (since == 0 || last.elapsed() < CHECKPOINT_AT_LAST) {
            continue;
        }
        (made, last) = (kv.asked(), Instant::now());
        if let Err(error) = kv.checkpoint().await {
            tracing::warn!(%error, "no checkpoint of the state store could be made: its log grows");
        }
    }
}

/// Writes the failures of clients down as they come.
async fn write_failures(app: Arc<App>) {
    loop {
        app.state.failures.wait().await;
        if let Err(error) = app.state.failures.write_down(app.clock.now()).await {
            tracing::warn!(%error, "some failures of clients were not written down for their developers");
        }
        tokio::time::sleep(WRITE_FAILURES_EVERY).await;
    }
}

/// Writes events of sign-ins down as they come. Says once, and not every second, that some were lost.
async fn write_events(app: Arc<App>) {
    let mut lost = 0;
    loop {
        app.events.wait().await;
        if let Err(error) = app.events.write_down(app.clock.now()).await {
            tracing::warn!(%error, waiting = app.events.tally().waiting, "events of sign-ins are not written down yet");
        }
        let so_far = app.events.tally().lost();
        if so_far > lost {
            tracing::error!(lost = so_far - lost, "events of sign-ins were lost");
            lost = so_far;
        }
        tokio::time::sleep(WRITE_EVENTS_EVERY).await;
    }
}

/// Ends the sessions of people who were disabled, or got a new password, while nobody could: whoever made
/// that change could not reach the state store, or died on the way to it.
async fn end_sessions(app: Arc<App>) {
    loop {
        tokio::time::sleep(END_EVERY).await;
        if let Err(error) = end_owed(&app).await {
            tracing::warn!(%error, "the sessions of people who may no longer be signed in are not ended yet");
        }
    }
}

async fn end_owed(app: &App) -> Result<(), Box<dyn Error>> {
    for (user_id, since) in store::endings::owed(&app.db).await? {
        let ended = app.state.sessions.end_user(&user_id, app.clock.now()).await?;
        store::endings::done(&app.db, &user_id, since).await?;
        tracing::info!(%user_id, ended, "ended the sessions of a person who may no longer be signed in");
    }
    Ok(())
}

/// Takes a new TLS certificate when there is one.
async fn watch_certificate(app: Arc<App>) {
    if let Some(certificate) = &app.certificate {
        certificate.watch(&app.clock).await;
    }
}

/// Looks after the signing keys every few seconds, on a thread of its own: making an RSA key must keep no request
/// waiting, nor the end of the process.
async fn tend_keys(app: Arc<App>) {
    let every = app.config.keys.refresh().unsigned_abs();
    loop {
        tokio::time::sleep(every).await;
        let app = Arc::clone(&app);
        let (done, over) = oneshot::channel();
        let tending = thread::Builder::new().name("keys".into()).spawn(move || {
            // Who waited for it may be gone.
            let _ended = done.send(app.tend_keys());
        });
        match over.await {
            Ok(Ok(())) => (),
            Ok(Err(error)) => tracing::warn!(%error, "the signing keys could not be looked after"),
            Err(_) => tracing::error!(thread = ?tending, "looking after the signing keys failed"),
        }
    }
}

/// Tells the operator when Redis has forgotten everything: people are asked to sign in again, which looks
/// like no failure at all from here.
async fn watch_state(app: Arc<App>) {
    let mut known = None;
    loop {
        match has_been_emptied(&app, &mut known).await {
            Ok(false) => (),
            Ok(true) => tracing::error!(
                "the state store has been emptied: everybody has to sign in again, and what was under way is \
                 begun anew; Redis keeps what it holds over a restart with appendonly yes, and must evict \
                 nothing (maxmemory-policy noeviction)"
            ),
            // Every request that needs it says so already.
            Err(error) => tracing::debug!(%error, "the state store cannot be looked at"),
        }
        tokio::time::sleep(WATCH_EVERY).await;
    }
}

/// Tells whether the store has another mark than this node, or before it began any other, has seen.
async fn has_been_emptied(app: &App, known: &mut Option<String>) -> Result<bool, Box<dyn Error>> {
    let mark = app.state.mark.read(app.clock.now()).await?;
    if known.as_ref() == Some(&mark) {
        return Ok(false);
    }
    let seen = mark.clone();
    let recorded = app
        .db
        .write(move |conn| {
            let recorded = facts::get(conn, MARK)?;
            if recorded.as_ref() != Some(&seen) {
                facts::set(conn, MARK, &seen)?;
            }
            Ok(recorded)
        })
        .await?;
    let before = known.replace(mark.clone()).or(recorded);
    Ok(before.is_some_and(|before| before != mark))
}

/// Sweeps what has expired, for as long as the process lives: a little at a time, so that nobody waits
/// long for the writer, and again until nothing is left.
async fn sweep(app: Arc<App>) {
    let (mut events, sweeps) = (Swept::default(), Sweeps::new(&app.registry));
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let now = app.clock.now();
        loop {
            let swept = match (app.kv.sweep(now).await, sweep_rows(&app, &mut events, now).await) {
                (Ok(values), Ok((rows, most))) => {
                    sweeps.swept(values, rows, now);
                    values.max(most)
                }
                (values, rows) => {
                    let errors = [values.err().map(|e| e.to_string()), rows.err().map(|e| e.to_string())];
                    tracing::warn!(?errors, "sweeping failed");
                    sweeps.failed();
                    break;
                }
            };
            if swept < SWEEP_AT_ONCE {
                break;
            }
            tokio::time::sleep(SWEEP_PAUSE).await;
        }
    }
}

/// Sweeps rows of the main store; answers how many, and how many of one kind at most.
async fn sweep_rows(app: &App, swept: &mut Swept, now: OffsetDateTime) -> Result<(usize, usize), DbError> {
    let grants = store::grants::sweep(&app.db, now).await?;
    let events = events::sweep(&app.db, &app.config.keep_events, swept, now).await?;
    Ok((grants + events, grants.max(events)))
}
