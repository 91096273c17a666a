//! Migrations, and the grant that an account of PostgreSQL lacks for them.

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::sql_types::{Nullable, Text};
use diesel::{RunQueryDsl, select};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};

use super::{Conn, Db, DbError, each};

/// The missing grant of an account that may not create tables in its current schema. A schema that the account may not
/// use is never the current one.
const LACKING: &str = "CASE \
    WHEN current_schema() IS NULL \
        THEN 'GRANT USAGE, CREATE ON SCHEMA public TO ' || quote_ident(current_user) \
    WHEN NOT has_schema_privilege(current_schema(), 'CREATE') \
        THEN 'GRANT USAGE, CREATE ON SCHEMA ' || quote_ident(current_schema()) || ' TO ' || quote_ident(current_user) \
    ELSE (SELECT 'GRANT ' || quote_ident(tableowner) || ' TO ' || quote_ident(current_user) FROM pg_tables \
        WHERE schemaname = current_schema() AND tablename = '__diesel_schema_migrations' \
        AND NOT pg_has_role(tableowner, 'USAGE')) \
    END";

impl Db {
    /// Runs further migrations in an open database.
    pub fn migrate_now(&self, migrations: EmbeddedMigrations) -> Result<(), DbError> {
        self.write_now(|conn| migrate(conn, migrations)).map_err(|error| {
            match (&error, self.missing_grant()) {
                (DbError::Broken(said), Ok(Some(grant))) => {
                    DbError::Broken(format!("{said}; as the database's owner run: {grant}"))
                }
                _ => error,
            }
        })
    }

    /// The `GRANT` without which this account cannot create tables; none where nothing is missing.
    pub fn missing_grant(&self) -> Result<Option<String>, DbError> {
        self.read_now(|conn| match conn {
            Conn::Sqlite(_) => Ok(None),
            Conn::Pg(pg) => Ok(select(sql::<Nullable<Text>>(LACKING)).get_result(pg)?),
        })
    }
}

/// Runs migrations under a lock, because several nodes may start at once: an advisory lock on PostgreSQL, the write lock
/// on SQLite.
fn migrate(conn: &mut Conn, migrations: EmbeddedMigrations) -> Result<(), DbError> {
    if let Conn::Pg(pg) = conn {
        pg.batch_execute("SELECT pg_advisory_xact_lock(4811200)")?;
    }
    let done = each!(conn, |c| c.run_pending_migrations(migrations).map(|_| ()));
    done.map_err(|error| DbError::Broken(format!("migration failed: {error}")))
}
