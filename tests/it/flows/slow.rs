//! Connections that are opened and left hanging: each is given up after a while, and nobody else notices.
//!
//! Holds `connection.rs`.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use countersign::config::Config;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use socket2::{Domain, Socket, Type};

use crate::support::app::{Options, TestApp};
use crate::support::certificates::self_signed;

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
    let app = start(false).await;
    let browser = app.browser();
    let begun = Instant::now();
    let head = "POST /token HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let half_a_body = format!("{head}Content-Length: 1000\r\n\r\ngrant_type=");
    let half_a_chunk = format!("{head}Transfer-Encoding: chunked\r\n\r\n100\r\ngrant");
    let unread =
        "GET /.well-known/jwks.json HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nno";
    let login = half_a_body.replace("/token", "/login");
    // It went down with its request, but for what is still to come of it.
    let panicking = half_a_chunk.replace("/token", "/panics");
    let mut hanging = vec![];
    for sent in ["", "GET / HT", head, &half_a_body, &half_a_chunk, unread, &login, &panicking] {
        hanging.extend((0..40).map(|_| hang(app.port(), sent.as_bytes())));
    }
    // As much as may be read ahead, of a body that has no end.
    let endless = head.replace("/token", "/reads") + "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    for mut stream in (0..40).map(|_| hang(app.port(), endless.as_bytes())).collect::<Vec<_>>() {
        stream.write_all(&vec![b'x'; 64 * 1024]).unwrap();
        hanging.push(stream);
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

/// A connection of either kind.
trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

/// Connects with little room for what is not read; nothing is waited for longer than anybody may hang.
fn connect(port: u16, tls: bool) -> Box<dyn Wire> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.set_send_buffer_size(16 * 1024).unwrap();
    socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(GIVEN_UP)).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
    if !tls {
        return Box::new(stream);
    }
    let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    Box::new(connector.build().connect("localhost", stream).unwrap())
}

const LARGE: &str = "GET /large HTTP/1.1\r\nHost: h\r\n\r\n";
const NOTHING: &str = "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n";
const HELD: &str = "GET /held HTTP/1.1\r\nHost: h\r\n\r\n";

/// How large `/large` is, without its head.
const SIZE: usize = 64 * 1024;

async fn start(tls: bool) -> TestApp {
    let extra = |service: &mut web::ServiceConfig| {
        async fn held() -> &'static str {
            tokio::time::sleep(Duration::from_secs(15)).await;
            "held"
        }
        async fn large() -> String {
            "x".repeat(SIZE)
        }
        async fn nothing() -> HttpResponse {
            HttpResponse::NoContent().finish()
        }
        /// Answers for how long its thread was busy while it only waited.
        async fn waits() -> HttpResponse {
            let worked = || {
                let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
                Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
            };
            let before = worked();
            tokio::time::sleep(Duration::from_secs(2)).await;
            let busy = worked().saturating_sub(before).as_millis().to_string();
            HttpResponse::NoContent().insert_header(("busy", busy)).finish()
        }
        async fn reads(body: web::Bytes) -> HttpResponse {
            HttpResponse::NoContent().insert_header(("read", body.len().to_string())).finish()
        }
        async fn panics() -> &'static str {
            panic!("as it should")
        }
        service.route("/panics", web::post().to(panics));
        service.route("/held", web::get().to(held)).route("/waits", web::get().to(waits));
        service.route("/reads", web::post().to(reads));
        service.route("/large", web::get().to(large)).route("/nothing", web::get().to(nothing));
    };
    let certified = |config: &mut Config| {
        let (cert, key) = self_signed(1, 90);
        let [cert_file, key_file] = ["cert.pem", "key.pem"].map(|name| config.data_dir.with_file_name(name));
        std::fs::write(&cert_file, cert).unwrap();
        std::fs::write(&key_file, key).unwrap();
        // A key that others can read is refused.
        std::fs::set_permissions(&key_file, Permissions::from_mode(0o600)).unwrap();
        config.tls = Some((cert_file, key_file));
    };
    let adjust = if tls { certified } else { |_: &mut Config| () };
    TestApp::start_with(Options { extra, adjust, ..Options::default() }).await
}

/// Reads one answer of this many bytes, and its head.
fn answer(wire: &mut dyn Wire, size: usize) -> String {
    let (mut head, mut byte) = (vec![], [0]);
    while !head.ends_with(b"\r\n\r\n") {
        wire.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    wire.read_exact(&mut vec![0; size]).unwrap();
    String::from_utf8(head).unwrap()
}

/// After an answer, or together with the request before it, half a head and then a byte now and then.
fn drip(mut wire: Box<dyn Wire>, together: bool) -> Duration {
    let (first, second) = if together { (format!("{NOTHING}GET"), " ") } else { (NOTHING.to_owned(), "G") };
    wire.write_all(first.as_bytes()).unwrap();
    assert!(answer(&mut *wire, 0).starts_with("HTTP/1.1 204"));
    let begun = Instant::now();
    wire.write_all(second.as_bytes()).unwrap();
    while wire.write_all(b"x").and_then(|()| wire.flush()).is_ok() {
        assert!(begun.elapsed() < GIVEN_UP, "it is still listened to");
        thread::sleep(Duration::from_millis(500));
    }
    begun.elapsed()
}

/// Asks again and again and reads nothing, until it is not listened to any more.
fn never_read(wire: &mut dyn Wire, request: &str) {
    // Larger, so that few of them fill the buffers on the way.
    let request = request.replace("Host: h", &format!("Host: h\r\nX: {}", "x".repeat(250)));
    let mut asked = 0;
    while wire.write_all(request.as_bytes()).is_ok() {
        asked += 1;
        assert!(asked < 5000, "whoever reads nothing can ask without end");
    }
}

/// Asks ten times at once, and reads a little now and then.
fn slowly(mut wire: Box<dyn Wire>) {
    wire.write_all(LARGE.repeat(10).as_bytes()).unwrap();
    let (mut read, mut buffer) = (0, [0; 4096]);
    while read < 10 * SIZE {
        read += wire.read(&mut buffer).unwrap();
        thread::sleep(Duration::from_millis(250));
    }
}

/// Is answered, then silent, and answered again.
fn idle(mut wire: Box<dyn Wire>) {
    for wait in [25, 0] {
        wire.write_all(NOTHING.as_bytes()).unwrap();
        assert!(answer(&mut *wire, 0).starts_with("HTTP/1.1 204"));
        thread::sleep(Duration::from_secs(wait));
    }
}

/// Sends the next head while an answer is long in coming, and the end of it afterwards.
fn eager(mut wire: Box<dyn Wire>) {
    let (now, later) = NOTHING.split_at(NOTHING.len() - 4);
    for part in [HELD, &now[..3], &now[3..]] {
        wire.write_all(part.as_bytes()).unwrap();
        thread::sleep(Duration::from_secs(1));
    }
    assert!(answer(&mut *wire, 4).starts_with("HTTP/1.1 200"));
    wire.write_all(later.as_bytes()).unwrap();
    assert!(answer(&mut *wire, 0).starts_with("HTTP/1.1 204"));
}

/// Connections that were answered before.
async fn later_on_a_connection(tls: bool) {
    let app = start(tls).await;
    let port = app.port();
    let honest = [slowly, idle, eager].map(|client| thread::spawn(move || client(connect(port, tls))));
    let dripping = [false, true].map(|together| thread::spawn(move || drip(connect(port, tls), together)));
    let unread = [LARGE, NOTHING].map(|request| {
        thread::spawn(move || {
            let mut wire = connect(port, tls);
            never_read(&mut *wire, request);
            wire
        })
    });
    let hanging = tokio::task::spawn_blocking(move || {
        for dripping in dripping {
            let took = dripping.join().unwrap();
            assert!(took > Duration::from_secs(8), "an honest but slow client needs longer than {took:?}");
        }
        let unread = unread.map(|unread| unread.join().unwrap());
        for honest in honest {
            honest.join().unwrap();
        }
        unread
    });
    let hanging = hanging.await.unwrap();
    let begun = Instant::now();
    while app.app.drain.open() > 0 {
        assert!(begun.elapsed() < GIVEN_UP, "{} are still open", app.app.drain.open());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(hanging);
    app.finish().await;
}

#[actix_web::test]
async fn dripping_heads_and_unread_answers_are_given_up_on_any_connection_and_over_tls() {
    futures_util::future::join(later_on_a_connection(false), later_on_a_connection(true)).await;
}

/// Far more than is read ahead, behind requests that wait one after the other; then a body in the smallest chunks,
/// many times as long as what they carry.
#[actix_web::test]
async fn what_is_sent_ahead_is_read_when_it_is_wanted_and_keeps_nobody_busy() {
    let app = start(false).await;
    let mut stream = TcpStream::connect(("127.0.0.1", app.port())).unwrap();
    let padded = format!("GET /nothing HTTP/1.1\r\nHost: h\r\nX-Padding: {}\r\n\r\n", "x".repeat(1000));
    let sent = "GET /waits HTTP/1.1\r\nHost: h\r\n\r\n".repeat(4)
        + &padded.repeat(400)
        + "POST /reads HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        + &"1\r\nx\r\n".repeat(60_000)
        + "0\r\n\r\n";
    let sending =
        stream.try_clone().map(|mut stream| thread::spawn(move || stream.write_all(sent.as_bytes())));
    stream.set_read_timeout(Some(GIVEN_UP)).unwrap();
    let answers =
        tokio::task::spawn_blocking(move || (0..405).map(|_| answer(&mut stream, 0)).collect::<Vec<_>>());
    let answers = answers.await.unwrap();
    sending.unwrap().join().unwrap().unwrap();
    let told = |head: &str, name: &str| -> u64 {
        let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("{head}")).parse().unwrap()
    };
    let busy: Vec<u64> = answers[..4].iter().map(|answer| told(answer, "busy")).collect();
    assert!(
        busy.iter().all(|busy| *busy < 500),
        "the thread of requests that waited was busy for {busy:?} ms"
    );
    assert!(answers.iter().all(|answer| answer.starts_with("HTTP/1.1 204")), "{answers:?}");
    assert_eq!(told(&answers[404], "read"), 60_000);
    app.finish().await;
}
