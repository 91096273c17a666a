//! What lasts: one contract, the same on SQLite and PostgreSQL.

mod client_secrets;
mod contract;
mod dead_tokens;
mod events;
mod families;
mod kept_clients;
mod passing;
mod people;
mod recovery;
mod resources;
mod start;
mod tls;

use countersign::db::{Db, DbError, Durability, Url};
use countersign::store::MIGRATIONS;
use diesel::RunQueryDsl;
use diesel::sql_types::Text;
use tempfile::TempDir;

use crate::support;

/// A database and what must outlive it.
pub struct Store {
    pub db: Db,
    pub url: Url,
    pub _folder: Option<TempDir>,
}

/// An empty place for a database.
pub fn sqlite_place() -> (Url, Option<TempDir>) {
    let folder = tempfile::tempdir().unwrap();
    (Url::Sqlite(folder.path().join("countersign.db")), Some(folder))
}

/// An empty place for a database.
pub fn postgres_place() -> (Url, Option<TempDir>) {
    (Url::parse(&support::postgres::database()).unwrap(), None)
}

pub fn open(url: &Url) -> Result<Db, DbError> {
    Db::open(url, Durability::Power, MIGRATIONS)
}

pub fn store((url, folder): (Url, Option<TempDir>)) -> Store {
    Store { db: open(&url).unwrap(), url, _folder: folder }
}

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// The rows of a query whose one column is a text called `line`.
pub fn lines(db: &Db, query: &str) -> Vec<String> {
    let rows: Vec<Line> = db.read_now(|conn| Ok(diesel::sql_query(query).load(conn)?)).unwrap();
    rows.into_iter().map(|row| row.line).collect()
}

/// Runs a statement behind the program's back.
pub fn execute(db: &Db, statement: &str) -> Result<usize, DbError> {
    db.write_now(|conn| Ok(diesel::sql_query(statement).execute(conn)?))
}

/// The events: what was done, by whom, to what, and its particulars.
pub fn trail(db: &Db) -> Vec<String> {
    lines(
        db,
        "SELECT CASE actor_kind WHEN 'cli' THEN 'cli' ELSE coalesce(actor, actor_kind) END || ' ' || event || ' ' || \
         coalesce(subject, client) || ' ' || context AS line FROM events ORDER BY id",
    )
}
