//! Passwords cost time on purpose. Nobody else may pay for it, and the time tells nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::json;
use time::Duration as Span;

use crate::support::TEST;
use crate::support::app::{Options, PASSWORD, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::installation::Installation;
use crate::support::rp::Rp;

fn behind_a_proxy() -> Options {
    Options {
        adjust: |config| config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()],
        ..Options::default()
    }
}

/// A form that can be sent again and again, by one browser that seems to come from everywhere.
struct Form {
    browser: Browser,
    action: String,
    ticket: String,
}

/// How many were sent in all.
static SENT: AtomicUsize = AtomicUsize::new(0);

impl Form {
    async fn open(browser: Browser, authorize: &str) -> Form {
        let page = browser.open(authorize).await;
        let form = page.form();
        let ticket = form.fields.iter().find(|(name, _)| name == "ticket").unwrap().1.clone();
        Form { action: page.url.join(&form.action).unwrap().into(), browser, ticket }
    }

    /// Sends it from another network each time.
    async fn send(&self, login: &str, password: &str) -> Answer {
        let number = SENT.fetch_add(1, Ordering::Relaxed);
        let from = format!("{}.{}.{}.7", 11 + number / 65536, number / 256 % 256, number % 256);
        let fields = [("ticket", self.ticket.as_str()), ("username", login), ("password", password)];
        let request = self.browser.request(Method::POST, &self.action).form(&fields);
        let request = request.header("sec-fetch-site", "same-origin").header("x-forwarded-for", from);
        self.browser.send(request).await
    }
}

#[actix_web::test]
async fn a_full_queue_says_so_and_keeps_the_form_and_half_of_it_is_for_known_browsers() {
    let app = TestApp::start_with(behind_a_proxy()).await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let home = app.browser();
    rp.code(&home, "ada", &[]).await;
    let home = Form::open(home, &rp.authorize(&[("prompt", Some("login"))])).await;
    let crowd = Form::open(app.browser(), &rp.authorize(&[])).await;

    let over = AtomicBool::new(false);
    // A few more than half of the queue is for.
    let stranger = async |number: usize| {
        let mut turned_away: Option<Answer> = None;
        while !over.load(Ordering::Relaxed) {
            let answer = crowd.send(&format!("stranger-{number}"), "an-unlikely-guess").await;
            match answer.status.as_u16() {
                303 => (),
                503 => {
                    turned_away = Some(answer);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                other => panic!("{other}: {}", answer.body),
            }
        }
        turned_away
    };
    let strangers = async {
        let turned_away = futures_util::future::join_all((0..60).map(stranger)).await;
        turned_away.into_iter().flatten().next().expect("the queue was never full")
    };
    let known = async {
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let answer = home.send("ada", PASSWORD).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        }
        over.store(true, Ordering::Relaxed);
    };
    let (turned_away, ()) = tokio::join!(strangers, known);
    assert_eq!(turned_away.header("retry-after"), "5");
    let form = turned_away.form();
    let field = |name: &str| form.fields.iter().find(|(known, _)| known == name).unwrap().1.as_str();
    assert!(field("username").starts_with("stranger-"), "{form:?}");
    assert_eq!((field("password"), field("ticket")), ("", crowd.ticket.as_str()));
    assert!(turned_away.body.contains("Many people are signing in right now"), "{}", turned_away.body);
    app.finish().await;
}

/// Whoever was not even listened to has not failed: five such attempts would otherwise lock somebody out.
#[actix_web::test]
async fn to_be_turned_away_is_no_failure() {
    let app = TestApp::start_with(behind_a_proxy()).await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let form = Form::open(app.browser(), &rp.authorize(&[])).await;
    let from_home = async |password: &str| {
        let fields = [("ticket", form.ticket.as_str()), ("username", "ada"), ("password", password)];
        let request = form.browser.request(Method::POST, &form.action).form(&fields);
        form.browser.send(request.header("sec-fetch-site", "same-origin")).await.status.as_u16()
    };
    for _ in 0..4 {
        assert_eq!(from_home("not-the-password").await, 303);
    }
    // As many as have a place, each of which asks again at once: the queue stays full, even for known devices,
    // until this crowd is dropped.
    let verifier = &app.app.passwords;
    let guess = async |_| loop {
        let password = countersign::password::Password::presented("an-unlikely-guess");
        drop(verifier.verify(password, None, true).await);
        tokio::task::yield_now().await;
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from) / 2;
    let crowd = futures_util::future::join_all((0..100 * threads.max(1)).map(guess));
    let turned_away = async {
        while !verifier.is_full(true) {
            tokio::task::yield_now().await;
        }
        for _ in 0..8 {
            assert_eq!(from_home(PASSWORD).await, 503);
        }
    };
    tokio::select! {
        () = turned_away => (),
        never = crowd => drop::<Vec<()>>(never),
    }
    assert_eq!(from_home("not-the-password").await, 303, "the fifth failure");
    assert_eq!(from_home(PASSWORD).await, 429);
    // Nor is an attempt that the limit itself turned away: when the minute is over, so is the limit.
    for _ in 0..110 {
        assert_eq!(from_home(PASSWORD).await, 429);
    }
    app.clock.advance(Span::seconds(61));
    assert_eq!(from_home(PASSWORD).await, 303, "the network was not counted for what nobody looked at");
    app.finish().await;
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The time of an answer tells nobody whether there is such an account. What is measured is compared with
/// what was measured around it, and more is measured while the machine is too noisy to tell.
#[actix_web::test]
async fn the_time_of_a_refusal_tells_nothing() {
    let app = TestApp::start_with(behind_a_proxy()).await;
    app.user("ada").await;
    let gone = app.user("gone").await;
    let now = app.clock.now();
    let disabled = countersign::store::users::Change::Disabled(true);
    countersign::store::users::change(&app.app.db, &gone.id, disabled, TEST, now).await.unwrap();
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let form = Form::open(app.browser(), &rp.authorize(&[])).await;
    let long = "x".repeat(500);
    let kinds = [
        ("unknown", "nobody", "an-unlikely-guess"),
        ("known", "ada", "an-unlikely-guess"),
        ("disabled", "gone", PASSWORD),
        ("too long", "ada", long.as_str()),
    ];
    let mut times = [const { Vec::new() }; 4];
    for round in 1.. {
        for turn in 0..24 {
            // Each kind comes first, second, third and last equally often.
            for at in 0..4 {
                let kind = (turn + at) % 4;
                let (name, login, password) = kinds[kind];
                let begun = Instant::now();
                let answer = form.send(login, password).await;
                times[kind].push(begun.elapsed());
                assert_eq!(answer.status, StatusCode::SEE_OTHER, "{name}");
            }
        }
        // Fifty failures an hour are all that an account has.
        app.clock.advance(Span::hours(1) + Span::seconds(1));
        let [unknown, others @ ..] = times.each_mut().map(|times| median(times).as_secs_f64());
        let worst = others.map(|other| (other / unknown - 1.0).abs()).into_iter().fold(0.0, f64::max);
        if worst < 0.10 {
            break;
        }
        assert!(round < 8, "{:?}", times.each_mut().map(|times| median(times)));
    }
    app.finish().await;
}

/// How long each of three requests took that have nothing to do with passwords.
#[derive(Default)]
struct Latencies([Vec<Duration>; 3]);

/// What is nobody's delay: half of all requests may have to wait for a processor to be given back to them, and
/// one in ten for somebody else's turn on it.
const SCHEDULED: [Duration; 2] = [Duration::from_micros(200), Duration::from_millis(3)];

const WATCHED: [&str; 3] = ["the public keys", "a live session", "a code redeemed"];

impl Latencies {
    async fn measure(&mut self, provider: &Installation, browser: &Browser) {
        for _ in 0..50 {
            let mut begun = Instant::now();
            let mut lap = |of: usize| {
                self.0[of].push(begun.elapsed());
                begun = Instant::now();
            };
            for _ in 0..4 {
                provider.keys(browser).await;
                lap(0);
            }
            let code =
                browser.get(&provider.authorize("none")).await.answered("code").expect("a live session");
            lap(1);
            assert_eq!(provider.redeem(browser, &code).await.status, 200);
            lap(2);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.0.iter_mut().for_each(|times| times.sort());
    }

    fn at(&self, of: usize, percent: usize) -> Duration {
        self.0[of][self.0[of].len() * percent / 100]
    }
}

/// Sign-ins from everywhere, more than can be hashed, while others go about their business: measured by
/// turns, without and with them, until what else the machine does no longer matters.
#[actix_web::test]
async fn a_flood_of_sign_ins_slows_nobody_else_down() {
    let settings = [("COUNTERSIGN_TRUSTED_PROXIES", "127.0.0.1/32"), ("COUNTERSIGN_LOG", "warn")];
    let settings = settings.map(|(name, value)| (name, value.to_owned()));
    let mut provider = Installation::with(settings.into()).await;
    provider.start().await;
    let browser = Browser::new(Arc::default());
    let page = browser.open(&provider.authorize("login")).await;
    browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    Latencies::default().measure(&provider, &browser).await;

    let (mut quiet, mut flooded) = (Latencies::default(), Latencies::default());
    for turn in 1.. {
        quiet.measure(&provider, &browser).await;
        let flood = Flood::begin(provider.authorize("login"));
        flooded.measure(&provider, &browser).await;
        let priorities = niceness(provider.id());
        assert!(
            !priorities.is_empty() && priorities.iter().all(|nice| *nice == 5),
            "hashing threads have other priorities: {priorities:?}"
        );
        let (compared, turned_away) = flood.end();
        assert!(compared > 0 && turned_away > 0, "that was no flood: {compared}, {turned_away}");
        let told = WATCHED.iter().enumerate().flat_map(|(of, name)| {
            [50, 90].map(|percent| (*name, percent, quiet.at(of, percent), flooded.at(of, percent)))
        });
        let is_slower =
            |percent: usize, before: Duration, then: Duration| then > before * 2 + SCHEDULED[percent / 90];
        if turn > 1 && !told.clone().any(|(_, percent, before, then)| is_slower(percent, before, then)) {
            return;
        }
        assert!(turn < 8, "more than twice as slow: {:#?}", told.collect::<Vec<_>>());
    }
}

/// How far each thread steps aside that hashes passwords in this process.
fn niceness(process: u32) -> Vec<i32> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    // A thread may end while it is looked at.
    let stats =
        threads.filter_map(|thread| std::fs::read_to_string(thread.unwrap().path().join("stat")).ok());
    // Behind the name, which is in brackets: state, …, and as the seventeenth the niceness.
    let of_hashing = stats.filter_map(|stat| stat.split_once("(hashing) ").map(|(_, rest)| rest.to_owned()));
    of_hashing.map(|rest| rest.split(' ').nth(16).unwrap().parse().unwrap()).collect()
}

/// Sixty-four that try passwords, each time from another network: half as many again as one core can hash.
struct Flood {
    over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<(usize, usize)>,
}

impl Flood {
    /// On a thread of its own: what is measured must not wait for what measures.
    fn begin(authorize: String) -> Flood {
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let (under_way, begun) = std::sync::mpsc::channel();
        let flood = async move {
            let form = Form::open(Browser::new(Arc::default()), &authorize).await;
            let (compared, turned_away) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let one = async |number: usize| {
                while !told.load(Ordering::Relaxed) {
                    let answer = form.send(&format!("somebody-{number}"), "an-unlikely-guess").await;
                    match answer.status.as_u16() {
                        303 => compared.fetch_add(1, Ordering::Relaxed),
                        503 => turned_away.fetch_add(1, Ordering::Relaxed),
                        other => panic!("{other}: {}", answer.body),
                    };
                    let _measured_already = under_way.send(answer.status);
                    tokio::time::sleep(Duration::from_millis(700)).await;
                }
            };
            futures_util::future::join_all((0..64).map(one)).await;
            (compared.into_inner(), turned_away.into_inner())
        };
        let thread = std::thread::spawn(|| actix_web::rt::System::new().block_on(flood));
        // It is one from when the first is turned away.
        while begun.recv().unwrap() != StatusCode::SERVICE_UNAVAILABLE {}
        Flood { over, thread }
    }

    /// How many passwords were compared, and how many were turned away.
    fn end(self) -> (usize, usize) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
