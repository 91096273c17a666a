//! People: adding and changing them.

use serde_json::{Map, Value};

use super::{Operation, StateFault, sessions};
use crate::db::DbError;
use crate::ids;
use crate::protocol::user::{Amendment, User, UserFault, clean_names};
use crate::store::endings;
use crate::store::users::{self, Change, Edited};

/// Why a person is not added or changed.
#[derive(Debug, thiserror::Error)]
pub enum PersonFault {
    /// There is no such person; they may have been removed at this moment.
    #[error("there is no such person")]
    Unknown,
    /// The login name or a claim is refused.
    #[error(transparent)]
    User(#[from] UserFault),
    /// `email_verified` is set, and there is no address.
    #[error("there is no address that could be verified")]
    NoAddress,
    /// The change is stored, but the person's sessions were not ended. A running server ends them as soon as it can. The
    /// operation may be repeated.
    #[error("the sessions were not ended: {0}")]
    SessionsNotEnded(StateFault),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A person to be added, checked as far as that is possible without the other people.
pub struct NewPerson {
    user: User,
    /// The characters that were removed from names, one sentence for each name.
    pub cleaned: Vec<String>,
}

/// Checks a person to be added.
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
    /// The person before the change.
    pub before: User,
    /// The person after it; equal if nothing had to be changed.
    pub after: User,
    /// The names of the members that differ: `login`, and claims.
    pub members: Vec<String>,
    /// The characters that were removed from names, one sentence for each name.
    pub cleaned: Vec<String>,
}

/// Changes the login name and the claims of a person. Identifier and sessions stay.
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

/// Disables a person and ends their sessions. Answers the number of sessions.
pub async fn disable(op: &Operation<'_>, person: &User) -> Result<usize, PersonFault> {
    set(op, person, Change::Disabled(true)).await?;
    // Also for a person who was disabled before, because ending the sessions may have failed then.
    end_sessions(op, person).await
}

/// Enables a person who is disabled.
pub async fn enable(op: &Operation<'_>, person: &User) -> Result<(), PersonFault> {
    if person.disabled { set(op, person, Change::Disabled(false)).await } else { Ok(()) }
}

/// Gives a person a new password, as a PHC string, and ends their sessions. Answers the number of sessions.
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

/// Ends all sessions of a person. The change before it has stored that they are to be ended.
async fn end_sessions(op: &Operation<'_>, person: &User) -> Result<usize, PersonFault> {
    let end = async {
        let ended = sessions::end_all(op, &person.id).await?;
        endings::done(op.db, &person.id, op.now.unix_timestamp()).await?;
        Ok(ended)
    };
    end.await.map_err(PersonFault::SessionsNotEnded)
}
