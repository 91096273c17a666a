//! The cost of a rotation for requests that run meanwhile.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::http::Connection;
use crate::provider::{Provider, redeem};

/// Nodes look every 200 ms, and a new key takes a while to make. The signing keys stay as they are.
const KEYS: &str = "keys = { rsa_bits = 3072, jwks_max_age = 2, publish_before = 3000 }\n";
/// How many people redeem codes at once. Each pauses for as long as the answer took; otherwise they would use
/// up the machine and measure their own queue.
const CONNECTIONS: usize = 2;

/// One request; returns how long it took.
type Ask = fn(&Provider, &mut Connection, usize) -> Duration;

/// The durations of requests.
struct Times(Vec<Duration>);

impl Times {
    fn at(&self, percent: usize) -> f64 {
        let at = (self.0.len() * percent / 100).min(self.0.len() - 1);
        self.0[at].as_secs_f64() * 1e3
    }
}

/// Measures `/token` and the key set without any rotation, during rotations of keys that cost nothing to
/// make, and during rotations of RSA keys. These take turns, so that other load on the machine affects all of
/// them.
pub fn report(provider: &mut Provider, scale: usize) {
    let before = provider.restart_with(KEYS);
    let kinds: [(&str, Ask); 2] = [("/token", token), ("JWKS", jwks)];
    println!("\n{:<40}{:>10}{:>10}{:>10}", "while keys are made", "median", "p99", "requests");
    for (name, ask) in kinds {
        let mut turns = [None, Some("ES256"), Some("RS256")].map(|alg| (alg, vec![], 0));
        for _ in 0..5 {
            for (alg, times, made) in &mut turns {
                let rotating = alg.map(|alg| (alg, AtomicUsize::new(0)));
                times.extend(requests(provider, 1_000 / scale, rotating.as_ref(), ask));
                *made += rotating.map_or(0, |(_, made)| made.into_inner());
            }
        }
        for (alg, mut times, made) in turns {
            times.sort_unstable();
            let times = Times(times);
            let (median, p99, count) = (times.at(50), times.at(99), times.0.len());
            let beside = alg.map(|alg| format!(", {made} keys made for {alg}")).unwrap_or_default();
            println!("{:<40}{median:>8.2}ms{p99:>8.2}ms{count:>10}", format!("{name}{beside}"));
        }
    }
    std::fs::write(&provider.config, before).unwrap();
}

/// Sends at least so many requests, and continues until a key was made, if one is to be made.
fn requests(
    provider: &Provider,
    times: usize,
    rotating: Option<&(&str, AtomicUsize)>,
    ask: Ask,
) -> Vec<Duration> {
    let (next, over, taken) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(vec![]));
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(|| {
                    let (mut link, mut mine) = (Connection::open(provider.port), vec![]);
                    let is_enough = |(_, made): &(&str, AtomicUsize)| made.load(Ordering::Relaxed) > 0;
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= times && rotating.is_none_or(is_enough) {
                            break;
                        }
                        let took = ask(provider, &mut link, number);
                        std::thread::sleep(took);
                        mine.push(took);
                    }
                    taken.lock().unwrap().extend(mine);
                })
            })
            .collect();
        if let Some((alg, made)) = rotating {
            scope.spawn(|| {
                let mut link = Connection::open(provider.port);
                while !over.load(Ordering::Relaxed) {
                    provider.make_a_key(&mut link, alg);
                    made.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for asking in asking {
            asking.join().unwrap();
        }
        over.store(true, Ordering::Relaxed);
    });
    taken.into_inner().unwrap()
}

fn token(provider: &Provider, link: &mut Connection, number: usize) -> Duration {
    let code = provider.code(link, &provider.clients[0], number);
    let begun = Instant::now();
    redeem(link, &provider.clients[0], &code);
    begun.elapsed()
}

fn jwks(_: &Provider, link: &mut Connection, _: usize) -> Duration {
    let begun = Instant::now();
    assert_eq!(link.get("/.well-known/jwks.json", "").status, 200);
    begun.elapsed()
}
