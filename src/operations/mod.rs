//! Operations: what an operator, a person or an application changes, as verbs with an actor. Each verb checks, changes
//! the main database together with its event, and carries out the consequences in the state store, so that no caller can
//! forget them. The command line, the pages and the demo call these verbs. Errors are typed, and each caller words them.

pub mod clients; // register, change, disable, enable, remove, give a new secret
pub mod consents; // allow an application something
pub mod devices; // sign a device in, or refuse to
pub mod demo; // mark a database as one of a demo
pub mod grants; // revoke one
pub mod keys; // rotate, revoke, import and reseal signing keys
pub mod resources; // declare, change, remove, beside the configuration file
pub mod people; // add, change, disable, enable, give a new password
pub mod sessions; // end them, with the grants that end with them
pub mod sign_ins; // record the outcome of an attempt to sign in

use std::borrow::Cow;
use std::error::Error;

use time::OffsetDateTime;

use crate::db::Db;
use crate::keys::KeyError;
use crate::keys::fingerprint::instance_keys_for;
use crate::keys::instance::{InstanceKeys, Source};
use crate::outbound::Outbound;
use crate::state::State;
use crate::store::events::By;

/// Why the state store could not be opened.
pub type StateFault = Box<dyn Error + Send + Sync>;

/// One operation: its stores, its actor, its instant.
pub struct Operation<'a> {
    /// The main database.
    pub db: &'a Db,
    /// The state store.
    state: StateAccess<'a>,
    /// Fetches documents of clients, for operations that need one.
    outbound: Option<Outbound>,
    /// Where the instance key comes from, for operations that seal something.
    instance_key: Option<&'a Source>,
    /// The actor.
    by: By,
    /// The present instant.
    pub now: OffsetDateTime,
}

/// How an operation gets at the state store.
enum StateAccess<'a> {
    /// It is open, in a running provider.
    Open(&'a State),
    /// An operation opens it if it needs it, because a command that only opened it would create an empty one.
    ToOpen(Box<dyn Fn() -> Result<State, StateFault> + 'a>),
}

impl<'a> Operation<'a> {
    /// An operation in a running provider.
    pub fn new(db: &'a Db, state: &'a State, by: impl Into<By>, now: OffsetDateTime) -> Operation<'a> {
        let state = StateAccess::Open(state);
        Operation { db, state, outbound: None, instance_key: None, by: by.into(), now }
    }

    /// An operation in a program that has not opened the state store.
    pub fn opening(
        db: &'a Db,
        state: impl Fn() -> Result<State, StateFault> + 'a,
        by: impl Into<By>,
        now: OffsetDateTime,
    ) -> Operation<'a> {
        let state = StateAccess::ToOpen(Box::new(state));
        Operation { db, state, outbound: None, instance_key: None, by: by.into(), now }
    }

    /// The same with the instance key, for operations that seal something.
    pub fn sealing(self, instance_key: &'a Source) -> Operation<'a> {
        Operation { instance_key: Some(instance_key), ..self }
    }

    /// The same with a way to fetch documents of clients.
    pub fn fetching(self, outbound: Outbound) -> Operation<'a> {
        Operation { outbound: Some(outbound), ..self }
    }

    /// The instance key, read when it is needed.
    fn instance(&self) -> Result<InstanceKeys, KeyError> {
        let missing = || KeyError::Instance("the instance key is not at hand here".into());
        instance_keys_for(self.db, self.instance_key.ok_or_else(missing)?)
    }

    /// The state store, opened if it is not.
    fn state(&self) -> Result<Cow<'a, State>, StateFault> {
        match &self.state {
            StateAccess::Open(state) => Ok(Cow::Borrowed(state)),
            StateAccess::ToOpen(open) => open().map(Cow::Owned),
        }
    }
}
