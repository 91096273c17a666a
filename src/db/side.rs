//! Access to a pool from request threads: a permit first, then one hop to a thread that may block.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::DbError;
use super::pool::Pool;

/// The longest wait for a server's answer to one unit of work.
const SILENCE: Duration = Duration::from_secs(10);

/// A pool with as many permits as it may have connections. Waiting for a permit holds no thread.
#[derive(Clone)]
pub(super) struct Side {
    pub(super) pool: Pool,
    permits: Arc<Semaphore>,
}

impl Side {
    pub(super) fn new(pool: Pool, size: u32) -> Side {
        Side { pool, permits: Arc::new(Semaphore::new(size as usize)) }
    }

    /// Runs work beside the request threads. Two waits are bounded: the one for a permit, and the one for the answer of a
    /// server that does not answer any more. In the second case the work may still be carried out.
    pub(super) async fn hop<T, F>(&self, work: F) -> Result<Result<T, DbError>, String>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, DbError> + Send + 'static,
    {
        let permit = timeout(self.pool.patience(), Arc::clone(&self.permits).acquire_owned());
        let Ok(Ok(permit)) = permit.await else { return Err("all connections are in use".into()) };
        // Log lines of the work belong to the request's span.
        let request = tracing::Span::current();
        #[expect(clippy::disallowed_methods, reason = "every unit of work makes its one hop here")]
        let work = web::block(move || {
            let done = request.in_scope(work);
            drop(permit);
            done
        });
        match timeout(SILENCE, work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(died)) => Ok(Err(DbError::Broken(died.to_string()))),
            Err(_silence) => {
                let cause = format!("no answer for {} seconds", SILENCE.as_secs());
                self.pool.report_silence(&cause);
                Err(cause)
            }
        }
    }
}
