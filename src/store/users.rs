//! People.

use diesel::dsl::{exists, select};
use diesel::prelude::*;
use time::OffsetDateTime;

use super::endings;
use super::events::{By, Event};
use super::schema::users;
use crate::db::{Db, DbError};
use crate::protocol::event::Name;
use crate::protocol::user::{User, fold_login};

#[derive(Queryable, Insertable)]
#[diesel(table_name = users)]
struct Row {
    id: String,
    login: String,
    login_shown: String,
    password_hash: Option<String>,
    claims: String,
    disabled: bool,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    fn into_user(self) -> Result<User, DbError> {
        user(self.id, self.login_shown, self.disabled, &self.claims)
    }
}

/// A person as the columns have it.
pub(super) fn user(id: String, login: String, disabled: bool, claims: &str) -> Result<User, DbError> {
    match serde_json::from_str(claims) {
        Ok(claims) => Ok(User { id, login, disabled, claims }),
        Err(error) => Err(DbError::Broken(format!("claims of user {id}: {error}"))),
    }
}

/// A person with the hash of the password.
pub struct WithPassword {
    /// The person.
    pub user: User,
    /// The PHC string; none when no password was set.
    pub password_hash: Option<String>,
}

/// Finds a person by login name, whatever its case and spacing.
pub async fn by_login(db: &Db, typed: &str) -> Result<Option<WithPassword>, DbError> {
    let login = fold_login(typed);
    db.read(move |conn| {
        let row: Option<Row> = users::table.filter(users::login.eq(login)).first(conn).optional()?;
        let Some(mut row) = row else { return Ok(None) };
        let password_hash = row.password_hash.take();
        Ok(Some(WithPassword { user: row.into_user()?, password_hash }))
    })
    .await
}

/// Finds a person by identifier.
pub async fn by_id(db: &Db, id: &str) -> Result<Option<User>, DbError> {
    let id = id.to_owned();
    db.read(move |conn| {
        let row: Option<Row> = users::table.find(id).first(conn).optional()?;
        row.map(Row::into_user).transpose()
    })
    .await
}

/// The people with these identifiers, in their order; who is gone is left out.
pub async fn by_ids(db: &Db, ids: Vec<String>) -> Result<Vec<User>, DbError> {
    db.read(move |conn| {
        let rows: Vec<Row> = users::table.filter(users::id.eq_any(&ids)).load(conn)?;
        let mut people = rows.into_iter().map(Row::into_user).collect::<Result<Vec<_>, _>>()?;
        people.sort_by_key(|user| ids.iter().position(|id| *id == user.id));
        Ok(people)
    })
    .await
}

/// Tells whether a person is enabled and the password is still the one behind this hash.
pub async fn still_signs_in(db: &Db, id: &str, password_hash: &str) -> Result<bool, DbError> {
    let (id, password_hash) = (id.to_owned(), password_hash.to_owned());
    db.read(move |conn| {
        let same = users::table.find(id).filter(users::password_hash.eq(password_hash));
        Ok(select(exists(same.filter(users::disabled.eq(false)))).get_result(conn)?)
    })
    .await
}

/// Tells whether there is anybody at all.
pub async fn any(db: &Db) -> Result<bool, DbError> {
    db.read(|conn| Ok(select(exists(users::table.select(users::id))).get_result(conn)?)).await
}

/// Every person, by login name.
pub async fn list(db: &Db) -> Result<Vec<User>, DbError> {
    db.read(|conn| {
        let rows: Vec<Row> = users::table.order(users::login).load(conn)?;
        rows.into_iter().map(Row::into_user).collect()
    })
    .await
}

/// A change to a person.
pub enum Change {
    /// A new password, hashed.
    Password(String),
    /// Whether the account is disabled.
    Disabled(bool),
}

impl Change {
    /// The event that tells of it.
    fn event(&self) -> Name {
        match self {
            Change::Password(_) => Name::PersonPasswordChanged,
            Change::Disabled(true) => Name::PersonDisabled,
            Change::Disabled(false) => Name::PersonEnabled,
        }
    }

    /// Tells whether nobody may stay signed in who signed in before.
    fn signs_out(&self) -> bool {
        match self {
            Change::Password(_) => true,
            Change::Disabled(disabled) => *disabled,
        }
    }
}

/// Adds a person; `None` when the login name is taken.
pub async fn add(
    db: &Db,
    user: User,
    password_hash: Option<String>,
    by: impl Into<By>,
    now: OffsetDateTime,
) -> Result<Option<User>, DbError> {
    let (at, by) = (now.unix_timestamp(), by.into());
    let claims = serde_json::Value::Object(user.claims.clone()).to_string();
    let row = Row {
        id: user.id.clone(),
        login: fold_login(&user.login),
        login_shown: user.login.clone(),
        password_hash,
        claims,
        disabled: user.disabled,
        created_at: at,
        updated_at: at,
    };
    let added = db.write(move |conn| {
        diesel::insert_into(users::table).values(&row).execute(conn)?;
        let event = Event::new(Name::PersonCreated, &by).about(&row.id);
        event.personal("login", row.login_shown).record(conn, now)
    });
    match added.await {
        Ok(()) => Ok(Some(user)),
        Err(error) if error.is_conflict() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Changes a person; false when there is none. A change that must sign the person out owes them the end of
/// their sessions.
pub async fn change(
    db: &Db,
    id: &str,
    change: Change,
    by: impl Into<By>,
    now: OffsetDateTime,
) -> Result<bool, DbError> {
    let (id, by) = (id.to_owned(), by.into());
    db.write(move |conn| {
        let at = now.unix_timestamp();
        let user = diesel::update(users::table.find(&id));
        let changed = match &change {
            Change::Password(hash) => {
                user.set((users::password_hash.eq(Some(hash)), users::updated_at.eq(at))).execute(conn)?
            }
            Change::Disabled(disabled) => {
                user.set((users::disabled.eq(disabled), users::updated_at.eq(at))).execute(conn)?
            }
        };
        if changed == 0 {
            return Ok(false);
        }
        Event::new(change.event(), &by).about(&id).record(conn, now)?;
        if change.signs_out() {
            endings::owe(conn, &id, now)?;
        }
        Ok(true)
    })
    .await
}
