//! Comparing a password costs time on purpose: that time tells nothing, and is taken from no other request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::json;
use time::Duration as Span;

use crate::flows::pressure::{Form, behind_a_proxy};
use crate::support::TEST;
use crate::support::app::{PASSWORD, TestApp};
use crate::support::browser::Browser;
use crate::support::installation::Installation;
use crate::support::rp::Rp;

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
