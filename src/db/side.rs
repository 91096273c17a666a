//! Turns at the connections of a pool, and the hop to where waiting harms nobody.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::DbError;
use super::pool::Pool;

/// How long a server may take for one unit of work.
const SILENCE: Duration = Duration::from_secs(10);

/// Connections, and turns at them: as many as there may be connections.
#[derive(Clone)]
pub(super) struct Side {
    pub(super) pool: Pool,
    turns: Arc<Semaphore>,
}

impl Side {
    pub(super) fn new(pool: Pool, size: u32) -> Side {
        Side { pool, turns: Arc::new(Semaphore::new(size as usize)) }
    }

    /// Works beside the request threads. Waiting is bounded twice: for a turn, and for the answer of a
    /// server that took the question and fell silent; what was asked of it may then still be done.
    pub(super) async fn hop<T, F>(&self, work: F) -> Result<Result<T, DbError>, String>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, DbError> + Send + 'static,
    {
        let turn = timeout(self.pool.patience(), Arc::clone(&self.turns).acquire_owned());
        let Ok(Ok(turn)) = turn.await else { return Err("all connections are in use".into()) };
        // What is written down meanwhile belongs to the request that asked.
        let request = tracing::Span::current();
        #[expect(clippy::disallowed_methods, reason = "every unit of work makes its one hop here")]
        let work = web::block(move || {
            let done = request.in_scope(work);
            drop(turn);
            done
        });
        match timeout(SILENCE, work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(died)) => Ok(Err(DbError::Broken(died.to_string()))),
            Err(_silence) => {
                let cause = format!("no answer for {} seconds", SILENCE.as_secs());
                self.pool.is_silent(&cause);
                Err(cause)
            }
        }
    }
}
