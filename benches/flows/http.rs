//! A minimal HTTP/1.1 client: one kept connection, answers with a length, no copies of unused headers. It
//! must cost little, because it shares the machine with the server that is measured.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// One kept connection.
pub struct Connection {
    port: u16,
    stream: BufReader<TcpStream>,
}

/// The parts of an answer that are used.
pub struct Answer {
    pub status: u16,
    pub location: String,
    pub cookies: Vec<(String, String)>,
    pub body: String,
}

impl Connection {
    pub fn open(port: u16) -> Connection {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        Connection { port, stream: BufReader::new(stream) }
    }

    pub fn get(&mut self, path: &str, headers: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost:{}\r\n{headers}\r\n", self.port))
    }

    pub fn post(&mut self, path: &str, headers: &str, body: &str) -> Answer {
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n{headers}\r\n{body}",
            self.port,
            body.len()
        ))
    }

    fn send(&mut self, request: &str) -> Answer {
        self.stream.get_mut().write_all(request.as_bytes()).expect("sent");
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("an answer");
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
        let mut answer = Answer { status, location: String::new(), cookies: vec![], body: String::new() };
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line).expect("a header");
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name {
                "content-length" => length = value.parse().expect("a length"),
                "location" => answer.location = value.into(),
                "set-cookie" => {
                    let pair = value.split(';').next().unwrap_or_default();
                    let (name, value) = pair.split_once('=').expect("a cookie");
                    answer.cookies.push((name.into(), value.into()));
                }
                _ => (),
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("a body");
        answer.body = String::from_utf8(body).expect("text");
        answer
    }
}
