//! A PostgreSQL server of our own, on a private socket, that ends with this process.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use countersign::secret::Token;

/// A running server; it ends when dropped, or when this process dies, and takes its files with it.
pub struct Server {
    folder: PathBuf,
    // Holding the guard's standard input open is what keeps the server alive.
    guard: Child,
}

/// The server refuses to run as root, so then it runs as `postgres`. It sorts as people do in English,
/// as many real ones do: nothing of ours may rely on how a database sorts.
const SCRIPT: &str = r#"
PATH="$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)"
cd /
as() { if [ "$(id -u)" = 0 ]; then su postgres -s /bin/sh -c "PATH='$PATH' $1"; else sh -c "$1"; fi; }
if [ ! -d "$FOLDER/data" ]; then
    mkdir -m 700 "$FOLDER"
    if [ "$(id -u)" = 0 ]; then chown postgres "$FOLDER"; fi
    as "initdb -D $FOLDER/data -A trust -U postgres --no-sync --no-instructions -E UTF8 --locale=C \
        --locale-provider=icu --icu-locale=en" >/dev/null || exit 1
fi
as "exec postgres -D $FOLDER/data -k $FOLDER -c listen_addresses= -c fsync=off -c full_page_writes=off \
    -c max_connections=200" >/dev/null 2>&1 &
echo started
read -r how
kill -INT "$(head -1 "$FOLDER/data/postmaster.pid")"
wait
if [ "$how" != keep ]; then rm -rf "$FOLDER"; fi
"#;

impl Server {
    pub fn start() -> Server {
        let name = format!("countersign-postgres-{}", &Token::generate().expose()[..8]);
        Server::start_in(std::env::temp_dir().join(name))
    }

    fn start_in(folder: PathBuf) -> Server {
        let mut guard = Command::new("sh");
        guard.arg("-c").arg(SCRIPT).env("FOLDER", &folder).stdin(Stdio::piped()).stdout(Stdio::null());
        let server = Server { guard: guard.spawn().unwrap(), folder };
        let begun = Instant::now();
        while !server.answers() {
            assert!(begun.elapsed() < Duration::from_secs(20), "postgres did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    fn answers(&self) -> bool {
        use diesel::Connection;
        diesel::PgConnection::establish(&self.url("postgres")).is_ok()
    }

    /// The address of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?user=postgres&host={}", self.folder.display())
    }

    /// Makes an empty database and answers its address.
    pub fn database(&self) -> String {
        use diesel::connection::SimpleConnection;
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut conn: diesel::PgConnection =
            diesel::Connection::establish(&self.url("postgres")).expect("the server runs");
        conn.batch_execute(&format!("CREATE DATABASE {name} STRATEGY file_copy")).unwrap();
        self.url(&name)
    }

    /// Stops for a while.
    pub fn pause(mut self) -> Paused {
        use std::io::Write;
        self.guard.stdin.take().unwrap().write_all(b"keep\n").unwrap();
        self.guard.wait().unwrap();
        Paused(self.folder.clone())
    }
}

/// A stopped server whose files are still there.
pub struct Paused(PathBuf);

impl Paused {
    pub fn resume(self) -> Server {
        Server::start_in(self.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ended = self.guard.wait();
    }
}

static SHARED: LazyLock<Server> = LazyLock::new(Server::start);

/// A new, empty database on the server all tests share.
pub fn database() -> String {
    SHARED.database()
}
