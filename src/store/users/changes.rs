//! Adding and changing people. Each change is one transaction with its event.

use std::collections::BTreeSet;

use diesel::prelude::*;
use time::OffsetDateTime;

use super::Row;
use crate::db::{Db, DbError};
use crate::protocol::event::Name;
use crate::protocol::revoked::Why;
use crate::protocol::user::{User, UserFault};
use crate::store::events::{By, Event};
use crate::store::grants::{self, Whose};
use crate::store::schema::users;
use crate::store::{endings, names};

/// A change to a person.
pub enum Change {
    /// A new password, hashed.
    Password(String),
    /// Whether the account is disabled.
    Disabled(bool),
}

impl Change {
    /// Its event.
    fn event(&self) -> Name {
        match self {
            Change::Password(_) => Name::PersonPasswordChanged,
            Change::Disabled(true) => Name::PersonDisabled,
            Change::Disabled(false) => Name::PersonEnabled,
        }
    }

    /// The grants that it revokes: with a new password, those that end with the sessions. A person who is disabled loses
    /// all for good. One that began at that very moment is revoked when the person is enabled.
    fn revokes(&self, id: &str) -> (Whose, Why) {
        match self {
            Change::Password(_) => (Whose::Sessions(id.to_owned()), Why::SignedOut),
            Change::Disabled(_) => (Whose::Person(id.to_owned()), Why::PersonDisabled),
        }
    }

    /// Tells whether it ends the person's sessions.
    fn signs_out(&self) -> bool {
        match self {
            Change::Password(_) => true,
            Change::Disabled(disabled) => *disabled,
        }
    }
}

/// Adds a person, if the data are valid.
pub async fn add(
    db: &Db,
    user: User,
    password_hash: Option<String>,
    by: impl Into<By>,
    now: OffsetDateTime,
) -> Result<Result<User, UserFault>, DbError> {
    let login = match user.check() {
        Ok(login) => login,
        Err(fault) => return Ok(Err(fault)),
    };
    let (user, by) = (User { login: login.shown().to_owned(), ..user }, by.into());
    names::twice(|| {
        let (user, login, password_hash) = (user.clone(), login.clone(), password_hash.clone());
        let by = by.clone();
        db.write(move |conn| {
            if let Some(fault) = names::clash(conn, &login, &user.id)? {
                return Ok(Err(fault.into()));
            }
            let at = now.unix_timestamp();
            let row = Row {
                id: user.id.clone(),
                login: login.folded().to_owned(),
                login_shown: user.login.clone(),
                password_hash,
                claims: encode(&user),
                disabled: user.disabled,
                created_at: at,
                updated_at: at,
            };
            diesel::insert_into(users::table).values(&row).execute(conn)?;
            names::keep(conn, &user, true, now)?;
            let event = Event::new(Name::PersonCreated, &by).about(&user.id);
            event.personal("login", user.login.as_str()).record(conn, now)?;
            Ok(Ok(user))
        })
    })
    .await
}

fn encode(user: &User) -> String {
    serde_json::Value::Object(user.claims.clone()).to_string()
}

/// A person before and after a change.
pub struct Edited {
    /// Before.
    pub before: User,
    /// After; the same as before if nothing was changed.
    pub after: User,
}

/// Changes a person's data, in one transaction from the stored data; none when there is no such person. `edit` answers the
/// new data, or a refusal, and may be called twice. It must not change the identifier, the password, and whether the
/// account is disabled.
pub async fn edit(
    db: &Db,
    id: &str,
    edit: impl Fn(User) -> Result<User, UserFault> + Clone + Send + 'static,
    by: impl Into<By>,
    now: OffsetDateTime,
) -> Result<Option<Result<Edited, UserFault>>, DbError> {
    let by = by.into();
    names::twice(|| {
        let (id, edit, by) = (id.to_owned(), edit.clone(), by.clone());
        db.write(move |conn| {
            // Writing to the row first locks it, so that no concurrent change is lost.
            let person = users::table.find(&id);
            diesel::update(person).set(users::updated_at.eq(users::updated_at)).execute(conn)?;
            let row: Option<Row> = person.first(conn).optional()?;
            let Some(row) = row else { return Ok(None) };
            let before = row.into_user()?;
            let edited = edit(before.clone()).and_then(|after| {
                let login = after.check_change(&before)?;
                Ok((after, login))
            });
            let (mut after, login) = match edited {
                Ok(edited) => edited,
                Err(fault) => return Ok(Some(Err(fault))),
            };
            if let Some(login) = &login {
                login.shown().clone_into(&mut after.login);
                if let Some(fault) = names::clash(conn, login, &id)? {
                    return Ok(Some(Err(fault.into())));
                }
            }
            let changed = changed(&before, &after);
            if !changed.is_empty() {
                // The folded form of an unchanged name is not updated: that of an old name may belong to another person
                // by now.
                let renamed = login.as_ref().map(|login| users::login.eq(login.folded()));
                let set = (
                    renamed,
                    users::login_shown.eq(&after.login),
                    users::claims.eq(encode(&after)),
                    users::updated_at.eq(now.unix_timestamp()),
                );
                diesel::update(person).set(set).execute(conn)?;
                names::keep(conn, &after, login.is_some(), now)?;
                let event = Event::new(Name::PersonChanged, &by).about(&id);
                event.with("changed", changed).record(conn, now)?;
            }
            Ok(Some(Ok(Edited { before, after })))
        })
    })
    .await
}

/// The names of the changed data: `login`, and claims.
pub fn changed(before: &User, after: &User) -> Vec<String> {
    let login = (before.login != after.login).then(|| "login".to_owned());
    let names: BTreeSet<&String> = before.claims.keys().chain(after.claims.keys()).collect();
    let claims = names.into_iter().filter(|name| before.claims.get(*name) != after.claims.get(*name));
    login.into_iter().chain(claims.cloned()).collect()
}

/// Changes a person; false when there is none. Where the change signs the person out, the end of their sessions becomes
/// due in the same transaction.
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
        let (whose, why) = change.revokes(&id);
        grants::revoke_in(conn, &whose, why, &by, now)?;
        if change.signs_out() {
            endings::make_due(conn, &id, now)?;
        }
        Ok(true)
    })
    .await
}
