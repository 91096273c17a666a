//! Refusals of a database that pass: each is an outage, which is answered with 503, and not a failure.

use std::time::Duration;

use countersign::db::{Conn, Db, DbError, Url, passing};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use super::{Store, execute, lines, open, postgres_place, sqlite_place, store};
use crate::support::postgres::Server;

/// What SQLite and PostgreSQL say, by its code; `true` where it passes.
#[test]
fn the_words_of_databases_are_told_apart() {
    for (code, said, passes) in [
        ("SQLITE_BUSY", "database is locked", true),
        ("SQLITE_LOCKED", "database table is locked", true),
        ("SQLITE_LOCKED", "database table is locked: kv", true),
        ("SQLITE_LOCKED", "database schema is locked: main", true),
        ("SQLITE_PROTOCOL", "locking protocol", true),
        ("SQLITE_FULL", "database or disk is full", true),
        ("SQLITE_IOERR", "disk I/O error", true),
        ("SQLITE_CANTOPEN", "unable to open database file", true),
        ("SQLITE_READONLY", "attempt to write a readonly database", true),
        ("SQLITE_NOMEM", "out of memory", true),
        ("SQLITE_CORRUPT", "database disk image is malformed", false),
        ("SQLITE_NOTADB", "file is not a database", false),
        ("SQLITE_ERROR", "no such table: kv", false),
        ("SQLITE_MISMATCH", "datatype mismatch", false),
        ("53100", "could not extend file \"base/1/2\": No space left on device", true),
        ("53200", "out of memory", true),
        ("53200", "out of shared memory", true),
        ("53300", "sorry, too many clients already", true),
        ("53300", "remaining connection slots are reserved for roles with the SUPERUSER attribute", true),
        ("53300", "too many connections for role \"countersign\"", true),
        ("53400", "temporary file size exceeds temp_file_limit (1kB)", true),
        ("57014", "canceling statement due to statement timeout", true),
        ("57014", "canceling statement due to user request", true),
        ("57P01", "terminating connection due to administrator command", true),
        ("57P02", "terminating connection because of crash of another server process", true),
        ("57P03", "the database system is starting up", true),
        ("57P03", "the database system is not yet accepting connections", true),
        ("57P03", "the database system is in recovery mode", true),
        ("57P05", "terminating connection due to idle-session timeout", true),
        ("25P03", "terminating connection due to idle-in-transaction timeout", true),
        ("25P04", "terminating connection due to transaction timeout", true),
        ("25006", "cannot execute INSERT in a read-only transaction", true),
        ("25006", "cannot execute UPDATE during recovery", true),
        ("40001", "canceling statement due to conflict with recovery", true),
        ("40P01", "deadlock detected", true),
        ("55P03", "canceling statement due to lock timeout", true),
        ("55P03", "could not obtain lock on row in relation \"facts\"", true),
        ("58030", "could not write block 7 of temporary file", true),
        ("58030", "could not read block 7 in file \"base/1/2\"", true),
        ("58030", "could not fsync file \"base/1/2\"", true),
        ("08P01 of PgBouncer", "query_wait_timeout", true),
        ("08P01 of PgBouncer", "pgbouncer cannot connect to server", true),
        ("08P01 of PgBouncer", "no more connections allowed (max_client_conn)", true),
        ("42P01", "relation \"kv\" does not exist", false),
        ("42501", "permission denied for table kv", false),
        ("42601", "syntax error at or near \"x\"", false),
        ("23502", "null value in column \"v\" violates not-null constraint", false),
        ("22P02", "invalid input syntax for type bigint", false),
        ("26000", "prepared statement \"__diesel_stmt_1\" does not exist", false),
    ] {
        let advised = passing(said);
        assert_eq!(advised.is_some(), passes, "{code}: {said}");
        assert!(advised.is_none_or(|advised| advised.starts_with(said)), "{code}: {said}");
    }
}

fn is_outage(what: &str, answer: &Result<(), DbError>) {
    assert!(matches!(answer, Err(DbError::Unreachable { .. })), "{what}: {answer:?}");
}

async fn write(db: &Db, statements: &'static str) -> Result<(), DbError> {
    db.write(move |conn| match conn {
        Conn::Pg(conn) => Ok(conn.batch_execute(statements)?),
        Conn::Sqlite(conn) => Ok(conn.batch_execute(statements)?),
    })
    .await
}

#[actix_web::test]
async fn what_postgres_refuses_for_now_is_an_outage() {
    what_is_refused_for_now_is_an_outage(store(postgres_place())).await;
}

/// What the server says is for people; nothing may hang on the language it says it in.
#[actix_web::test]
async fn what_a_german_postgres_refuses_for_now_is_an_outage() {
    let server = Server::start_in_german();
    let store = store((Url::parse(&server.url("postgres")).unwrap(), None));
    let said = write(&store.db, "SELECT 1 / 0").await.unwrap_err().to_string();
    assert!(said.contains("Division durch Null"), "{said}");
    what_is_refused_for_now_is_an_outage(store).await;
}

async fn what_is_refused_for_now_is_an_outage(Store { db, url, _folder }: Store) {
    for (what, statements) in [
        ("57014", "SET LOCAL statement_timeout = 50; SELECT pg_sleep(5)"),
        (
            "53400",
            "SET LOCAL temp_file_limit = '1kB'; SET LOCAL work_mem = '64kB'; \
                   SELECT count(*) FROM (SELECT g FROM generate_series(1, 100000) AS g ORDER BY random()) AS x",
        ),
        ("25006", "SET TRANSACTION READ ONLY; UPDATE facts SET value = value"),
        ("57P01", "SELECT pg_terminate_backend(pg_backend_pid()); SELECT 1"),
        // What cannot be provoked here is raised under its code, as the server would.
        (
            "40001",
            "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001', MESSAGE = 'could not serialize'; END $$",
        ),
        (
            "08006",
            "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '08006', MESSAGE = 'connection failure'; END $$",
        ),
    ] {
        is_outage(what, &write(&db, statements).await);
        write(&db, "UPDATE facts SET value = value")
            .await
            .unwrap_or_else(|error| panic!("after {what}: {error}"));
    }
    // Another transaction holds the row: 55P03, and with two that wait for one another, 40P01.
    let other = open(&url).unwrap();
    let held = other.write(|conn| {
        let Conn::Pg(conn) = conn else { unreachable!() };
        Ok(conn.batch_execute("UPDATE facts SET value = value; SELECT pg_sleep(1)")?)
    });
    let waits = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        write(&db, "SET LOCAL lock_timeout = 100; UPDATE facts SET value = value").await
    };
    let (held, waited) = tokio::join!(held, waits);
    held.unwrap();
    is_outage("55P03", &waited);
    let first = "UPDATE facts SET value = value WHERE name = 'version'; SELECT pg_sleep(0.3); \
                 UPDATE facts SET value = value WHERE name = 'min_code_version'";
    let second = "UPDATE facts SET value = value WHERE name = 'min_code_version'; SELECT pg_sleep(0.3); \
                  UPDATE facts SET value = value WHERE name = 'version'";
    let (first, second) = tokio::join!(write(&db, first), write(&other, second));
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    is_outage("40P01", &first.and(second));
    // What waiting does not heal is none.
    for broken in [
        "UPDATE nowhere SET value = 1",
        "UPDATE facts SET nothing = 1",
        "UPDATE facts SET value = ",
        "INSERT INTO facts (name, value) VALUES ('version', 'again')",
        "INSERT INTO facts (name) VALUES ('empty')",
    ] {
        let answer = write(&db, broken).await;
        assert!(matches!(answer, Err(DbError::Query(_))), "{broken}: {answer:?}");
    }
}

/// After a failover the server that was the one to write to may be a copy.
#[actix_web::test]
async fn a_postgres_that_takes_no_writes_is_an_outage() {
    let Store { db, .. } = store(postgres_place());
    let name = lines(&db, "SELECT current_database()::text AS line").remove(0);
    execute(&db, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).unwrap();
    // Connections that stand still write; the next ones do not.
    drop(
        write(
            &db,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()",
        )
        .await,
    );
    is_outage("25006", &write(&db, "UPDATE facts SET value = value").await);
}

#[actix_web::test]
async fn what_sqlite_refuses_for_now_is_an_outage() {
    let Store { db, url, _folder } = store(sqlite_place());
    let path = url.shown().trim_start_matches("sqlite:").to_owned();
    let mut other = SqliteConnection::establish(&path).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    is_outage("BUSY", &write(&db, "UPDATE facts SET value = value").await);
    other.batch_execute("ROLLBACK").unwrap();
    is_outage(
        "FULL",
        &write(&db, "PRAGMA max_page_count = 1; CREATE TABLE x AS SELECT randomblob(1000000) AS v").await,
    );
    let broken = write(&db, "UPDATE nowhere SET value = 1").await;
    assert!(matches!(broken, Err(DbError::Query(_))), "{broken:?}");
    is_outage("READONLY", &write(&db, "PRAGMA query_only = ON; UPDATE facts SET value = value").await);
}
