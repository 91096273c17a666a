//! People.

mod changes; // adding and changing them

use diesel::dsl::{exists, select};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::schema::users;
use crate::db::fixed::{Bind, fixed, statement};
use crate::db::{Db, DbError, each};
use crate::protocol::addresses::fold_address;
use crate::protocol::user::{User, clean_names, fold_login};

pub use changes::{Change, Edited, add, change, changed, edit};

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

/// Makes a person from columns. Hidden characters are removed from names that were stored before the rule about them.
pub(super) fn user(id: String, login: String, disabled: bool, claims: &str) -> Result<User, DbError> {
    match serde_json::from_str(claims) {
        Ok(mut claims) => {
            clean_names(&mut claims);
            Ok(User { id, login, disabled, claims })
        }
        Err(error) => Err(DbError::Broken(format!("claims of user {id}: {error}"))),
    }
}

/// A person with the password's hash.
pub struct WithPassword {
    /// The person.
    pub user: User,
    /// The PHC string; none when no password was set.
    pub password_hash: Option<String>,
}

/// Finds a person by login name; case and spacing are ignored.
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

statement! { ByNameOrAddress -> (Text, Text, Text, Nullable<Text>, Text, Bool, BigInt, BigInt):
    "SELECT id, login, login_shown, password_hash, claims, disabled, created_at, updated_at FROM users WHERE login = ? \
     UNION ALL SELECT u.id, u.login, u.login_shown, u.password_hash, u.claims, u.disabled, u.created_at, u.updated_at \
     FROM addresses a JOIN users u ON u.id = a.person WHERE a.address = ? AND a.verified_at IS NOT NULL"
}

/// Finds the person for a typed name: by login name, else by a verified e-mail address. An address that several people have
/// verified finds none of them.
pub async fn by_name_or_address(db: &Db, typed: &str) -> Result<Option<WithPassword>, DbError> {
    let Some(address) = fold_address(typed) else { return by_login(db, typed).await };
    let login = fold_login(typed);
    db.read(move |conn| {
        let of = [Bind::Text(&login), Bind::Text(&address)];
        let mut rows: Vec<Row> = each!(conn, |c| fixed::<ByNameOrAddress>(&of).load(c)?);
        let at = rows.iter().position(|row| row.login == login).or((rows.len() == 1).then_some(0));
        let Some(mut row) = at.map(|at| rows.swap_remove(at)) else { return Ok(None) };
        let password_hash = row.password_hash.take();
        Ok(Some(WithPassword { user: row.into_user()?, password_hash }))
    })
    .await
}

/// Finds the person that an operator names: by the exact login name, else by the folded login name, else by identifier. The
/// exact name comes first, because an old name may fold to that of another person.
pub async fn named(db: &Db, typed: &str) -> Result<Option<WithPassword>, DbError> {
    let (login, shown) = (fold_login(typed), typed.trim().to_owned());
    db.read(move |conn| {
        let mut row: Option<Row> =
            users::table.filter(users::login_shown.eq(&shown)).first(conn).optional()?;
        if row.is_none() {
            row = users::table.filter(users::login.eq(login)).first(conn).optional()?;
        }
        if row.is_none() {
            row = users::table.find(&shown).first(conn).optional()?;
        }
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

/// The people with these identifiers, in the same order. Unknown ones are left out.
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

/// Tells whether there is a person at all.
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
