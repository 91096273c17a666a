//! People: adding and changing them.

use serde_json::{Map, Value};

use super::{Operation, StateFault};
use crate::db::DbError;
use crate::ids;
use crate::protocol::user::{Amendment, User, UserFault, clean_names};
use crate::store::endings;
use crate::store::users::{self, Change, Edited};

/// Why a person is not added or changed.
#[derive(Debug, thiserror::Error)]
pub enum PersonFault {
    /// There is no such person: they were removed at this moment.
    #[error("there is no such person")]
    Unknown,
    /// The person cannot be as described.
    #[error(transparent)]
    User(#[from] UserFault),
    /// An address is said to be verified, and there is none.
    #[error("there is no address that could be verified")]
    NoAddress,
    /// The change is stored, but the person's sessions were not ended. A running server ends them as soon as it can;
    /// the operation may be repeated as well.
    #[error("the sessions were not ended: {0}")]
    SessionsNotEnded(StateFault),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A person who is to be added, and can be as far as that is known without the others.
pub struct NewPerson {
    user: User,
    /// What was left out of their names, one sentence for each.
    pub cleaned: Vec<String>,
}

/// Describes a person who is to be added.
pub fn describe(login: String, mut claims: Map<String, Value>) -> Result<NewPerson, UserFault> {
    let cleaned = clean_names(&mut claims);
    let user = User { id: ids::new_sub(), login, disabled: false, claims };
    user.check()?;
    Ok(NewPerson { user, cleaned })
}

/// Adds a person; `password_hash` is a PHC string.
pub async fn add(op: &Operation<'_>, person: NewPerson, password_hash: String) -> Result<User, PersonFault> {
    Ok(users::add(op.db, person.user, Some(password_hash), op.by.clone(), op.now).await??)
}

/// A person who was changed.
pub struct Changed {
    /// As they were.
    pub before: User,
    /// As they are; the same if nothing had to be changed.
    pub after: User,
    /// The names of what differs: `login`, and claims.
    pub members: Vec<String>,
    /// What was left out of their names, one sentence for each.
    pub cleaned: Vec<String>,
}

/// Changes the login name and claims of a person; identifier and sessions stay.
pub async fn change(
    op: &Operation<'_>,
    person: &User,
    mut amendment: Amendment,
) -> Result<Changed, PersonFault> {
    let cleaned = clean_names(&mut amendment.set);
    if amendment.set.get("email_verified") == Some(&Value::Bool(true))
        && !amendment.apply(person.clone()).claims.contains_key("email")
    {
        return Err(PersonFault::NoAddress);
    }
    let edit = move |person: User| Ok(amendment.apply(person));
    let edited = users::edit(op.db, &person.id, edit, op.by.clone(), op.now).await?;
    let Edited { before, after } = edited.ok_or(PersonFault::Unknown)??;
    Ok(Changed { members: users::changed(&before, &after), before, after, cleaned })
}

/// Lets a person sign in no more, and ends their sessions; answers how many there were.
pub async fn disable(op: &Operation<'_>, person: &User) -> Result<usize, PersonFault> {
    set(op, person, Change::Disabled(true)).await?;
    // A person who was disabled before may still have sessions, if ending them failed then.
    end_sessions(op, person).await
}

/// Lets a disabled person sign in again. One who is enabled is left alone.
pub async fn enable(op: &Operation<'_>, person: &User) -> Result<(), PersonFault> {
    if person.disabled { set(op, person, Change::Disabled(false)).await } else { Ok(()) }
}

/// Gives a person a new password, as a PHC string, and ends their sessions; answers how many there were.
pub async fn set_password(
    op: &Operation<'_>,
    person: &User,
    password_hash: String,
) -> Result<usize, PersonFault> {
    set(op, person, Change::Password(password_hash)).await?;
    end_sessions(op, person).await
}

async fn set(op: &Operation<'_>, person: &User, change: Change) -> Result<(), PersonFault> {
    let changed = users::change(op.db, &person.id, change, op.by.clone(), op.now).await?;
    if changed { Ok(()) } else { Err(PersonFault::Unknown) }
}

/// Signs the person out everywhere; the change that asks for it is stored already, with what it owes.
async fn end_sessions(op: &Operation<'_>, person: &User) -> Result<usize, PersonFault> {
    let end = async {
        let ended = op.state()?.sessions.end_user(&person.id, op.now).await?;
        endings::done(op.db, &person.id, op.now.unix_timestamp()).await?;
        Ok(ended)
    };
    end.await.map_err(PersonFault::SessionsNotEnded)
}
