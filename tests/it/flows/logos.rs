//! An application's logo on the pages about it: fetched by the provider, and only by it.

use std::io::Read;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use time::Duration as Span;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::browser::Browser;
use crate::support::origin::{self, Origin, PNG};
use crate::support::rp::Rp;

/// The address of the logo on a fresh sign-in page.
async fn shown(rp: &Rp<'_>, browser: &Browser) -> Option<String> {
    let page = browser.open(&rp.authorize(&[("prompt", Some("login"))])).await;
    assert_eq!(page.status, 200);
    let logo = page.body.split("<img class=\"logo\" src=\"").nth(1)?;
    Some(logo.split('"').next().unwrap().to_owned())
}

async fn wait_for(what: &str, mut there: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !there().await {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[actix_web::test]
async fn a_logo_is_fetched_once_and_served_from_here() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let origin = Origin::start("127.0.0.1", 0, |_, stream| {
        // What the server says of it is nobody's business but its bytes'.
        origin::write(stream, "200 OK", "Content-Type: text/html\r\nSet-Cookie: a=b\r\n", &PNG);
    });
    let rp = Rp::new(&app, json!({ "logo_uri": format!("http://127.0.0.1:{}/logo", origin.port) })).await;
    let browser = app.browser();
    wait_for("no logo is shown", async || shown(&rp, &browser).await.is_some()).await;
    let src = shown(&rp, &browser).await.unwrap();
    let logo = browser.get(&format!("http://127.0.0.1:{}{src}", app.port())).await;
    assert_eq!((logo.status.as_u16(), logo.header("content-type")), (200, "image/png"));
    assert_eq!(logo.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(logo.header("x-content-type-options"), "nosniff");
    assert!(logo.header("content-security-policy").starts_with("sandbox;"), "{logo:?}");
    assert_eq!(logo.header("set-cookie"), "");
    let kind = src.strip_prefix("/assets/logo-").and_then(|name| name.rsplit_once('.')).map(|(_, kind)| kind);
    assert_eq!(kind, Some("png"), "{src}");

    // The consent page has it too, with words for who does not see it.
    let page = browser.open(&rp.authorize(&[])).await;
    let consent = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert!(consent.url.path().ends_with("/consent"), "{}", consent.url);
    assert!(consent.body.contains(&format!("src=\"{src}\" alt=\"Logo of Example App\"")), "{}", consent.body);

    // However many look, it is fetched once a day.
    for _ in 0..20 {
        assert_eq!(shown(&rp, &app.browser()).await.as_ref(), Some(&src));
    }
    assert_eq!(origin.requests().len(), 1);
    assert_eq!(browser.get(&app.at("/assets/logo-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.png")).await.status, 404);
    app.finish().await;
}

/// Each is offered as a logo; the page goes without one, and nobody is told to ask again and again.
#[actix_web::test]
async fn what_is_no_picture_is_never_shown() {
    let app = TestApp::start().await;
    let origin = Origin::start("127.0.0.1", 0, |path, stream| match path {
        "/svg" => origin::write(
            stream,
            "200 OK",
            "Content-Type: image/svg+xml\r\n",
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        ),
        "/html" => {
            origin::write(stream, "200 OK", "Content-Type: image/png\r\n", b"<script>alert(1)</script>");
        }
        "/large" => origin::write(stream, "200 OK", "", &[&PNG[..], &vec![0; 256 * 1024]].concat()),
        "/empty" => origin::write(stream, "200 OK", "", b""),
        "/elsewhere" => origin::write(stream, "302 Found", "Location: /picture\r\n", b""),
        _ => origin::write(stream, "200 OK", "", &PNG),
    });
    let browser = app.browser();
    for path in ["/svg", "/html", "/large", "/empty", "/elsewhere"] {
        let uri = format!("http://127.0.0.1:{}{path}", origin.port);
        let rp = Rp::new(&app, json!({ "logo_uri": uri })).await;
        assert_eq!(shown(&rp, &browser).await, None, "{path}");
        let asked = || origin.requests().iter().filter(|head| head.contains(&format!("{path} "))).count();
        wait_for(path, async || asked() == 1).await;
        for _ in 0..5 {
            assert_eq!(shown(&rp, &browser).await, None, "{path}");
        }
        assert_eq!(asked(), 1, "{path}");
    }
    assert!(!origin.requests().iter().any(|head| head.contains("/picture")));
    // Inside another network it is not even asked for.
    let rp = Rp::new(&app, json!({ "logo_uri": "https://169.254.169.254/latest" })).await;
    assert_eq!(shown(&rp, &browser).await, None);
    app.clock.advance(Span::hours(2));
    app.finish().await;
}

static HANGING: AtomicUsize = AtomicUsize::new(0);
static MOST_HANGING: AtomicUsize = AtomicUsize::new(0);
static RELEASED: AtomicBool = AtomicBool::new(false);

/// Says nothing before it is released, or the other side leaves.
fn hangs(_path: &str, stream: &mut TcpStream) {
    MOST_HANGING.fetch_max(HANGING.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut is_there = true;
    while is_there && !RELEASED.load(Ordering::SeqCst) {
        // Waits for a moment; nothing more comes before the other side leaves.
        is_there = !matches!(stream.read(&mut [0]), Ok(0));
    }
    HANGING.fetch_sub(1, Ordering::SeqCst);
    origin::write(stream, "200 OK", "", &PNG);
}

/// Strangers open the pages of applications whose logos hang: that holds a few connections, two for each host, and
/// other hosts are asked meanwhile.
#[actix_web::test]
async fn hosts_that_hang_hold_a_few_fetches_and_hold_up_no_other() {
    let app = TestApp::start().await;
    let browser = app.browser();
    let with_logo = async |address: &str, port: u16| {
        Rp::new(&app, json!({ "logo_uri": format!("http://{address}:{port}/logo") })).await
    };
    let one = Origin::start("127.0.0.2", 0, hangs);
    let mut waiting = vec![];
    for _ in 0..5 {
        waiting.push(with_logo("127.0.0.2", one.port).await);
    }
    for rp in &waiting {
        assert_eq!(shown(rp, &browser).await, None);
    }
    wait_for("nothing is fetched", async || one.requests().len() == 2).await;
    let good = Origin::start("127.0.0.3", 0, |_, stream| origin::write(stream, "200 OK", "", &PNG));
    let other = with_logo("127.0.0.3", good.port).await;
    wait_for("another host is held up", async || shown(&other, &browser).await.is_some()).await;
    assert_eq!((one.requests().len(), HANGING.load(Ordering::SeqCst)), (2, 2), "two for one host");

    let more: Vec<Origin> =
        (11..17).map(|last| Origin::start(&format!("127.0.0.{last}"), one.port, hangs)).collect();
    for last in 11..17 {
        for _ in 0..2 {
            waiting.push(with_logo(&format!("127.0.0.{last}"), one.port).await);
        }
    }
    for rp in &waiting {
        shown(rp, &browser).await;
    }
    wait_for("they are not fetched", async || HANGING.load(Ordering::SeqCst) == 8).await;
    for rp in &waiting {
        shown(rp, &browser).await;
    }
    assert_eq!(MOST_HANGING.load(Ordering::SeqCst), 8, "eight in all");
    RELEASED.store(true, Ordering::SeqCst);
    // What found no place is fetched when it is looked at again.
    let last = waiting.last().unwrap();
    wait_for("it is never fetched", async || shown(last, &browser).await.is_some()).await;
    assert!(more.iter().any(|origin| !origin.requests().is_empty()));
    app.finish().await;
}
