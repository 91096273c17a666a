//! The way out leads to the public network, to what the operator allowed, and nowhere else.

use std::io::Write;
use std::net::{IpAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign::clock::Clock;
use countersign::outbound::{Allowed, Authorities, Outbound, OutboundError, look_up};

use crate::support::origin::{self, Origin};

fn allowing(allowed: &[&str]) -> Outbound {
    let allowed: Vec<Allowed> = allowed.iter().map(|text| Allowed::parse(text).unwrap()).collect();
    Outbound::new(&allowed, &Authorities::default(), look_up)
}

async fn get(outbound: &Outbound, url: &str) -> Result<Vec<u8>, OutboundError> {
    outbound.get("client", url, 1000, Clock::default().now()).await
}

fn says_hello(_path: &str, stream: &mut TcpStream) {
    origin::write(stream, "200 OK", "", b"hello");
}

#[actix_web::test]
async fn nothing_inside_is_reached_however_it_is_spelled() {
    let outbound = allowing(&[]);
    #[rustfmt::skip]
    let inside = [
        // This machine, in every spelling there is.
        "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001",
        "127.0.0.1.", "127.255.255.254", "0.0.0.0", "0", "[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]", "[::127.0.0.1]", "1\u{ff12}7.0.0.1", "\u{2460}\u{2461}\u{2466}.0.0.1", "%31%32%37.0.0.1",
        // Private networks, and those of providers.
        "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255",
        "[fc00::1]", "[fd12:3456:789a::1]", "[::ffff:10.0.0.1]", "[fec0::1]",
        // Where clouds keep credentials.
        "169.254.169.254", "2852039166", "0xa9fea9fe", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:169.254.169.254]",
        // Translated and tunnelled: the same machines by another way.
        "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::]", "[2002:a00:1::1]",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
        // Nobody's, everybody's, and kept for later.
        "192.0.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "192.88.99.1", "224.0.0.1",
        "239.255.255.255", "240.0.0.1", "255.255.255.255", "[ff02::1]", "[2001:db8::1]", "[3fff::1]", "[100::1]",
        "[5f00::1]",
    ];
    for host in inside {
        let refused = get(&outbound, &format!("https://{host}/")).await;
        assert!(matches!(refused, Err(OutboundError::Refused(_))), "{host}: {refused:?}");
    }
    for url in [
        "http://93.184.215.14/", "http://example.com/", "ftp://93.184.215.14/", "file:///etc/passwd",
        "gopher://x/", "data:text/plain,x", "https://user@93.184.215.14/", "https://:secret@93.184.215.14/",
        "nonsense", "https://", "/relative", "unix:/run/docker.sock",
    ] {
        let refused = get(&outbound, url).await;
        assert!(matches!(refused, Err(OutboundError::Refused(_))), "{url}: {refused:?}");
    }
}

/// Whatever a name's addresses are, one that is inside is enough to refuse them all.
fn looked_up(name: &str) -> std::io::Result<Vec<IpAddr>> {
    let addresses = match name {
        "inside.example" => vec!["127.0.0.1"],
        "metadata.example" => vec!["169.254.169.254"],
        "mixed.example" => vec!["127.0.0.2", "127.0.0.1"],
        "mapped.example" => vec!["::ffff:127.0.0.1"],
        "nat64.example" => vec!["64:ff9b::7f00:1"],
        "nowhere.example" => vec![],
        _ => return Err(std::io::Error::other("no such name")),
    };
    Ok(addresses.into_iter().map(|address| address.parse().unwrap()).collect())
}

#[actix_web::test]
async fn a_name_is_as_good_as_the_addresses_it_leads_to() {
    let origin = Origin::start("127.0.0.1", 0, says_hello);
    let port = origin.port;
    let allowed = [Allowed::parse("127.0.0.2").unwrap()];
    let outbound = Outbound::new(&allowed, &Authorities::default(), looked_up);
    for name in ["inside", "metadata", "mixed", "mapped", "nat64", "nowhere", "unknown"] {
        for scheme in ["http", "https"] {
            let failed = get(&outbound, &format!("{scheme}://{name}.example:{port}/")).await;
            let Err(OutboundError::Failed(why)) = failed else { panic!("{name}: {failed:?}") };
            assert!(
                why.contains("public network") || why.contains("no address") || why.contains("no such"),
                "{why}"
            );
        }
    }
    let localhost = get(&allowing(&[]), &format!("https://localhost:{port}/")).await;
    assert!(matches!(localhost, Err(OutboundError::Failed(_))), "{localhost:?}");
    assert_eq!(origin.requests(), Vec::<String>::new());
}

/// Answers with another address each time it is asked, as a hostile name server does.
#[actix_web::test]
async fn a_name_that_changes_its_address_is_asked_once() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    #[expect(clippy::unnecessary_wraps, reason = "the shape a resolver has")]
    fn rebinding(_name: &str) -> std::io::Result<Vec<IpAddr>> {
        let address = if ASKED.fetch_add(1, Ordering::SeqCst) == 0 { "127.0.0.2" } else { "127.0.0.1" };
        Ok(vec![address.parse().unwrap()])
    }
    let victim = Origin::start("127.0.0.1", 0, says_hello);
    let allowed = Origin::start("127.0.0.2", victim.port, |_, stream| {
        origin::write(stream, "200 OK", "Connection: keep-alive\r\n", b"the one that was checked");
    });
    let outbound =
        Outbound::new(&[Allowed::parse("127.0.0.2/32").unwrap()], &Authorities::default(), rebinding);
    let url = format!("http://changes.example:{}/", victim.port);
    assert_eq!(get(&outbound, &url).await.unwrap(), b"the one that was checked");
    assert_eq!(ASKED.load(Ordering::SeqCst), 1);
    let head = allowed.requests().remove(0).to_lowercase();
    assert!(head.contains(&format!("host: changes.example:{}", victim.port)), "{head}");
    assert!(head.contains(concat!("user-agent: countersign/", env!("CARGO_PKG_VERSION"))), "{head}");
    for absent in ["cookie", "authorization", "referer"] {
        assert!(!head.contains(absent), "{head}");
    }
    // The next connection is looked up anew, and what it leads to now is refused.
    assert!(matches!(get(&outbound, &url).await, Err(OutboundError::Failed(_))));
    assert_eq!(victim.requests(), Vec::<String>::new());
}

/// Name servers of one client that never answer take its own share of the look-ups and no other's.
#[actix_web::test]
async fn hanging_name_servers_of_one_client_hold_up_no_other() {
    static HANGING: AtomicUsize = AtomicUsize::new(0);
    static MOST_HANGING: AtomicUsize = AtomicUsize::new(0);
    static RELEASED: AtomicBool = AtomicBool::new(false);
    #[expect(clippy::unnecessary_wraps, reason = "the shape a resolver has")]
    fn hangs(name: &str) -> std::io::Result<Vec<IpAddr>> {
        if name.starts_with("hangs") {
            MOST_HANGING.fetch_max(HANGING.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            while !RELEASED.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(20));
            }
            HANGING.fetch_sub(1, Ordering::SeqCst);
        }
        Ok(vec!["127.0.0.1".parse().unwrap()])
    }
    let origin = Origin::start("127.0.0.1", 0, says_hello);
    let outbound = Outbound::new(&[Allowed::parse("127.0.0.1").unwrap()], &Authorities::default(), hangs);
    let (outbound, now) = (&outbound, Clock::default().now());
    let fetch = |owner: &'static str, name: String| {
        let url = format!("http://{name}.example:{}/", origin.port);
        async move { outbound.get(owner, &url, 1000, now).await }
    };
    let begun = Instant::now();
    let hanging =
        futures_util::future::join_all((0..20).map(|number| fetch("one", format!("hangs-{number}"))));
    let others = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let own = fetch("one", "answers-one".into());
        let others = futures_util::future::join_all(
            (0..5).map(|number| fetch("another", format!("answers-{number}"))),
        );
        let (own, others) = tokio::join!(own, async { (others.await, begun.elapsed()) });
        assert!(matches!(own, Err(OutboundError::Failed(_))), "its own share is used up: {own:?}");
        others
    };
    let (hanging, (others, took)) = tokio::join!(hanging, others);
    assert!(others.iter().all(|other| other.as_deref() == Ok(b"hello")), "{others:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    for failed in hanging {
        let Err(OutboundError::Failed(why)) = failed else { panic!("{failed:?}") };
        assert!(why.contains("looking its name up took longer than 2 seconds"), "{why}");
    }
    assert_eq!(MOST_HANGING.load(Ordering::SeqCst), 1);
    // When the one answers at last, the client has its share back.
    RELEASED.store(true, Ordering::SeqCst);
    let mut tries = 0;
    while let Err(error) = fetch("one", format!("late-{tries}")).await {
        assert!(tries < 10, "{error}");
        tries += 1;
    }
}

#[actix_web::test]
async fn what_comes_is_bounded_in_size_and_time_and_leads_nowhere_else() {
    let origin = Origin::start("127.0.0.1", 0, |path, stream| match path {
        "/fits" => origin::write(stream, "200 OK", "", &[b'x'; 1000]),
        "/declared" => origin::write(stream, "200 OK", "", &[b'x'; 1001]),
        "/endless" => {
            let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            while stream.write_all(b"4\r\nxxxx\r\n").is_ok() {}
        }
        "/moved" => origin::write(stream, "302 Found", "Location: /fits\r\n", b""),
        "/absent" => origin::write(stream, "404 Not Found", "", b"hello"),
        _ => {
            let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
            for _ in 0..100 {
                std::thread::sleep(Duration::from_millis(200));
                if stream.write_all(b"x").is_err() {
                    return;
                }
            }
        }
    });
    let (outbound, clock) = (allowing(&["127.0.0.1"]), Clock::default());
    let at = |path: &str| format!("http://127.0.0.1:{}{path}", origin.port);
    assert_eq!(get(&outbound, &at("/fits")).await.unwrap().len(), 1000);
    for path in ["/declared", "/endless", "/moved", "/absent"] {
        let failed = get(&outbound, &at(path)).await;
        assert!(matches!(failed, Err(OutboundError::Failed(_))), "{path}: {failed:?}");
    }
    // Two at a time go to one origin; who waits too long for a turn is told so as well. The time-out is ours to
    // keep, not the other side's: ten seconds would pass here without it.
    let before = origin.requests().len();
    let begun = Instant::now();
    let urls = [at("/slow?1"), at("/slow?2"), at("/slow?3")];
    let slow = futures_util::future::join_all(urls.iter().map(|url| get(&outbound, url))).await;
    assert!(slow.iter().all(|failed| matches!(failed, Err(OutboundError::Failed(_)))), "{slow:?}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert_eq!(origin.requests().len() - before, 2, "the third never got its turn");

    // A failure is remembered for half a minute: whoever triggers fetches does not trigger requests.
    let before = origin.requests().len();
    assert_eq!(get(&outbound, &at("/absent")).await, Err(OutboundError::FailedBefore));
    assert_eq!(origin.requests().len(), before);
    let later = clock.now() + time::Duration::seconds(31);
    assert!(matches!(outbound.get("client", &at("/absent"), 9, later).await, Err(OutboundError::Failed(_))));
    assert_eq!(origin.requests().len(), before + 1);
}

#[actix_web::test]
async fn the_operator_can_allow_more() {
    let origin = Origin::start("127.0.0.1", 0, says_hello);
    let port = origin.port;
    let (literal, name) = (format!("http://127.0.0.1:{port}/"), format!("http://localhost:{port}/"));
    for (allowed, reached) in [
        (vec![], [false, false]),
        (vec!["127.0.0.0/8".to_owned(), "::1".into()], [true, true]),
        (vec![format!("localhost:{port}")], [false, true]),
        (vec![format!("127.0.0.1:{port}")], [true, false]),
        (vec![format!("localhost:{}", port.wrapping_add(1))], [false, false]),
    ] {
        let allowed: Vec<&str> = allowed.iter().map(String::as_str).collect();
        let outbound = allowing(&allowed);
        for (url, reached) in [&literal, &name].into_iter().zip(reached) {
            assert_eq!(get(&outbound, url).await.is_ok(), reached, "{allowed:?} {url}");
        }
    }
    for nonsense in
        ["", "x", "localhost", "10.0.0.0/33", "http://x:80", "x:0x50", "x:99999", "a/b:80", "u@x:80"]
    {
        assert_eq!(Allowed::parse(nonsense), None, "{nonsense}");
    }
}
