//! `countersign serve`, from its first line to its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout};

use countersign::store::facts;
use serde_json::{Value, json};

use super::{Done, Shell};

/// A running server.
pub struct Server {
    child: Option<Child>,
    /// Kept open, so that the server never writes into a closed pipe.
    _out: BufReader<ChildStdout>,
    /// What it said first.
    line: Value,
}

/// Starts a server with these settings, on any free port if they name none.
pub fn start(shell: &Shell, settings: &[(&str, &str)]) -> Server {
    let mut command = shell.command(&["serve", "--json"]);
    if settings.is_empty() {
        command.env("COUNTERSIGN_LISTEN", "127.0.0.1:0");
    }
    let mut child = command.envs(settings.iter().copied()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let line = serde_json::from_str(&line).unwrap_or_else(|_| {
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        panic!("{line}{err}");
    });
    Server { child: Some(child), _out: out, line }
}

impl Server {
    /// Sends it a signal and waits for its end.
    pub fn end(mut self, signal: &str) -> Done {
        end(self.child.take().unwrap(), signal)
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

fn end(child: Child, signal: &str) -> Done {
    let sent = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    Done::of(child)
}

fn get(address: &str, path: &str) -> String {
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

#[test]
fn other_words_work_beside_it() {
    let shell = Shell::new();
    let server = start(&shell, &[]);
    shell.client(&[]);
    shell.user("ada");
    assert_eq!(shell.run(&["user", "disable", "ada", "--json"]).good().json()["disabled"], json!(true));
    assert_eq!(shell.run(&["keys", "list", "--json"]).good().json()["keys"].as_array().unwrap().len(), 2);
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
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let other = Shell::new();
    let child = other.command(&["serve"]).env("COUNTERSIGN_LISTEN", listen).spawn().unwrap();
    Done::of(child).bad("already in use; set COUNTERSIGN_LISTEN");
}
