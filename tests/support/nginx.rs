//! An nginx of our own: the configuration that is shipped, with the addresses of a test in it.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::certificates::self_signed;

/// A running server; it ends when dropped, or when this process dies.
pub struct Server {
    // Holding the guard's standard input open is what keeps the server alive.
    guard: Child,
}

/// What surrounds the shipped part: one process, which writes into its own folder only.
const AROUND: &str = "daemon off; master_process off; pid nginx.pid; error_log error.log info;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    # Which node answered, and how often nginx had to ask.
    add_header x-node $upstream_addr always;
    include countersign.conf;
}
";

impl Server {
    /// Starts on `localhost:port` in front of these nodes.
    pub fn start(folder: &Path, port: u16, nodes: &[u16]) -> Server {
        Server::start_with(folder, port, nodes, &self_signed(1, 2))
    }

    /// The same with this certificate and key.
    pub fn start_with(folder: &Path, port: u16, nodes: &[u16], (cert, key): &(String, String)) -> Server {
        std::fs::create_dir_all(folder).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write("cert.pem", cert);
        write("key.pem", key);
        Server::run(folder, port, &shipped(port, nodes))
    }

    /// One without TLS that does what is said.
    pub fn plain(folder: &Path, port: u16, locations: &str) -> Server {
        Server::run(folder, port, &format!("server {{ listen 127.0.0.1:{port}; {locations} }}"))
    }

    fn run(folder: &Path, port: u16, servers: &str) -> Server {
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write("nginx.conf", AROUND);
        write("countersign.conf", servers);
        let mut guard = Command::new("sh");
        guard
            .arg("-c")
            .arg("nginx -p . -c nginx.conf 2>stderr & server=$!; cat >/dev/null; kill $server; wait");
        let guard = guard.current_dir(folder).stdin(Stdio::piped()).spawn().unwrap();
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let said = std::fs::read_to_string(folder.join("stderr")).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_secs(10), "nginx did not start: {said}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Server { guard }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ended = self.guard.wait();
    }
}

/// The shipped configuration; what differs from place to place is replaced, and nothing else.
fn shipped(port: u16, nodes: &[u16]) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/nginx.conf");
    let text = std::fs::read_to_string(file).unwrap();
    let line = |node: &u16| format!("    server 127.0.0.1:{node} max_fails=0;\n");
    let nodes = nodes.iter().map(line).collect::<Vec<_>>().concat();
    let mut replaced = text;
    for (there, here) in [
        ("    server 127.0.0.1:8080 max_fails=0;\n", nodes),
        ("listen 443 ssl;", format!("listen 127.0.0.1:{port} ssl;")),
        ("server_name id.example.com;", "server_name localhost;".into()),
        ("/etc/ssl/id.example.com.pem", "cert.pem".into()),
        ("/etc/ssl/id.example.com.key", "key.pem".into()),
        ("/var/log/nginx/countersign.access.log", "access.log".into()),
        ("/var/log/nginx/countersign.error.log", "error.log".into()),
    ] {
        assert_eq!(replaced.matches(there).count(), 1, "deploy/nginx.conf has {there:?} once");
        replaced = replaced.replace(there, &here);
    }
    replaced
}
