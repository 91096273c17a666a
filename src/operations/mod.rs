//! What an operator, a person or an application changes, as verbs with an actor. Each verb checks, changes what
//! lasts together with its event, and carries out what follows from that in the state store, so that no caller can
//! forget it. The command line and the pages call these; errors are typed, and their words are the caller's.

pub mod clients; // register, change, disable, enable, remove, give a new secret
pub mod consents; // allow an application something
pub mod keys; // rotate, revoke, import and reseal signing keys
pub mod people; // add, change, disable, enable, give a new password
pub mod sign_ins; // record how an attempt to sign in ended

use std::borrow::Cow;
use std::error::Error;

use time::OffsetDateTime;

use crate::db::Db;
use crate::state::State;
use crate::store::events::By;

/// Why the state store could not be opened.
pub type StateFault = Box<dyn Error + Send + Sync>;

/// One operation: in which stores, by whom, and when.
pub struct Operation<'a> {
    /// What lasts.
    pub db: &'a Db,
    /// What passes.
    state: StateAccess<'a>,
    /// Who carries it out.
    by: By,
    /// The present instant.
    pub now: OffsetDateTime,
}

/// The state store as an operation finds it.
enum StateAccess<'a> {
    /// Open, in a running provider.
    Open(&'a State),
    /// To be opened by the operations that need it: a single command may leave none behind otherwise.
    ToOpen(Box<dyn Fn() -> Result<State, StateFault> + 'a>),
}

impl<'a> Operation<'a> {
    /// In a running provider.
    pub fn new(db: &'a Db, state: &'a State, by: impl Into<By>, now: OffsetDateTime) -> Operation<'a> {
        Operation { db, state: StateAccess::Open(state), by: by.into(), now }
    }

    /// In a program that has not opened the state store.
    pub fn opening(
        db: &'a Db,
        state: impl Fn() -> Result<State, StateFault> + 'a,
        by: impl Into<By>,
        now: OffsetDateTime,
    ) -> Operation<'a> {
        Operation { db, state: StateAccess::ToOpen(Box::new(state)), by: by.into(), now }
    }

    /// The state store, opened if it is not.
    fn state(&self) -> Result<Cow<'a, State>, StateFault> {
        match &self.state {
            StateAccess::Open(state) => Ok(Cow::Borrowed(state)),
            StateAccess::ToOpen(open) => open().map(Cow::Owned),
        }
    }
}
