//! All resources in memory, as one immutable value that is only replaced as a whole.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::read;
use crate::db::{Db, DbError};
use crate::protocol::resource::{Resources, Shadowed};

/// The resources in force: those of the configuration file, and the rows beside it as they were last read. They are read
/// again when a change is seen in the list of changes of clients.
pub struct Current {
    declared: Resources,
    all: ArcSwap<Resources>,
}

impl Current {
    /// Reads the rows beside the resources that the file declares. Blocks.
    pub fn open(db: &Db, declared: &Resources) -> Result<Current, DbError> {
        let all = declared.and(db.read_now(read)?);
        log(&[], all.shadowed());
        Ok(Current { declared: declared.clone(), all: ArcSwap::new(Arc::new(all)) })
    }

    /// The resources in force now. A request asks once, so that all of it sees the same ones.
    pub fn load(&self) -> Arc<Resources> {
        self.all.load_full()
    }

    /// Reads the rows again.
    pub async fn read_again(&self, db: &Db) -> Result<(), DbError> {
        let (all, before) = (self.declared.and(db.read(read).await?), self.load());
        if all != *before {
            log(before.shadowed(), all.shadowed());
            self.all.store(Arc::new(all));
        }
        Ok(())
    }
}

/// Logs each row that is not in force and was not logged before.
fn log(before: &[Shadowed], shadowed: &[Shadowed]) {
    for row in shadowed.iter().filter(|row| !before.contains(row)) {
        tracing::warn!(resource = %row.uri, "a resource is not in force: it {}", row.by);
    }
}
