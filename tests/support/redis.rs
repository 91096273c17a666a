//! A Redis server of our own, on a free port, that ends with this process.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// A running server; it ends when dropped, or when this process dies.
pub struct Server {
    pub port: u16,
    // Holding the guard's standard input open is what keeps the server alive.
    guard: Child,
}

impl Server {
    pub fn start() -> Server {
        let port = free_port();
        Server::start_on(port)
    }

    pub fn start_on(port: u16) -> Server {
        let script = format!(
            "redis-server --port {port} --bind 127.0.0.1 --save '' --appendonly no --dir /tmp >/dev/null & \
             server=$!; cat >/dev/null; kill $server; wait"
        );
        let guard = Command::new("sh").arg("-c").arg(script).stdin(Stdio::piped()).spawn().unwrap();
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(10), "redis-server did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Server { port, guard }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ended = self.guard.wait();
    }
}

static SHARED: LazyLock<Server> = LazyLock::new(Server::start);

/// The server all tests share; each provider's keys are random, so they do not meet.
pub fn url() -> String {
    SHARED.url()
}

/// A port nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
