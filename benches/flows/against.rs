//! Comparison of two builds in turns: other load on the machine affects both, so that their ratio is reliable
//! where single times are not.

use std::path::Path;

use serde::Serialize;

use crate::figures::{self, micros};
use crate::measure::{CONNECTIONS, Cost, cost};
use crate::operations;
use crate::options::Options;
use crate::provider::{Provider, Stores};

/// Odd, so that the median is a ratio that was measured.
const TURNS: usize = 9;
/// The interval runs from the second-lowest to the second-highest of nine ratios: it holds the true median in 96 of
/// 100 runs, whatever the distribution is.
///
/// Spec: binomial order statistics, 1 − 2 · (1 + 9) / 2⁹
const CUT: usize = 1;
/// A smaller difference counts as none, because the machine is shared.
const SAME: f64 = 0.1;

/// One comparison.
#[derive(Serialize)]
struct Compared {
    operation: String,
    store: &'static str,
    algorithm: Option<&'static str>,
    /// Microseconds of this build, the quietest turn.
    us: f64,
    /// Microseconds of the other one, the quietest turn.
    other_us: f64,
    /// The median of this build divided by the other one, turn by turn.
    ratio: f64,
    low: f64,
    high: f64,
}

/// Measures both and prints ratio and interval of each operation.
pub fn report(options: &Options, other: &Path) {
    println!("this build against {}, {TURNS} turns, {CONNECTIONS} connections\n", other.display());
    println!("{:<34}{:>12}{:>12}{:>8}{:>18}", "", "this", "other", "ratio", "interval, 96 %");
    let mut written = vec![];
    for stores in Stores::ALL {
        println!("{}", stores.title());
        let mut both = [Provider::start(stores, &options.program), Provider::start(stores, other)];
        let operations: Vec<_> = operations::of(&[&both[0], &both[1]]).collect();
        for operation in operations {
            let mut turns = vec![];
            for turn in 0..TURNS {
                both.iter_mut().for_each(Provider::take_bearers);
                let mut costs = [Cost::default(); 2];
                // Each build goes first equally often, except for one turn.
                for at in if turn % 2 == 0 { [0, 1] } else { [1, 0] } {
                    costs[at] = cost(&both[at], operation, options.scale);
                }
                turns.push(costs);
            }
            written.extend(compare(operation.name, stores, operation.algorithm, &turns));
        }
        println!();
    }
    figures::write(options.json.as_deref(), &written);
}

fn compare(name: &str, store: Stores, algorithm: Option<&'static str>, turns: &[[Cost; 2]]) -> [Compared; 2] {
    let aspect = |aspect: &str, of: fn(Cost) -> std::time::Duration| {
        let span = |at: usize| move |turn: &[Cost; 2]| micros(of(turn[at]));
        let mut ratios: Vec<f64> = turns.iter().map(|turn| span(0)(turn) / span(1)(turn)).collect();
        ratios.sort_by(f64::total_cmp);
        let least = |at: usize| turns.iter().map(span(at)).fold(f64::INFINITY, f64::min);
        let compared = Compared {
            operation: format!("{name}{aspect}"),
            store: store.title(),
            algorithm,
            us: least(0),
            other_us: least(1),
            ratio: ratios[ratios.len() / 2],
            low: ratios[CUT],
            high: ratios[ratios.len() - 1 - CUT],
        };
        print(&compared);
        compared
    };
    [aspect("", |cost| cost.cpu), aspect(", 99th percentile", |cost| cost.p99)]
}

fn print(compared: &Compared) {
    let title = compared
        .algorithm
        .map_or_else(|| compared.operation.clone(), |alg| format!("{} ({alg})", compared.operation));
    let is_other = compared.low > 1.0 + SAME || compared.high < 1.0 - SAME;
    println!(
        "{title:<34}{:>10.1}µs{:>10.1}µs{:>8.2}{:>10.2} to {:.2}{}",
        compared.us,
        compared.other_us,
        compared.ratio,
        compared.low,
        compared.high,
        if is_other { "" } else { "  no difference" }
    );
}
