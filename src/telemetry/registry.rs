//! The registry of metrics, and their rendering for Prometheus. A room registers a metric once and keeps the handle,
//! so that counting takes no lock and allocates nothing. Without a listener for metrics the handles do nothing.
//! Nothing is global: each provider in a process has its own registry.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use time::OffsetDateTime;

/// How often histograms have to be aggregated, scraped or not: until then every single measurement is kept.
pub const UPKEEP: Duration = Duration::from_secs(5);

/// The bounds of every histogram, in seconds: from the time of a signature to the timeout of a proxy.
const BOUNDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

const METADATA: Metadata<'static> = Metadata::new("countersign", Level::INFO, None);

/// The metrics of one provider, if they are served.
pub struct Registry(Option<PrometheusRecorder>);

impl Registry {
    /// Makes a registry. If it is not `on` its handles do nothing.
    #[expect(clippy::expect_used, reason = "the list of bounds is not empty")]
    pub fn new(on: bool) -> Registry {
        let builder = PrometheusBuilder::new().set_buckets(&BOUNDS).expect("there are bounds");
        Registry(on.then(|| builder.build_recorder()))
    }

    /// Registers a counter; its name ends with `_total`. A known name and labels give the same counter.
    pub fn counter(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
    ) -> Counter {
        let Some(recorder) = &self.0 else { return Counter::noop() };
        recorder.describe_counter(KeyName::from(name), None, help.into());
        recorder.register_counter(&key(name, labels), &METADATA)
    }

    /// Registers a gauge.
    pub fn gauge(&self, name: &'static str, help: &'static str, labels: &[(&'static str, &str)]) -> Gauge {
        let Some(recorder) = &self.0 else { return Gauge::noop() };
        recorder.describe_gauge(KeyName::from(name), None, help.into());
        recorder.register_gauge(&key(name, labels), &METADATA)
    }

    /// Registers a histogram of durations; its name ends with `_seconds`.
    pub fn seconds(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
    ) -> Histogram {
        let Some(recorder) = &self.0 else { return Histogram::noop() };
        recorder.describe_histogram(KeyName::from(name), Some(Unit::Seconds), help.into());
        recorder.register_histogram(&key(name, labels), &METADATA)
    }

    /// Renders all metrics in the text format of Prometheus.
    pub fn render(&self) -> String {
        self.0.as_ref().map(|recorder| recorder.handle().render()).unwrap_or_default()
    }

    /// Aggregates histograms; due every [`UPKEEP`].
    pub fn upkeep(&self) {
        if let Some(recorder) = &self.0 {
            recorder.handle().run_upkeep();
        }
    }
}

/// An instant as Prometheus writes it.
pub fn epoch_seconds(instant: OffsetDateTime) -> f64 {
    (instant - OffsetDateTime::UNIX_EPOCH).as_seconds_f64()
}

fn key(name: &'static str, labels: &[(&'static str, &str)]) -> Key {
    let labels: Vec<Label> =
        labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
    Key::from_parts(name, labels)
}
