//! A little server somewhere else, which answers as a test wants it to.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Answers until the process ends.
pub struct Origin {
    pub port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

/// Writes the answer to a request for a path.
pub type Answer = fn(&str, &mut TcpStream);

impl Origin {
    /// Listens on an address of this machine, on the given port (0: any).
    pub fn start(address: &str, port: u16, answer: Answer) -> Origin {
        let listener = TcpListener::bind((address, port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let told = Arc::clone(&told);
                std::thread::spawn(move || serve(stream, &told, answer));
            }
        });
        Origin { port, requests }
    }

    /// The heads of all requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, told: &Mutex<Vec<String>>, answer: Answer) {
    let (mut head, mut byte) = (vec![], [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    told.lock().unwrap().push(head);
    answer(&path, &mut stream);
}

/// A whole answer.
pub fn write(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    // Whoever has seen enough may have left.
    let _gone = stream.write_all(&[head.as_bytes(), body].concat());
}

/// The smallest image: one pixel.
pub const PNG: [u8; 67] = *b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\nIDATx\x9cc\0\x01\0\0\x05\0\x01\r\n-\xb4\0\0\0\0IEND\xaeB`\x82";
