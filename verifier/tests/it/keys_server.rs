//! A small HTTP server that counts what it is asked.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// An answer: the status line's end, further header lines, the body.
#[derive(Clone)]
pub struct Answer(pub &'static str, pub String, pub Vec<u8>);

impl Answer {
    pub fn ok(headers: &str, body: Vec<u8>) -> Self {
        Self("200 OK", headers.to_owned(), body)
    }
}

#[derive(Default)]
struct Shared {
    answers: Mutex<HashMap<String, Answer>>,
    requests: AtomicUsize,
    closing: AtomicBool,
    delay: Mutex<Duration>,
    /// Whether the next request is held, and how many are held now.
    hold: Mutex<(bool, usize)>,
    released: Condvar,
}

pub struct KeysServer {
    pub base: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl KeysServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for stream in listener.incoming() {
                    if shared.closing.load(Ordering::SeqCst) {
                        return;
                    }
                    let (stream, shared) = (stream.unwrap(), Arc::clone(&shared));
                    thread::spawn(move || serve(&stream, &shared));
                }
            }
        });
        Self { base, shared, thread: Some(thread) }
    }

    pub fn with_keys(body: Vec<u8>) -> Self {
        let server = Self::start();
        server.put("/jwks", Answer::ok("Cache-Control: public, max-age=600\r\n", body));
        server
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub fn put(&self, path: &str, answer: Answer) {
        self.shared.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    pub fn put_keys(&self, body: Vec<u8>) {
        self.put("/jwks", Answer::ok("", body));
    }

    pub fn delay(&self, delay: Duration) {
        *self.shared.delay.lock().unwrap() = delay;
    }

    /// Holds the next request: its answer is chosen when it comes, and sent when it is released.
    pub fn hold_next(&self) {
        self.shared.hold.lock().unwrap().0 = true;
    }

    /// Sends what was held.
    pub fn release(&self) {
        self.shared.hold.lock().unwrap().1 = 0;
        self.shared.released.notify_all();
    }

    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Closes the port; whoever asks from now on gets no connection.
    pub fn die(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.shared.closing.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.base.trim_start_matches("http://"));
        thread.join().unwrap();
    }
}

impl Drop for KeysServer {
    fn drop(&mut self) {
        self.die();
    }
}

fn serve(mut stream: &TcpStream, shared: &Shared) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    let _ = lines.take_while(|line| !line.is_empty()).count();
    let path = first.split(' ').nth(1).unwrap_or_default();
    let answer = || {
        let missing = Answer("404 Not Found", String::new(), Vec::new());
        shared.answers.lock().unwrap().get(path).cloned().unwrap_or(missing)
    };
    let mut gate = shared.hold.lock().unwrap();
    let chosen = std::mem::take(&mut gate.0).then(answer);
    gate.1 += usize::from(chosen.is_some());
    shared.requests.fetch_add(1, Ordering::SeqCst);
    if chosen.is_some() {
        drop(shared.released.wait_while(gate, |gate| gate.1 > 0).unwrap());
    } else {
        drop(gate);
    }
    let delay = *shared.delay.lock().unwrap();
    thread::sleep(delay);
    let Answer(status, headers, body) = chosen.unwrap_or_else(answer);
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    // A client that has read enough hangs up; that is its right.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}
