//! `countersign serve`, from its first line to its end.
//!
//! Holds `cli/serve.rs`, `server/ending.rs`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout};
use std::time::{Duration, Instant};

use countersign::store::facts;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::{Done, Shell, nothing_in};

/// A running server.
pub struct Server {
    child: Option<Child>,
    /// Kept open, so that the server never writes into a closed pipe.
    _out: BufReader<ChildStdout>,
    /// What it said first.
    pub line: Value,
    log: NamedTempFile,
}

/// Starts a server with these settings, on any free port if they name none.
pub fn start(shell: &Shell, settings: &[(&str, &str)]) -> Server {
    let mut command = shell.command(&["serve", "--json"]);
    if settings.is_empty() {
        command.env("COUNTERSIGN_LISTEN", "127.0.0.1:0");
    }
    let log = NamedTempFile::new().unwrap();
    command.stderr(log.reopen().unwrap());
    let mut child = command.envs(settings.iter().copied()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let line = serde_json::from_str(&line)
        .unwrap_or_else(|_| panic!("{line}{}", std::fs::read_to_string(log.path()).unwrap()));
    Server { child: Some(child), _out: out, line, log }
}

impl Server {
    /// Sends it a signal.
    pub fn signal(&self, signal: &str) {
        send(self.child.as_ref().unwrap(), signal);
    }

    /// What it wrote to its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    /// Sends it a signal and waits for its end.
    pub fn end(self, signal: &str) -> Done {
        self.signal(signal);
        self.wait()
    }

    /// Waits for its end.
    fn wait(mut self) -> Done {
        let done = Done::of(self.child.take().unwrap());
        Done { err: self.log(), ..done }
    }

    fn address(&self) -> String {
        self.line["listen"][0].as_str().unwrap().to_owned()
    }

    /// Asks it to end in order, and waits until nobody new is let in.
    fn is_draining(&self) {
        self.signal("-TERM");
        let begun = Instant::now();
        while TcpStream::connect(self.address()).is_ok() {
            assert!(begun.elapsed() < Duration::from_secs(4), "it still lets people in");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A test that fails leaves no server behind.
impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

fn send(child: &Child, signal: &str) {
    let sent = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn end(child: Child, signal: &str) -> Done {
    send(&child, signal);
    Done::of(child)
}

/// A connection over which something was asked already.
fn kept_open(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let answer = ask(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("connection: close"), "{answer}");
    stream
}

/// Asks over a connection and reads the head of the answer.
fn ask(stream: &mut TcpStream) -> String {
    write!(stream, "HEAD /.well-known/jwks.json HTTP/1.1\r\nHost: localhost:8080\r\n\r\n").unwrap();
    let (mut head, mut byte) = (vec![], [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Asks for a path and gives the whole answer.
pub fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost:8080\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_says_where_it_is_and_ends_when_told() {
    let shell = Shell::new();
    for signal in ["-TERM", "-INT"] {
        let server = start(&shell, &[]);
        let line = &server.line;
        assert_eq!(line["issuer"], "http://localhost:8080");
        assert_eq!(line["discovery"], "http://localhost:8080/.well-known/openid-configuration");
        let address = line["listen"][0].as_str().unwrap();
        let answer = get(address, "/.well-known/openid-configuration");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("authorization_endpoint"), "{answer}");
        let done = server.end(signal);
        assert_eq!(done.code, 0, "{}", done.err);
        assert!(done.err.contains("stopped") && !done.err.contains("ERROR"), "{}", done.err);
    }
}

/// A proxy may have sent a form over it that very moment: the connection ends with an answer.
#[test]
fn a_connection_that_is_kept_open_is_not_cut_off() {
    let shell = Shell::new();
    let server = start(&shell, &[]);
    let mut stream = kept_open(&server);
    server.is_draining();
    let answer = ask(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "and then it ends");
    let done = server.wait();
    assert!(done.code == 0 && done.err.contains("stopped") && !done.err.contains("ERROR"), "{}", done.err);
}

/// A balancer that goes by `/readyz` sends requests until it has heard the answer; they are served.
#[test]
fn who_watches_it_is_told_before_anybody_is_refused() {
    let shell = Shell::new();
    let server = start(&shell, &[]);
    let address = server.address();
    assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200"));
    send(server.child.as_ref().unwrap(), "-TERM");
    let begun = Instant::now();
    loop {
        let answer = get(&address, "/readyz");
        if answer.starts_with("HTTP/1.1 503") {
            assert!(answer.contains("\"draining\":true"), "{answer}");
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(3), "it never says so: {answer}");
    }
    assert!(get(&address, "/.well-known/jwks.json").starts_with("HTTP/1.1 200"), "and serves on meanwhile");
    let done = Done::of({ server }.child.take().unwrap());
    assert!(done.code == 0 && begun.elapsed() < Duration::from_secs(10), "{}", done.err);
}

/// Without patience, as somebody at a terminal is.
#[test]
fn a_second_signal_ends_it_at_once() {
    let shell = Shell::new();
    let server = start(&shell, &[]);
    let mut stream = kept_open(&server);
    server.is_draining();
    let done = server.end("-TERM");
    assert!(done.code == 0 && done.err.contains("told to stop a second time"), "{}", done.err);
    assert!(!stream.read(&mut [0]).is_ok_and(|read| read > 0));
}

#[test]
fn other_words_work_beside_it() {
    let shell = Shell::new();
    let server = start(&shell, &[]);
    shell.client(&[]);
    shell.user("ada");
    assert_eq!(shell.run(&["user", "disable", "ada", "--json"]).good().json()["disabled"], json!(true));
    assert_eq!(shell.run(&["keys", "list", "--json"]).good().json()["keys"][0]["state"], json!("active"));
    assert_eq!(server.end("-TERM").code, 0);
}

#[test]
fn without_applications_and_people_it_says_how_to_add_them() {
    let shell = Shell::new();
    let mut command = shell.command(&["serve"]);
    let mut child = command.env("COUNTERSIGN_LISTEN", "127.0.0.1:0").spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = lines.take(5).collect::<Result<Vec<_>, _>>().unwrap().join("\n");
    for part in [
        "Listening on 127.0.0.1:", "issuer http://localhost:8080", "countersign client add --name",
        "user add LOGIN",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(end(child, "-TERM").code, 0);
}

#[test]
fn it_refuses_what_it_must_not_serve() {
    let shell = Shell::new();
    shell.db().write_now(|conn| facts::set(conn, "demo", "yes")).unwrap();
    shell.run(&["serve"]).bad("belongs to `countersign demo`");
}

/// What is said when another program listens there, and that nothing was made.
fn busy(settings: &[(&str, &str)]) -> String {
    let shell = Shell::new();
    let child = shell.command(&["serve"]).envs(settings.iter().copied()).spawn().unwrap();
    let done = Done::of(child);
    assert_ne!(done.code, 0);
    assert!(nothing_in(&shell.path("")), "a start that failed left something behind");
    assert_eq!(done.out, "", "and told nobody an address");
    done.err
}

/// An issuer that is left behind at a port of another program leads everybody astray: the advice changes both.
#[test]
fn a_busy_port_is_told_with_advice_that_keeps_issuer_and_listener_together() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let (listen, issuer) = (format!("127.0.0.1:{port}"), format!("http://127.0.0.1:{port}"));
    let tell = |settings: &[(&str, &str)], parts: &[&str]| {
        let said = busy(settings);
        for part in [&[&format!("port {port} at 127.0.0.1 is already in use") as &str], parts].concat() {
            assert!(said.contains(part), "{settings:?}: {said}");
        }
        said
    };
    let said = tell(&[("COUNTERSIGN_ISSUER", &issuer)], &["; set COUNTERSIGN_ISSUER=http://127.0.0.1:"]);
    assert!(!said.contains("COUNTERSIGN_LISTEN"), "{said}");
    // What is advised works.
    let advised =
        said.split("COUNTERSIGN_ISSUER=").nth(1).unwrap().split(':').take(3).collect::<Vec<_>>().join(":");
    let shell = Shell::new();
    let server = start(&shell, &[("COUNTERSIGN_ISSUER", &advised)]);
    assert_eq!(server.line["issuer"], json!(advised));
    assert_eq!(server.line["listen"], json!([advised.trim_start_matches("http://")]));
    assert_eq!(server.end("-TERM").code, 0);

    let both =
        &["set COUNTERSIGN_LISTEN to another port, and COUNTERSIGN_ISSUER (now http://localhost:8080)"];
    tell(&[("COUNTERSIGN_LISTEN", &listen)], both);
    let https = ("COUNTERSIGN_ISSUER", "https://id.example");
    let proxied = [https, ("COUNTERSIGN_LISTEN", &listen), ("COUNTERSIGN_TRUSTED_PROXIES", "127.0.0.1")];
    tell(
        &proxied,
        &["set COUNTERSIGN_LISTEN to another one, and have the proxy of https://id.example hand on to it"],
    );
    let metrics = [("COUNTERSIGN_LISTEN", "127.0.0.1:0"), ("COUNTERSIGN_METRICS_LISTEN", &listen)];
    tell(&metrics, &["set COUNTERSIGN_METRICS_LISTEN to another one"]);
}

/// Nothing that a server knows is written to a disk when it crashes, nor shown to its account's other programs.
#[cfg(target_os = "linux")]
#[test]
fn its_memory_is_shown_to_nobody() {
    let shell = Shell::new();
    let mut command = shell.command(&["serve", "--json"]);
    command.env("COUNTERSIGN_LISTEN", "127.0.0.1:0");
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    if is_root {
        // A group that is not root's: what is nobody's belongs to root altogether.
        command.gid(65_534);
    }
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let owner = |process: &str| {
        let found = std::fs::metadata(format!("/proc/{process}/environ")).unwrap();
        (found.uid(), found.gid())
    };
    assert_eq!(owner(&child.id().to_string()), (0, 0), "{line}");
    assert_eq!(end(child, "-TERM").code, 0);
}
