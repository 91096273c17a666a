//! The TLS certificate is replaced while the server runs; looked at over real TLS connections.
//!
//! Holds `tls.rs`.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::{Duration, Instant};

use openssl::ssl::{SslConnector, SslMethod, SslStream, SslVerifyMode, SslVersion};

use crate::cli::Shell;
use crate::cli::serving::{self, Server};
use crate::flows::slow::{ended, hang};
use crate::support::certificates::{self_signed, self_signed_rsa};
use crate::support::handshakes::{insist_on_good_suites, reconnected};
use crate::support::redis::free_port;

/// How long the server may take to see new files, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn put(shell: &Shell, cert: &str, key: &str) {
    shell.file("cert.pem", cert);
    shell.file("key.pem", key);
    open_to(shell, 0o600);
}

fn open_to(shell: &Shell, mode: u32) {
    std::fs::set_permissions(shell.path("key.pem"), Permissions::from_mode(mode)).unwrap();
}

/// A server with this certificate and key, in files; answers its port as well.
fn served(shell: &Shell, pair: &(String, String)) -> (Server, u16) {
    put(shell, &pair.0, &pair.1);
    let port = free_port();
    let (issuer, listen) = (format!("https://localhost:{port}"), format!("127.0.0.1:{port}"));
    let settings = [
        ("COUNTERSIGN_ISSUER", issuer.as_str()),
        ("COUNTERSIGN_LISTEN", listen.as_str()),
        ("COUNTERSIGN_TLS_CERT", "cert.pem"),
        ("COUNTERSIGN_TLS_KEY", "key.pem"),
        ("COUNTERSIGN_METRICS_LISTEN", "127.0.0.1:0"),
    ];
    (serving::start(shell, &settings), port)
}

fn connect(port: u16, names_the_server: bool, newest: SslVersion) -> SslStream<TcpStream> {
    let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    connector.set_max_proto_version(Some(newest)).unwrap();
    connector.set_alpn_protos(b"\x02h2\x08http/1.1").unwrap();
    let settings = connector.build().configure().unwrap();
    let settings = settings.use_server_name_indication(names_the_server).verify_hostname(false);
    settings.connect("localhost", TcpStream::connect(("127.0.0.1", port)).unwrap()).unwrap()
}

/// The number of the certificate that a connection was given.
fn serial(stream: &SslStream<TcpStream>) -> u32 {
    let certificate = stream.ssl().peer_certificate().unwrap();
    certificate.serial_number().to_bn().unwrap().to_dec_str().unwrap().parse().unwrap()
}

/// The number that new connections see, however they are made.
fn shown(port: u16) -> u32 {
    let first = connect(port, true, SslVersion::TLS1_3);
    assert_eq!(first.ssl().selected_alpn_protocol(), Some(&b"http/1.1"[..]));
    for (named, newest) in
        [(false, SslVersion::TLS1_3), (true, SslVersion::TLS1_2), (false, SslVersion::TLS1_2)]
    {
        assert_eq!(serial(&connect(port, named, newest)), serial(&first), "{named} {newest:?}");
    }
    serial(&first)
}

fn until(what: &str, is_it: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_it() {
        assert!(begun.elapsed() < PATIENCE, "never {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn answers(stream: &mut SslStream<TcpStream>) -> bool {
    write!(stream, "HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut start = [0; 15];
    stream.read_exact(&mut start).unwrap();
    let mut rest = [0; 4096];
    let _read = stream.read(&mut rest).unwrap();
    &start == b"HTTP/1.1 200 OK"
}

#[test]
fn new_connections_get_the_new_one_and_a_broken_pair_changes_nothing() {
    let shell = Shell::new();
    let (first, second, third) = (self_signed(1, 90), self_signed(2, 90), self_signed(3, 5));
    let (server, port) = served(&shell, &first);
    let mut kept = connect(port, true, SslVersion::TLS1_3);
    assert!(answers(&mut kept));
    assert_eq!(shown(port), 1);

    put(&shell, &second.0, &second.1);
    until("the second certificate", || serial(&connect(port, true, SslVersion::TLS1_3)) == 2);
    assert_eq!(shown(port), 2);
    assert!(answers(&mut kept), "a connection of before goes on");
    assert_eq!(serial(&kept), 1);

    // Half a certificate, then one that is not the key's, then none at all.
    put(&shell, &third.0[..third.0.len() / 2], &third.1);
    until("the first complaint", || server.log().contains("cert.pem cannot be used for TLS"));
    put(&shell, &third.0, &second.1);
    until("the second complaint", || server.log().contains("key.pem is not the key of cert.pem"));
    std::fs::remove_file(shell.path("key.pem")).unwrap();
    until("the third complaint", || server.log().contains("key.pem cannot be used for TLS: No such file"));
    assert_eq!(shown(port), 2);

    put(&shell, &third.0, &third.1);
    until("the third certificate", || serial(&connect(port, true, SslVersion::TLS1_3)) == 3);
    assert_eq!(shown(port), 3);
    until("the warning", || server.log().contains("expires in 4 days"));
    let numbers = serving::get(server.line["metrics"][0].as_str().unwrap(), "/metrics");
    let line =
        numbers.lines().find(|line| line.starts_with("countersign_tls_certificate_expiry_timestamp_seconds"));
    let expiry: f64 = line.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    let days = (expiry - now) / 86_400.0;
    assert!((4.9..5.1).contains(&days), "{days}");

    let done = server.end("-TERM");
    assert_eq!(done.code, 0);
    let complaints: Vec<&str> = done.err.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(complaints.len(), 3, "each fault is told once: {complaints:#?}");
    assert!(complaints.iter().all(|line| line.contains("of before stays in use")), "{complaints:#?}");
}

/// A hang-up has the files read at once, even if nothing about them seems to have changed.
#[test]
fn a_hang_up_reads_the_files_again() {
    let shell = Shell::new();
    let (first, second) = (self_signed(1, 90), self_signed(2, 90));
    let (server, port) = served(&shell, &first);
    assert_eq!(shown(port), 1);
    put(&shell, &second.0, &second.1);
    server.signal("-HUP");
    until("the second certificate", || serial(&connect(port, true, SslVersion::TLS1_3)) == 2);
    let before = server.log().matches("was read again").count();
    server.signal("-HUP");
    until("another reading", || server.log().matches("was read again").count() > before);
    assert_eq!(server.end("-TERM").code, 0);

    let plain = Shell::new();
    let server = serving::start(&plain, &[]);
    server.signal("-HUP");
    until("an answer", || server.log().contains("there is nothing to read again"));
    assert_eq!(server.end("-TERM").code, 0);
}

#[test]
fn a_pair_that_cannot_be_used_is_refused_at_start_with_the_reason() {
    let (first, second) = (self_signed(1, 90), self_signed(2, 90));
    let locked = openssl::pkey::PKey::private_key_from_pem(first.1.as_bytes()).unwrap();
    let cipher = openssl::symm::Cipher::aes_256_cbc();
    let locked = locked.private_key_to_pem_pkcs8_passphrase(cipher, b"hunter2").unwrap();
    let locked = String::from_utf8(locked).unwrap();
    for (cert, key, why) in [
        (&first.0[..], &second.1[..], "key.pem is not the key of cert.pem"),
        ("", &first.1, "there is no certificate in it"),
        (&first.1, &first.1, "cert.pem cannot be used for TLS"),
        (&first.0, &first.0, "key.pem cannot be used for TLS: it is no PEM private key"),
        (&first.0, &locked, "key.pem cannot be used for TLS: it is no PEM private key without passphrase"),
    ] {
        let shell = Shell::new();
        put(&shell, cert, key);
        let file = shell.file(
            "countersign.toml",
            "issuer = 'https://localhost'\nlisten = '127.0.0.1:0'\ntls_cert = 'cert.pem'\ntls_key = 'key.pem'",
        );
        shell.run(&["serve", "--config", &file]).bad(why);
    }
}

/// As the instance key: a key that others can read is no secret. The group of a key that is root's may read it.
#[test]
fn a_key_that_others_can_read_is_refused_with_the_remedy() {
    let (cert, key) = self_signed(1, 90);
    for (mode, group_may) in
        [(0o600, true), (0o400, true), (0o640, true), (0o644, false), (0o604, false), (0o660, false)]
    {
        let shell = Shell::new();
        put(&shell, &cert, &key);
        open_to(&shell, mode);
        let is_roots = std::fs::metadata(shell.path("key.pem")).unwrap().uid() == 0;
        let settings = "issuer = 'https://localhost'\ntls_cert = 'cert.pem'\ntls_key = 'key.pem'";
        let file = shell.file("countersign.toml", settings);
        let said = shell.run(&["doctor", "--offline", "--config", &file]).out;
        let refused = format!("key.pem can be read by others (mode {mode:03o}); run: chmod 600 key.pem");
        let is_accepted = if is_roots { group_may } else { mode <= 0o600 && mode % 0o100 == 0 };
        assert_eq!(!said.contains(&refused), is_accepted, "{mode:o}: {said}");
        if !is_accepted {
            shell.run(&["serve", "--config", &file]).bad(&refused);
        }
    }
}

/// With an RSA certificate, which suites without forward secrecy and with finite fields could be used with.
#[test]
fn only_elliptic_curves_and_authenticated_encryption_are_agreed_on() {
    let shell = Shell::new();
    let (_server, port) = served(&shell, &self_signed_rsa(1, 2));
    insist_on_good_suites(port);
}

/// The keys of session tickets would be as old as the process.
#[test]
fn no_session_is_resumed() {
    let shell = Shell::new();
    let (_server, port) = served(&shell, &self_signed(1, 2));
    for version in ["-tls1_2", "-tls1_3"] {
        let said = reconnected(port, version);
        assert_eq!(said.matches("New, TLSv1.").count(), 6, "{version}: {said}");
        assert!(!said.contains("Reused, ") && !said.contains("Session Ticket"), "{version}: {said}");
        assert!(!said.contains("TLS session ticket"), "{version}: {said}");
    }
}

/// A handshake that is begun and not finished is given up, and nobody else notices.
#[test]
fn handshakes_that_are_never_finished_are_given_up() {
    let shell = Shell::new();
    let (_server, port) = served(&shell, &self_signed(1, 2));
    let begun = Instant::now();
    let half_a_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    let hanging = (0..80).map(|number| hang(port, &half_a_hello[..half_a_hello.len() * (number % 2)]));
    let hanging = hanging.collect();
    assert_eq!(shown(port), 1);
    ended(hanging, begun);
}

/// Everything that comes back for these bytes.
fn answer(stream: &mut (impl Read + Write), sent: &[u8]) -> String {
    stream.write_all(sent).unwrap();
    let (mut came, mut buffer) = (vec![], [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        came.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&came).into_owned()
}

/// Nothing is told to who cannot speak a version of TLS that is still good, or speaks none.
#[test]
fn old_versions_of_tls_and_plain_text_are_refused() {
    let shell = Shell::new();
    let (_server, port) = served(&shell, &self_signed(1, 2));
    let tcp = || {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    for (newest, accepted) in
        [(SslVersion::TLS1, false), (SslVersion::TLS1_1, false), (SslVersion::TLS1_2, true)]
    {
        let mut old = SslConnector::builder(SslMethod::tls()).unwrap();
        old.set_verify(SslVerifyMode::NONE);
        // What this side would refuse itself says nothing about the other one.
        old.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
        old.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
        old.set_max_proto_version(Some(newest)).unwrap();
        match old.build().connect("localhost", tcp()) {
            Ok(_) => assert!(accepted, "{newest:?}"),
            Err(error) => {
                assert!(!accepted, "{newest:?}: {error}");
                assert!(error.to_string().contains("alert protocol version"), "{newest:?}: {error}");
            }
        }
    }
    let said =
        answer(&mut tcp(), b"GET /.well-known/openid-configuration HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(!said.contains("HTTP") && said.len() < 32, "{said:?}");
}

/// Whoever was here once over TLS comes back over nothing else, and no cookie goes out without it.
#[test]
fn over_tls_nothing_can_be_taken_back_to_plain_http() {
    let shell = Shell::new();
    let (server, port) = served(&shell, &self_signed(1, 2));
    let get = |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
        answer(&mut connect(port, true, SslVersion::TLS1_3), request.as_bytes()).to_lowercase()
    };
    for path in ["/", "/authorize", "/nowhere", "/userinfo", "/.well-known/jwks.json", "/livez"] {
        let said = get(path);
        assert!(said.contains("\r\nstrict-transport-security: max-age=31536000\r\n"), "{path}: {said}");
        assert!(!said.contains("http://"), "{path}: {said}");
    }
    // The switch of language is the shortest way to a cookie.
    let said = get("/language?lang=de");
    let cookies: Vec<&str> = said.lines().filter(|line| line.starts_with("set-cookie: ")).collect();
    assert!(!cookies.is_empty(), "{said}");
    for cookie in cookies {
        assert!(cookie.starts_with("set-cookie: __host-") && cookie.contains("; secure"), "{cookie}");
    }
    assert_eq!(server.end("-TERM").code, 0);
}
