//! What operations cost, end to end: the real server in its own process, real sockets, durable state. The
//! processor time of the server per operation stands beside a floor measured in the same run. The machine
//! may be busy with other things: each figure is the quietest of several rounds.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::cast_precision_loss,
    reason = "a measurement that goes wrong should stop at once"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

mod floors;
mod http;
mod process;
mod provider;
mod rotation;
#[path = "../../tests/support/postgres.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod postgres;
#[path = "../../tests/support/redis.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod redis;

use http::Connection;
use process::Process;
use provider::{PEOPLE, Provider, Stores};
use redis::free_port;

const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--bare") {
        return bare(arguments[at + 1].parse().unwrap());
    }
    let connections = 8;
    if let Some(at) = arguments.iter().position(|argument| argument == "--load") {
        return load(&arguments[at + 1], connections);
    }
    if arguments.iter().any(|argument| argument == "--rotation") {
        for stores in [Stores::Embedded, Stores::Servers] {
            rotation::report(&mut Provider::start(stores), 1);
        }
        return;
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let scale = if quick { 10 } else { 1 };
    let floors = floors::Floors::new();
    let bare = Process::bare(free_port());
    println!(
        "processor time of the server per operation, {connections} connections, quietest of {ROUNDS} rounds\n"
    );
    println!("{:<34}{:>12}{:>12}{:>10}", "", "measured", "floor", "req/s");
    for (stores, title) in [(Stores::Embedded, "SQLite"), (Stores::Servers, "PostgreSQL + Redis")] {
        println!("{title}");
        let mut provider = Provider::start(stores);
        let idle = provider.process().memory();
        let mut rounds = vec![Round::default(); ROUNDS];
        for round in &mut rounds {
            *round = measure(&provider, &floors, &bare, connections, scale);
        }
        report(&rounds);
        let flows = 10_000 / scale;
        spread(provider.port, connections, flows, |link, number| {
            drop(provider.sso(link, number % 2, number));
        });
        println!("{:<34}{idle:>10.1}MB", "memory after start and 80 logins");
        println!("{:<34}{:>10.1}MB", format!("memory after {flows} more flows"), provider.process().memory());
        if let Some(redis) = &provider.redis {
            println!("{:<34}{:>10} B", "Redis per browser, two apps", bytes_per_browser(redis.port));
        }
        rotation::report(&mut provider, scale);
        restart(provider);
        println!();
    }
}

/// One operation's cost and floor, in one round.
#[derive(Clone, Copy, Default)]
struct Cost {
    cpu: Duration,
    floor: Duration,
    rate: f64,
}

type Round = Vec<(&'static str, Cost)>;

fn measure(
    provider: &Provider,
    floors: &floors::Floors,
    bare: &Process,
    connections: usize,
    scale: usize,
) -> Round {
    let (rs256, es256) = (floors.rs256(), floors.es256());
    let get = |process: &Process, path: &str, times: usize| {
        timed(process, connections, times / scale, |link, _| assert_eq!(link.get(path, "").status, 200))
    };
    let http = get(bare, "/", 20_000).cpu;
    let process = provider.process();
    let sso = |client: usize| {
        timed(process, connections, 2_000 / scale, |link, number| drop(provider.sso(link, client, number)))
    };
    let mut link = Connection::open(provider.port);
    let headers: Vec<String> = (0..PEOPLE)
        .map(|person| {
            let tokens = provider.sso(&mut link, 0, person);
            format!("Authorization: Bearer {}\r\n", tokens["access_token"].as_str().unwrap())
        })
        .collect();
    let userinfo = timed(process, connections, 10_000 / scale, |link, number| {
        assert_eq!(link.get("/userinfo", &headers[number % PEOPLE]).status, 200);
    });
    let login = timed(process, 1, 100 / scale, |link, number| provider.log_in(link, number));
    vec![
        ("SSO, ID token RS256", Cost { floor: rs256 + es256 + http * 2, ..sso(0) }),
        ("SSO, ID token ES256", Cost { floor: es256 * 2 + http * 2, ..sso(1) }),
        ("login with password, 5 requests", Cost { floor: floors::Floors::argon2() + http * 5, ..login }),
        ("userinfo", Cost { floor: floors.es256_verified() + http, ..userinfo }),
        ("JWKS", Cost { floor: http, ..get(process, "/.well-known/jwks.json", 20_000) }),
        ("discovery", Cost { floor: http, ..get(process, "/.well-known/openid-configuration", 20_000) }),
    ]
}

fn report(rounds: &[Round]) {
    for (at, (name, _)) in rounds[0].iter().enumerate() {
        let costs = || rounds.iter().map(|round| round[at].1);
        let micros = |spans: &dyn Fn(Cost) -> Duration| {
            costs().map(spans).min().unwrap_or_default().as_secs_f64() * 1e6
        };
        let rate = costs().map(|cost| cost.rate).fold(0.0, f64::max);
        println!("{name:<34}{:>10.1}µs{:>10.1}µs{rate:>10.0}", micros(&|c| c.cpu), micros(&|c| c.floor));
    }
}

/// The server's processor time per operation.
fn timed(
    process: &Process,
    connections: usize,
    times: usize,
    work: impl Fn(&mut Connection, usize) + Sync,
) -> Cost {
    spread(process.port, connections, times / 10, &work);
    let (cpu, begun) = (process.cpu(), Instant::now());
    spread(process.port, connections, times, &work);
    let rate = times as f64 / begun.elapsed().as_secs_f64();
    Cost {
        cpu: process.cpu().saturating_sub(cpu) / u32::try_from(times).unwrap(),
        floor: Duration::ZERO,
        rate,
    }
}

/// Does something so many times, over several kept connections at once.
fn spread(port: u16, connections: usize, times: usize, work: impl Fn(&mut Connection, usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let mut link = Connection::open(port);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= times {
                        return;
                    }
                    work(&mut link, number);
                }
            });
        }
    });
}

/// What a signed-in browser keeps in Redis: its record, and its place in the person's index.
fn bytes_per_browser(port: u16) -> usize {
    use ::redis::Commands;
    let mut link =
        ::redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap().get_connection().unwrap();
    let keys: Vec<String> = link.keys("*").unwrap();
    let kept: Vec<&String> =
        keys.iter().filter(|key| key.starts_with("s:") || key.starts_with("u:")).collect();
    let records = kept.iter().filter(|key| key.starts_with("s:")).count();
    let usage =
        |key: &&String| ::redis::cmd("MEMORY").arg("USAGE").arg(key).query::<usize>(&mut link).unwrap();
    let bytes: usize = kept.iter().map(usage).sum();
    bytes / records.max(1)
}

/// A restart with existing data: how long until it answers, and how much it holds then.
fn restart(mut provider: Provider) {
    provider.process = None;
    let ready = (0..ROUNDS).map(|_| Process::time_to_ready(&provider.config, provider.port)).min();
    println!("{:<34}{:>10.0}ms", "from start to discovery", ready.unwrap_or_default().as_secs_f64() * 1e3);
    let process = Process::countersign(&provider.config, provider.port);
    let answer = Connection::open(provider.port).get("/.well-known/jwks.json", "");
    assert_eq!(answer.status, 200);
    println!("{:<34}{:>10.1}MB", "memory idle", process.memory());
}

/// Keeps one operation going until somebody ends it, for a profiler to look at the server.
fn load(stores: &str, connections: usize) {
    let provider = Provider::start(if stores == "servers" { Stores::Servers } else { Stores::Embedded });
    println!("process {}", provider.process().id());
    spread(provider.port, connections, usize::MAX, |link, number| drop(provider.sso(link, 1, number)));
}

/// The least a server of this kind costs: the same framework, one header, an answer of the usual length.
fn bare(port: u16) {
    use actix_web::{App, HttpResponse, HttpServer, web};
    let body: &'static str = Box::leak("x".repeat(1000).into_boxed_str());
    let serve = async move {
        HttpServer::new(move || {
            App::new().default_service(web::to(move || async move {
                HttpResponse::Ok().content_type("text/plain").body(body)
            }))
        })
        .bind(("127.0.0.1", port))
        .unwrap()
        .run()
        .await
    };
    actix_web::rt::System::new().block_on(serve).unwrap();
}
