//! What a rotation costs those who are signing in meanwhile.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::http::Connection;
use crate::provider::Provider;

/// Nodes look every 200 ms, and a new key takes a while to make; those that sign stay as they are.
const KEYS: &str = "\n[keys]\nrsa_bits = 3072\njwks_max_age = 2\npublish_before = 3000\n";
/// How many people redeem codes at once: fewer than would fill the machine, or the queue would be measured.
const CONNECTIONS: usize = 2;

/// One request; answers how long it took.
type Ask = fn(&Provider, &mut Connection, usize) -> Duration;

/// How long requests took.
struct Times(Vec<Duration>);

impl Times {
    fn at(&self, percent: usize) -> f64 {
        let at = (self.0.len() * percent / 100).min(self.0.len() - 1);
        self.0[at].as_secs_f64() * 1e3
    }
}

/// `/token` and the key set beside nothing, and beside one rotation after another: by turns, so that
/// whatever else the machine does falls on both.
pub fn report(provider: &mut Provider, scale: usize) {
    let before = provider.restart_with(KEYS);
    let kinds: [(&str, Ask); 2] = [("/token, RS256", token), ("JWKS", jwks)];
    println!("\n{:<34}{:>12}{:>12}{:>10}", "making RSA keys while asked", "median", "p99", "requests");
    for (name, ask) in kinds {
        let (mut calm, mut busy, mut made) = (vec![], vec![], 0);
        for _ in 0..5 {
            calm.extend(requests(provider, 1_000 / scale, None, ask));
            let rotating = AtomicUsize::new(0);
            busy.extend(requests(provider, 1_000 / scale, Some(&rotating), ask));
            made += rotating.into_inner();
        }
        for (mut times, what) in [(calm, String::new()), (busy, format!(", {made} keys made"))] {
            times.sort_unstable();
            let times = Times(times);
            let (median, p99, count) = (times.at(50), times.at(99), times.0.len());
            println!("{:<34}{median:>10.2}ms{p99:>10.2}ms{count:>10}", format!("{name}{what}"));
        }
    }
    std::fs::write(&provider.config, before).unwrap();
}

/// Asks so many times at least, and until a key was made meanwhile, if any is to be.
fn requests(provider: &Provider, times: usize, rotating: Option<&AtomicUsize>, ask: Ask) -> Vec<Duration> {
    let (next, over, taken) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(vec![]));
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(|| {
                    let (mut link, mut mine) = (Connection::open(provider.port), vec![]);
                    let is_enough = |made: &AtomicUsize| made.load(Ordering::Relaxed) > 0;
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= times && rotating.is_none_or(is_enough) {
                            break;
                        }
                        mine.push(ask(provider, &mut link, number));
                    }
                    taken.lock().unwrap().extend(mine);
                })
            })
            .collect();
        if let Some(made) = rotating {
            scope.spawn(|| {
                let mut link = Connection::open(provider.port);
                while !over.load(Ordering::Relaxed) {
                    provider.make_a_key(&mut link);
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
    let code = provider.code(link, 0, number);
    let begun = Instant::now();
    provider.redeem(link, 0, &code);
    begun.elapsed()
}

fn jwks(_: &Provider, link: &mut Connection, _: usize) -> Duration {
    let begun = Instant::now();
    assert_eq!(link.get("/.well-known/jwks.json", "").status, 200);
    begun.elapsed()
}
