//! Opening a database: migrations, versions, and many who start at once.

use std::sync::Barrier;
use std::thread;

use countersign::db::Url;
use countersign::store::{CODE_VERSION, facts};
use tempfile::TempDir;

use super::{execute, lines, open, postgres_place, sqlite_place, store};

fn four_start_at_once((url, _folder): (Url, Option<TempDir>)) {
    let ready = Barrier::new(4);
    let start = || {
        ready.wait();
        open(&url).map(|db| lines(&db, "SELECT value AS line FROM facts WHERE name = 'version'"))
    };
    thread::scope(|scope| {
        let started: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
        for one in started {
            assert_eq!(one.join().unwrap().unwrap(), ["1"]);
        }
    });
}

fn a_newer_database_is_refused(place: (Url, Option<TempDir>)) {
    let store = store(place);
    facts::check_version(&store.db).unwrap();
    // A newer schema alone is no reason: the release before must be able to restart during an upgrade.
    execute(&store.db, "UPDATE facts SET value = '7' WHERE name = 'version'").unwrap();
    let again = open(&store.url).unwrap();
    facts::check_version(&again).unwrap();
    let newer = CODE_VERSION + 1;
    execute(&store.db, &format!("UPDATE facts SET value = '{newer}' WHERE name = 'min_code_version'"))
        .unwrap();
    let refused = facts::check_version(&open(&store.url).unwrap()).unwrap_err().to_string();
    assert!(refused.contains("newer program") && refused.contains(&newer.to_string()), "{refused}");
    for unreadable in ["UPDATE facts SET value = 'x'", "DELETE FROM facts"] {
        execute(&store.db, unreadable).unwrap();
        assert!(facts::check_version(&store.db).is_err(), "{unreadable}");
    }
}

mod sqlite {
    use super::*;

    #[test]
    fn of_four_that_start_at_once_none_fails() {
        for _ in 0..40 {
            four_start_at_once(sqlite_place());
        }
    }

    #[test]
    fn a_database_that_needs_a_newer_program_is_refused() {
        a_newer_database_is_refused(sqlite_place());
    }

    /// What cargo was told of it in `.cargo/config.toml` arrived.
    #[test]
    fn the_engine_has_no_lock_that_nothing_needs() {
        let store = store(sqlite_place());
        let compiled = lines(&store.db, "SELECT compile_options AS line FROM pragma_compile_options");
        let has = |option: &str| compiled.iter().any(|compiled| compiled == option);
        assert!(has("THREADSAFE=2") && has("DEFAULT_MEMSTATUS=0"), "{compiled:?}");
        assert!(!has("ENABLE_MEMORY_MANAGEMENT"), "{compiled:?}");
    }

    /// Another process writes between our reading and our writing: it waits, nothing fails, nothing is lost.
    #[test]
    fn units_of_work_of_two_processes_follow_one_another() {
        let (url, _folder) = sqlite_place();
        let programs = [open(&url).unwrap(), open(&url).unwrap()];
        programs[0].write_now(|conn| facts::set(conn, "count", "0")).unwrap();
        thread::scope(|scope| {
            for db in &programs {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let one_more = |conn: &mut _| {
                            let count: u32 = facts::get(conn, "count")?.unwrap().parse().unwrap();
                            thread::yield_now();
                            facts::set(conn, "count", &(count + 1).to_string())
                        };
                        db.write_now(one_more).unwrap();
                    }
                });
            }
        });
        let count = programs[0].read_now(|conn| facts::get(conn, "count")).unwrap();
        assert_eq!(count.as_deref(), Some("100"));
    }

    #[test]
    fn a_database_that_cannot_be_opened_says_which() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "in the way").unwrap();
        let path = folder.path().join("file/countersign.db");
        let refused = open(&Url::Sqlite(path.clone())).err().unwrap().to_string();
        assert!(refused.contains(path.to_str().unwrap()), "{refused}");
    }

    #[test]
    fn the_folder_it_makes_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("deep/data");
        open(&Url::Sqlite(data.join("countersign.db"))).unwrap();
        assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    }
}

mod postgres {
    use super::*;

    #[test]
    fn of_four_that_start_at_once_none_fails() {
        for _ in 0..3 {
            four_start_at_once(postgres_place());
        }
    }

    #[test]
    fn a_database_that_needs_a_newer_program_is_refused() {
        a_newer_database_is_refused(postgres_place());
    }

    /// The password in the address is for the server, not for whoever reads an error.
    #[test]
    fn a_server_that_is_not_there_is_named_without_its_password() {
        let url = Url::parse("postgres://ada:hunter2@127.0.0.1:1/countersign").unwrap();
        let refused = open(&url).err().unwrap().to_string();
        assert!(refused.contains("postgres://127.0.0.1:1/countersign"), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}

#[test]
fn addresses_of_databases_are_read_by_their_scheme() {
    for (text, shown) in [
        ("sqlite:data/x.db", "sqlite:data/x.db"),
        ("sqlite:///var/x.db", "sqlite:/var/x.db"),
        ("postgres://u:p@h:5433/d", "postgres://h:5433/d"),
        ("postgresql://h/d?password=p", "postgres://h/d"),
        ("postgres://u:p@a,b/d?target_session_attrs=any", "postgres://a,b/d"),
        ("postgres://u:p@a:5433,[::1]:5434/d?sslmode=verify-full", "postgres://a:5433,[::1]:5434/d"),
        (
            "postgres:///d?user=u&password=u:p@&host=/run/a,/run/b&port=1",
            "postgres:///d?host=/run/a,/run/b&port=1",
        ),
        ("postgres://u:p%40%2F@h/d", "postgres://h/d"),
        ("postgres://u@h", "postgres://h"),
    ] {
        assert_eq!(Url::parse(text).unwrap().shown(), shown);
        assert!(!format!("{:?}", Url::parse(text)).contains("u:p@"), "Debug shows a password: {text}");
    }
    for (text, why) in [
        ("sqlite:", "needs a path"),
        ("sqlite://", "needs a path"),
        ("mysql://u:hunter2@h/d", "mysql: is neither"),
        ("countersign.db", "neither sqlite:PATH"),
        ("", "neither sqlite:PATH"),
        ("postgres:h/d", "neither sqlite:PATH"),
        // What a raw character in a password makes of the rest, libpq would say aloud.
        ("postgres://u:hunter2/x@h/d", "as %40 %2F"),
        ("postgres://u:hunter2@x@h/d", "as %40 %2F"),
        ("postgres://u:hunter2?@h/d", "as %40 %2F"),
        ("postgres://u:hunter2%zz@h/d", "as %40 %2F"),
        ("postgres://u:hunter2 @h/d", "as %40 %2F"),
    ] {
        let refused = Url::parse(text).unwrap_err();
        assert!(refused.contains(why) && !refused.contains("hunter2"), "{text}: {refused}");
    }
}
