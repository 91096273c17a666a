//! A Redis server of our own, on a free port, that ends with this process.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running server; it ends when dropped, or when this process dies.
pub struct Server {
    pub port: u16,
    // Holding the guard's standard input open is what keeps the server alive.
    guard: Child,
    _files: TempDir,
}

const FORGETS: &str = "--appendonly no --databases 1000";

impl Server {
    pub fn start() -> Server {
        let port = free_port();
        Server::start_on(port)
    }

    /// Starts without anything, and forgets everything at its end.
    pub fn start_on(port: u16) -> Server {
        Server::run(&format!("--port {port} {FORGETS}"), port, None)
    }

    /// Starts with further words on its command line.
    pub fn start_with(words: &str) -> Server {
        let port = free_port();
        Server::run(&format!("--port {port} --appendonly no {words}"), port, None)
    }

    /// Starts with a socket in the file system beside its port.
    pub fn start_at(socket: &Path) -> Server {
        let port = free_port();
        Server::run(&format!("--port {port} --unixsocket {} {FORGETS}", socket.display()), port, None)
    }

    /// Starts with what it wrote down in this folder, as one in production has to.
    pub fn start_kept(port: u16, folder: &Path) -> Server {
        Server::run(&format!("--port {port} --appendonly yes --dir {}", folder.display()), port, None)
    }

    /// One that speaks nothing but TLS, with this certificate and key.
    pub fn start_with_tls(certificate: &str, key: &str) -> Server {
        let (port, files) = (free_port(), tempfile::tempdir().unwrap());
        std::fs::write(files.path().join("cert.pem"), certificate).unwrap();
        std::fs::write(files.path().join("key.pem"), key).unwrap();
        let tls = format!(
            "--port 0 --tls-port {port} --tls-cert-file {0}/cert.pem --tls-key-file {0}/key.pem \
             --tls-ca-cert-file {0}/cert.pem --tls-auth-clients no --requirepass hunter2 {FORGETS}",
            files.path().display()
        );
        Server::run(&tls, port, Some(files))
    }

    /// Each in a folder of its own, unless its words name one: what one server writes for its replica, another one
    /// in the same folder would read when it starts.
    fn run(words: &str, port: u16, files: Option<TempDir>) -> Server {
        let files = files.unwrap_or_else(|| tempfile::tempdir().unwrap());
        let script = format!(
            "redis-server --dir {} {words} --bind 127.0.0.1 --save '' >/dev/null & \
             server=$!; cat >/dev/null; kill $server; wait",
            files.path().display()
        );
        let guard = Command::new("sh").arg("-c").arg(script).stdin(Stdio::piped()).spawn().unwrap();
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(10), "redis-server did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Server { port, guard, _files: files }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A link of our own, beside whoever is tested.
    pub fn link(&self) -> ::redis::Connection {
        ::redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// The server's process.
    pub fn process(&self) -> String {
        let said: String = ::redis::cmd("INFO").arg("server").query(&mut self.link()).unwrap();
        let line = said.lines().find_map(|line| line.strip_prefix("process_id:")).unwrap();
        line.trim().to_owned()
    }

    /// Stops it in the middle of whatever it does: it still takes connections, and answers nothing.
    pub fn freeze(&self) -> Frozen {
        let frozen = Frozen(self.process());
        signal("-STOP", &frozen.0);
        frozen
    }

    /// Ends it without warning.
    pub fn kill(self) {
        signal("-KILL", &self.process());
    }
}

/// A server that stands still until this is dropped.
pub struct Frozen(String);

impl Drop for Frozen {
    fn drop(&mut self) {
        signal("-CONT", &self.0);
    }
}

/// Sends a signal to a process.
pub fn signal(which: &str, process: &str) {
    assert!(Command::new("kill").args([which, process]).status().unwrap().success());
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ended = self.guard.wait();
    }
}

static SHARED: LazyLock<Server> = LazyLock::new(Server::start);
static TAKEN: AtomicU32 = AtomicU32::new(0);

thread_local! {
    /// Each test has a thread of its own.
    static DATABASE: u32 = TAKEN.fetch_add(1, Ordering::Relaxed);
}

/// A database of this test's own, in the server that all tests share: what one counts is nothing to another.
pub fn url() -> String {
    DATABASE.with(|database| format!("{}/{database}", SHARED.url()))
}

/// A port nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
