//! Counts instead of times: statements sent to the stores, and instructions of the provider. They do not
//! depend on the other load of the machine.

use std::path::Path;

use serde::Serialize;

use crate::figures;
use crate::http::Connection;
use crate::measure::spread;
use crate::operations::{self, Operation};
use crate::options::Options;
use crate::process::Process;
use crate::provider::{Provider, Stores};

/// How many operations are done while statements are counted.
const ASKED: usize = 400;
/// How many are done in one batch under callgrind, where everything takes about fifty times as long.
const COUNTED: usize = 100;
/// How many batches are counted. The quietest one is taken, because background work falls into some of them.
const BATCHES: usize = 3;
/// How many operations are done first, so that caches are warm.
const WARM: usize = 50;

/// The instructions within one second below which a provider is idle.
const QUIET: u64 = 3_000_000;
/// The number of such seconds in a row: nodes plan their key changes every four seconds.
const QUIET_FOR: u32 = 10;

/// The counts of one operation.
#[derive(Serialize)]
struct Counted {
    operation: &'static str,
    store: &'static str,
    algorithm: Option<&'static str>,
    /// Statements and commands to all stores per operation, background work included.
    statements: f64,
    /// Instructions of the provider per operation.
    instructions: f64,
    /// The same for the other build.
    other_statements: Option<f64>,
    other_instructions: Option<f64>,
}

/// Counts and prints, and does the same for another build if one is named.
pub fn report(options: &Options, other: Option<&Path>) {
    println!("{:<34}{:>14}{:>16}", "per operation", "statements", "instructions");
    let mut written = vec![];
    for stores in Stores::ALL {
        println!("{}", stores.title());
        let own = counts(stores, &options.program, options.scale);
        let others = other.map(|other| counts(stores, other, options.scale));
        for (at, (operation, statements, instructions)) in own.into_iter().enumerate() {
            // A program that lacks operations lacks the last ones.
            let other = others.as_ref().and_then(|others| others.get(at));
            let beside = other.map(|(_, asked, done)| {
                let change = (instructions / done - 1.0) * 100.0;
                format!("   other {asked:>8.2}{done:>14.0}   {change:+.1} % instructions")
            });
            println!(
                "{:<34}{statements:>14.2}{instructions:>16.0}{}",
                operation.title(),
                beside.unwrap_or_default()
            );
            written.push(Counted {
                operation: operation.name,
                store: stores.title(),
                algorithm: operation.algorithm,
                statements,
                instructions,
                other_statements: other.map(|(_, asked, _)| *asked),
                other_instructions: other.map(|(.., done)| *done),
            });
        }
        println!();
    }
    figures::write(options.json.as_deref(), &written);
}

/// The statements and instructions of every operation of one build.
fn counts(stores: Stores, program: &Path, scale: usize) -> Vec<(&'static Operation, f64, f64)> {
    let mut provider = Provider::start(stores, program);
    let metrics = provider.show_metrics();
    provider.take_bearers();
    let asked: Vec<f64> = operations::of(&[&provider])
        .map(|operation| statements(&provider, operation, metrics, scale))
        .collect();
    // Keys and browsers exist already: the provider under callgrind has nothing to make.
    provider.process = None;
    provider.process = Some(Process::under_callgrind(program, &provider.config, provider.port));
    provider.take_bearers();
    settle(provider.process());
    let each = operations::of(&[&provider]).zip(asked);
    each.map(|(operation, asked)| (operation, asked, instructions(&provider, operation, scale))).collect()
}

/// The statements per operation, by the provider's own count.
fn statements(provider: &Provider, operation: &Operation, metrics: u16, scale: usize) -> f64 {
    let times = few(operation, ASKED, scale);
    work(provider, operation, few(operation, WARM, scale));
    let before = all_statements(metrics);
    work(provider, operation, times);
    (all_statements(metrics) - before) / times as f64
}

/// Spec: Prometheus text format 0.0.4
fn all_statements(metrics: u16) -> f64 {
    let told = Connection::open(metrics).get("/metrics", "").body;
    let lines = told.lines().filter(|line| line.starts_with("countersign_store_statements_total{"));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// The instructions per operation, of the quietest batch.
fn instructions(provider: &Provider, operation: &Operation, scale: usize) -> f64 {
    let times = few(operation, COUNTED, scale);
    work(provider, operation, few(operation, WARM, scale));
    let batch = || {
        provider.process().zero();
        work(provider, operation, times);
        provider.process().instructions()
    };
    (0..BATCHES).map(|_| batch()).min().unwrap_or_default() as f64 / times as f64
}

/// Waits until the background work of a start is over: it makes a spare key, which costs more than many
/// operations.
fn settle(process: &Process) {
    let mut quiet = 0;
    for _ in 0..180 {
        process.zero();
        std::thread::sleep(std::time::Duration::from_secs(1));
        quiet = if process.instructions() < QUIET { quiet + 1 } else { 0 };
        if quiet == QUIET_FOR {
            return;
        }
    }
    println!("the provider has not become quiet within three minutes: its counts include background work");
}

/// Password hashes take long under callgrind. A few are enough, because all do the same.
fn few(operation: &Operation, times: usize, scale: usize) -> usize {
    let times = if operation.connections == Some(1) { times / 40 } else { times };
    (times / scale).max(1)
}

/// Uses one connection, because counts must not depend on how requests overlap.
fn work(provider: &Provider, operation: &Operation, times: usize) {
    spread(provider.port, 1, times, |link, number| (operation.work)(provider, link, number));
}
