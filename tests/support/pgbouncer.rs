//! A pooler of our own, `PgBouncer`, in front of one of our `PostgreSQL` servers.

use std::fs::Permissions;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::postgres;
use super::redis::free_port;

/// A running pooler; it ends when dropped, or when this process dies.
pub struct Server {
    port: u16,
    // Holding the guard's standard input open is what keeps the server alive.
    guard: Child,
    _folder: TempDir,
}

/// It refuses to run as root, so then it runs as `postgres`.
const SCRIPT: &str = r#"
if [ "$(id -u)" = 0 ]; then as="-u postgres"; fi
pgbouncer $as -q pgbouncer.ini >/dev/null 2>&1 & server=$!
cat >/dev/null; kill $server; wait
"#;

impl Server {
    /// Starts in a mode: `session`, `transaction` or `statement`.
    pub fn start(behind: &postgres::Server, mode: &str) -> Server {
        let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let settings = format!(
            "[databases]\n* = host={} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = {mode}\n",
            behind.folder()
        );
        std::fs::write(folder.path().join("pgbouncer.ini"), settings).unwrap();
        let mut guard = Command::new("sh");
        let guard =
            guard.arg("-c").arg(SCRIPT).current_dir(folder.path()).stdin(Stdio::piped()).spawn().unwrap();
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(10), "pgbouncer did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Server { port, guard, _folder: folder }
    }

    /// The way to a database through it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ended = self.guard.wait();
    }
}
