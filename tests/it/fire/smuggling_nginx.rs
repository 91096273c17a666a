//! A request inside the body of another: who is in front and we must agree where each one ends, so that the
//! inner one is never asked, and nobody gets its answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::web;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};

use crate::support::app::{Options, TestApp};
use crate::support::nginx::Server;
use crate::support::redis::free_port;

/// How often the inner request was asked.
static SMUGGLED: AtomicUsize = AtomicUsize::new(0);

const INNER: &str = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";

/// What stands between the first line and the body, and what of the body stands before the inner request.
const ATTACKS: &[(&str, &str)] = &[
    // As long as it says, and chunked as well: ended by the one, going on by the other.
    ("Content-Length: {all}\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "0\r\n\r\n"),
    ("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n"),
    ("X: y\nTransfer-Encoding: chunked\r\nContent-Length: {all}\r\n\r\n", "0\r\n\r\n"),
    ("Content-Length: {all}\r\nTransfer-Encoding: identity\r\n\r\n", ""),
    ("Transfer-Encoding: identity\r\n\r\n", ""),
    // Chunked in a way that some read and others do not.
    ("Content-Length: {all}\r\nTransfer-Encoding: xchunked\r\n\r\n", "0\r\n\r\n"),
    ("Content-Length: {all}\r\nTransfer-Encoding : chunked\r\n\r\n", "0\r\n\r\n"),
    ("Content-Length: {all}\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", "0\r\n\r\n"),
    ("Content-Length: {all}\r\nTransfer-Encoding: \x0bchunked\r\n\r\n", "0\r\n\r\n"),
    ("Content-Length: {all}\r\nTransfer-Encoding: chunked, identity\r\n\r\n", "0\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", "0\r\n\r\n"),
    // Two lengths, or none that is a number.
    ("Content-Length: 5\r\nContent-Length: {all}\r\n\r\n", "x=123"),
    ("Content-Length: {all}\r\nContent-Length: 5\r\n\r\n", "x=123"),
    ("Content-Length: 5, {all}\r\n\r\n", "x=123"),
    ("Content-Length: +5\r\n\r\n", "x=123"),
    ("Content-Length: 0x5\r\n\r\n", "x=123"),
    ("Content-Length : 5\r\n\r\n", "x=123"),
    ("Content-Length:\r\n 5\r\n\r\n", "x=123"),
    // Chunks that do not say how long they are.
    ("Transfer-Encoding: chunked\r\n\r\n", "-1\r\n\r\n"),
    ("Transfer-Encoding: chunked\r\n\r\n", "10000000000000000\r\n\r\n"),
    // Nothing is wrong with these: the inner request is their body.
    ("Content-Length: {all}\r\n\r\n", "x=123"),
    ("Content-Length: {all}\n\n", "x=123"),
    ("Transfer-Encoding: chunked\r\n\r\n", "23\r\n"),
];

/// What came back for each attack sent over such a connection.
fn attack<S: Read + Write>(connect: impl Fn() -> S) -> Vec<(String, String)> {
    let mut answers = vec![];
    for (first, version) in
        [("POST /token", "1.1"), ("GET /.well-known/jwks.json", "1.1"), ("POST /token", "1.0")]
    {
        for (headers, before) in ATTACKS {
            let headers = headers.replace("{all}", &(before.len() + INNER.len()).to_string());
            let kept = if version == "1.0" { "Connection: keep-alive\r\n" } else { "" };
            let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
            let sent =
                format!("{first} HTTP/{version}\r\nHost: localhost\r\n{kept}{kind}{headers}{before}{INNER}");
            let mut stream = connect();
            // Whoever refuses at once may close before everything was written.
            let _refused_early = stream.write_all(sent.as_bytes());
            let (mut answer, mut buffer) = (vec![], [0; 4096]);
            while let Ok(read @ 1..) = stream.read(&mut buffer) {
                answer.extend_from_slice(&buffer[..read]);
            }
            answers.push((sent, String::from_utf8_lossy(&answer).into_owned()));
        }
    }
    answers
}

fn plain(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    stream
}

#[actix_web::test]
async fn no_request_is_made_of_the_body_of_another() {
    let extra = |service: &mut web::ServiceConfig| {
        async fn smuggled() -> &'static str {
            SMUGGLED.fetch_add(1, Ordering::Relaxed);
            "smuggled"
        }
        service.route("/smuggled", web::get().to(smuggled));
    };
    let app = TestApp::start_with(Options { extra, ..Options::default() }).await;
    let (port, front) = (app.port(), free_port());
    let _nginx = Server::start(&app.folder.path().join("nginx"), front, &[port]);
    let seen = tokio::task::spawn_blocking(move || {
        let direct = attack(|| plain(port));
        let proxied = attack(|| {
            let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
            connector.set_verify(SslVerifyMode::NONE);
            connector.build().connect("localhost", plain(front)).unwrap()
        });
        (direct, proxied)
    });
    let (direct, proxied) = seen.await.unwrap();
    assert_eq!(SMUGGLED.load(Ordering::Relaxed), 0);
    for (sent, answer) in direct.iter().chain(&proxied) {
        assert!(answer.matches("HTTP/1.").count() <= 1, "{sent}\n----\n{answer}");
    }
    // Connections between nginx and us are kept: nobody finds an answer there that is not his own.
    let browser = app.browser();
    for _ in 0..40 {
        let keys = browser.get(&format!("https://localhost:{front}/.well-known/jwks.json")).await;
        assert!(keys.status == 200 && keys.body.contains("\"keys\""), "{keys:?}");
    }
    assert_eq!(SMUGGLED.load(Ordering::Relaxed), 0);
    app.finish().await;
}
