//! All figures of this build, with their floors.

use std::time::Duration;

use crate::figures::{self, Figure, micros};
use crate::floors::Floors;
use crate::http::Connection;
use crate::measure::{CONNECTIONS, Cost, cost, spread};
use crate::operations::{self, Operation, Parts};
use crate::options::Options;
use crate::process::Process;
use crate::provider::{Provider, Stores};
use crate::{free_port, rotation};

const ROUNDS: usize = 5;

/// Measures, prints the table, and writes the figures down if that was asked for.
pub fn report(options: &Options) {
    let floors = Floors::new();
    let bare = Process::bare(free_port());
    let mut written = vec![];
    println!(
        "processor time per operation, PostgreSQL and Redis included, {CONNECTIONS} connections, quietest of \
         {ROUNDS} rounds\n"
    );
    println!(
        "{:<34}{:>12}{:>12}{:>12}{:>8}{:>10}{:>10}",
        "", "measured", "of it ours", "floor", "ratio", "p99", "req/s"
    );
    for stores in Stores::ALL {
        println!("{}", stores.title());
        let mut provider = Provider::start(stores, &options.program);
        let idle = provider.process().memory();
        let rounds: Vec<Vec<(Cost, Duration)>> =
            (0..ROUNDS).map(|_| round(&mut provider, &floors, &bare, options.scale)).collect();
        for (at, operation) in operations::of(&[&provider]).enumerate() {
            let rounds: Vec<_> = rounds.iter().map(|round| round[at]).collect();
            written.extend(row(operation, stores, &rounds));
        }
        sizes(&provider, idle, options.scale);
        rotation::report(&mut provider, options.scale);
        restart(provider);
        println!();
    }
    figures::write(options.json.as_deref(), &written);
}

/// The cost and the floor of each operation, once.
fn round(provider: &mut Provider, floors: &Floors, bare: &Process, scale: usize) -> Vec<(Cost, Duration)> {
    let parts = Parts::measure(provider, floors, bare, scale);
    provider.take_bearers();
    operations::of(&[provider])
        .map(|operation| (cost(provider, operation, scale), (operation.floor)(&parts)))
        .collect()
}

fn row(operation: &Operation, stores: Stores, rounds: &[(Cost, Duration)]) -> Vec<Figure> {
    let least =
        |of: &dyn Fn((Cost, Duration)) -> Duration| rounds.iter().copied().map(of).min().unwrap_or_default();
    let (measured, floor) = (least(&|(cost, _)| cost.cpu), least(&|(_, floor)| floor));
    let (server, p99) = (least(&|(cost, _)| cost.server), least(&|(cost, _)| cost.p99));
    let rate = rounds.iter().map(|(cost, _)| cost.rate).fold(0.0, f64::max);
    println!(
        "{:<34}{:>10.1}µs{:>10.1}µs{:>10.1}µs{:>8.2}{:>8.2}ms{rate:>10.0}",
        operation.title(),
        micros(measured),
        micros(server),
        micros(floor),
        micros(measured) / micros(floor),
        micros(p99) / 1e3
    );
    let figure = |aspect: &str, cost, floor| {
        let name = format!("{}{aspect}", operation.name);
        Figure::new(name, stores.title(), operation.algorithm, cost, floor)
    };
    vec![
        figure("", measured, Some(floor)),
        figure(", provider alone", server, Some(floor)),
        figure(", 99th percentile", p99, None),
    ]
}

/// The memory of the provider, and what Redis keeps for a browser.
fn sizes(provider: &Provider, idle: f64, scale: usize) {
    let flows = 10_000 / scale;
    spread(provider.port, CONNECTIONS, flows, |link, number| drop(provider.sso(link, number % 2, number)));
    println!("{:<34}{idle:>10.1}MB", "memory after start and 80 logins");
    println!("{:<34}{:>10.1}MB", format!("memory after {flows} more flows"), provider.process().memory());
    if let Some(redis) = &provider.redis {
        println!("{:<34}{:>10} B", "Redis per browser, two apps", bytes_per_browser(redis.port));
    }
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

/// A restart with existing data: how long it takes to the first answer, and how much memory it needs then.
fn restart(mut provider: Provider) {
    provider.process = None;
    let start = || Process::time_to_ready(&provider.program, &provider.config, provider.port);
    let ready = (0..ROUNDS).map(|_| start()).min();
    println!("{:<34}{:>10.0}ms", "from start to discovery", ready.unwrap_or_default().as_secs_f64() * 1e3);
    let process = Process::countersign(&provider.program, &provider.config, provider.port);
    let answer = Connection::open(provider.port).get("/.well-known/jwks.json", "");
    assert_eq!(answer.status, 200);
    println!("{:<34}{:>10.1}MB", "memory idle", process.memory());
}
