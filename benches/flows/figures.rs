//! The figures, and their output.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

/// One figure of the table.
#[derive(Serialize)]
pub struct Figure {
    /// The operation, or the aspect of it that was measured.
    pub operation: String,
    /// The stores.
    pub store: &'static str,
    /// The algorithm of the token, where there is one.
    pub algorithm: Option<&'static str>,
    /// Microseconds per operation.
    pub us: f64,
    /// The least possible cost, from the same round; none where nothing is comparable.
    pub floor_us: Option<f64>,
    /// `us` divided by `floor_us`.
    pub ratio: Option<f64>,
}

impl Figure {
    pub fn new(
        operation: impl Into<String>,
        store: &'static str,
        algorithm: Option<&'static str>,
        cost: Duration,
        floor: Option<Duration>,
    ) -> Figure {
        let us = micros(cost);
        let floor_us = floor.map(micros);
        let ratio = floor_us.filter(|floor| *floor > 0.0).map(|floor| us / floor);
        Figure { operation: operation.into(), store, algorithm, us, floor_us, ratio }
    }
}

/// A span in microseconds.
pub fn micros(span: Duration) -> f64 {
    span.as_secs_f64() * 1e6
}

/// Writes figures as an array of objects.
pub fn write(file: Option<&Path>, figures: &impl Serialize) {
    let Some(file) = file else { return };
    let text = serde_json::to_string_pretty(figures).expect("figures are JSON");
    std::fs::write(file, format!("{text}\n")).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    println!("written to {}", file.display());
}
