//! Connections that are opened and left hanging: each is given up after a while, and nobody else notices.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::support::app::TestApp;

/// How long anything may be left hanging, and as much again for a machine that is busy.
const GIVEN_UP: Duration = Duration::from_secs(25);

/// Connects and sends no more than this.
pub fn hang(port: u16, sent: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(sent).unwrap();
    stream
}

/// Waits until the other side has ended all of these; tells when the last one was.
pub fn ended(mut hanging: Vec<TcpStream>, since: Instant) -> Duration {
    let mut answer = [0; 2048];
    for stream in &mut hanging {
        let left = GIVEN_UP.saturating_sub(since.elapsed()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left)).unwrap();
        loop {
            match stream.read(&mut answer) {
                Ok(0) => break,
                Ok(_) => (),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
                Err(error) => panic!("still open after {:?}: {error}", since.elapsed()),
            }
        }
        let _both = stream.shutdown(Shutdown::Both);
    }
    since.elapsed()
}

#[actix_web::test]
async fn silent_halting_and_dripping_clients_are_given_up() {
    let app = TestApp::start().await;
    let browser = app.browser();
    let begun = Instant::now();
    let head = "POST /token HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let half_a_body = format!("{head}Content-Length: 1000\r\n\r\ngrant_type=");
    let half_a_chunk = format!("{head}Transfer-Encoding: chunked\r\n\r\n100\r\ngrant");
    let unread =
        "GET /.well-known/jwks.json HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nno";
    let login = half_a_body.replace("/token", "/login");
    let mut hanging = vec![];
    for sent in ["", "GET / HT", head, &half_a_body, &half_a_chunk, unread, &login] {
        hanging.extend((0..40).map(|_| hang(app.port(), sent.as_bytes())));
    }
    // One that sends a byte of its head, and one that sends a byte of its body, every now and then.
    for sent in ["GET /", half_a_body.as_str()] {
        let mut dripping = hang(app.port(), sent.as_bytes());
        hanging.push(dripping.try_clone().unwrap());
        std::thread::spawn(move || {
            while dripping.write_all(b"x").is_ok() && begun.elapsed() < GIVEN_UP {
                std::thread::sleep(Duration::from_millis(500));
            }
        });
    }
    // Meanwhile everybody else is served as ever.
    for _ in 0..20 {
        let asked = Instant::now();
        assert_eq!(browser.get(&app.at("/.well-known/jwks.json")).await.status, 200);
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    }
    let took = tokio::task::spawn_blocking(move || ended(hanging, begun)).await.unwrap();
    assert!(took > Duration::from_secs(5), "an honest but slow client needs longer than {took:?}");
    assert_eq!(browser.get(&app.at("/.well-known/jwks.json")).await.status, 200);
    app.finish().await;
}
