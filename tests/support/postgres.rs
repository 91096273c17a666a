//! A PostgreSQL server of our own, on a private socket, that ends with this process.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use countersign::secret::Token;

fn new_folder() -> PathBuf {
    std::env::temp_dir().join(format!("countersign-postgres-{}", &Token::generate().expose()[..8]))
}

/// A running server; it ends when dropped, or when this process dies, and takes its files with it.
pub struct Server {
    folder: PathBuf,
    port: u16,
    options: String,
    // Holding the guard's standard input open is what keeps the server alive.
    guard: Child,
}

/// The server refuses to run as root, so then it runs as `postgres`. It sorts as people do in English,
/// as many real ones do: nothing of ours may rely on how a database sorts. A server with a `PRIMARY` follows
/// that one; `OPTIONS` are of this one alone.
const SCRIPT: &str = r#"
PATH="$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)"
cd /
as() { if [ "$(id -u)" = 0 ]; then su postgres -s /bin/sh -c "PATH='$PATH' $1"; else sh -c "$1"; fi; }
if [ ! -d "$FOLDER/data" ]; then
    mkdir -m 700 "$FOLDER"
    if [ "$(id -u)" = 0 ]; then chown postgres "$FOLDER"; fi
    if [ -n "$PRIMARY" ]; then
        as "pg_basebackup -D $FOLDER/data -h $PRIMARY -U postgres -R -c fast --no-sync" >/dev/null || exit 1
    else
        as "initdb -D $FOLDER/data -A trust -U postgres --no-sync --no-instructions -E UTF8 --locale=C \
            --locale-provider=icu --icu-locale=en" >/dev/null || exit 1
    fi
fi
if [ -n "$CERTIFICATE" ]; then
    printf %s "$CERTIFICATE" >"$FOLDER/cert.pem"
    (umask 077; printf %s "$KEY" >"$FOLDER/key.pem")
    if [ "$(id -u)" = 0 ]; then chown postgres "$FOLDER/cert.pem" "$FOLDER/key.pem"; fi
fi
if [ -n "$LANGUAGE_OF_MESSAGES" ]; then
    # Few machines have more than one; what it says comes with the server itself.
    as "mkdir $FOLDER/locale && localedef -i $LANGUAGE_OF_MESSAGES -f UTF-8 $FOLDER/locale/$LANGUAGE_OF_MESSAGES.UTF-8" || exit 1
    LOCPATH="$FOLDER/locale"; OPTIONS="$OPTIONS -c lc_messages=$LANGUAGE_OF_MESSAGES.UTF-8"; export LOCPATH
fi
as "exec postgres -D $FOLDER/data -k $FOLDER -c listen_addresses= -c fsync=off -c full_page_writes=off \
    -c max_connections=200 -c port=$PORT $OPTIONS" >/dev/null 2>&1 &
echo started
read -r how
kill "-${how:-INT}" "$(head -1 "$FOLDER/data/postmaster.pid")"
wait
if [ -z "$how" ]; then rm -rf "$FOLDER"; fi
"#;

const LISTEN: &str = "-c listen_addresses=127.0.0.1";

impl Server {
    pub fn start() -> Server {
        Server::start_in(new_folder(), 5432, "", &[])
    }

    /// A standby of another one.
    pub fn follow(primary: &Server) -> Server {
        Server::start_in(new_folder(), 5432, "", &[("PRIMARY", &primary.folder.display().to_string())])
    }

    /// One that listens on this port of 127.0.0.1 as well.
    pub fn start_on(port: u16) -> Server {
        Server::start_in(new_folder(), port, LISTEN, &[])
    }

    /// The same over TLS, with this certificate and key.
    pub fn start_with_tls(port: u16, certificate: &str, key: &str) -> Server {
        let folder = new_folder();
        let files = format!("-c ssl_cert_file={0}/cert.pem -c ssl_key_file={0}/key.pem", folder.display());
        let options = format!("{LISTEN} -c ssl=on {files}");
        Server::start_in(folder, port, &options, &[("CERTIFICATE", certificate), ("KEY", key)])
    }

    /// One whose messages are in German.
    pub fn start_in_german() -> Server {
        Server::start_in(new_folder(), 5432, "", &[("LANGUAGE_OF_MESSAGES", "de_DE")])
    }

    fn start_in(folder: PathBuf, port: u16, options: &str, settings: &[(&str, &str)]) -> Server {
        let mut guard = Command::new("sh");
        guard.arg("-c").arg(SCRIPT).env("FOLDER", &folder).env("PORT", port.to_string());
        guard.env("OPTIONS", options).envs(settings.iter().copied());
        let guard = guard.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let server = Server { guard, folder, port, options: options.to_owned() };
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
        let (folder, port) = (self.folder.display(), self.port);
        format!("postgres:///{database}?user=postgres&host={folder}&port={port}")
    }

    /// Where its socket is.
    pub fn folder(&self) -> std::path::Display<'_> {
        self.folder.display()
    }

    /// Makes an empty database and answers its address.
    pub fn database(&self) -> String {
        self.copy("template1")
    }

    /// Makes a copy of a database that nobody has open.
    pub fn copy(&self, of: &str) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        self.made(&format!("test{}", NEXT.fetch_add(1, Ordering::Relaxed)), of)
    }

    /// An empty one under a name.
    pub fn database_named(&self, name: &str) -> String {
        self.made(name, "template1")
    }

    fn made(&self, name: &str, of: &str) -> String {
        use diesel::connection::SimpleConnection;
        let mut conn: diesel::PgConnection =
            diesel::Connection::establish(&self.url("postgres")).expect("the server runs");
        conn.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {of} STRATEGY file_copy")).unwrap();
        self.url(name)
    }

    /// Stops for a while, in an orderly way.
    pub fn pause(self) -> Paused {
        self.stop("INT")
    }

    /// Stops at once, as a machine does that loses its power.
    pub fn crash(self) -> Paused {
        self.stop("QUIT")
    }

    fn stop(mut self, signal: &str) -> Paused {
        use std::io::Write;
        writeln!(self.guard.stdin.take().unwrap(), "{signal}").unwrap();
        self.guard.wait().unwrap();
        Paused(self.folder.clone(), self.port, self.options.clone())
    }
}

/// A stopped server whose files are still there.
pub struct Paused(PathBuf, u16, String);

impl Paused {
    pub fn resume(self) -> Server {
        Server::start_in(self.0, self.1, &self.2, &[])
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

/// A copy of a database there that nobody has open.
pub fn copy(url: &str) -> String {
    SHARED.copy(url::Url::parse(url).unwrap().path().trim_start_matches('/'))
}
