//! Where numbers are kept, and how they are written down for Prometheus. Handles are made once and kept
//! where something happens, so that counting takes no lock and no memory; when nobody is to see the
//! numbers, the handles do nothing. Nothing is global: each provider of a process has numbers of its own.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};

/// How often what was measured has to be put in order, whether somebody asks for it or not: until then
/// every single measurement is kept.
pub const UPKEEP: Duration = Duration::from_secs(5);

/// The bounds of every histogram, in seconds: from a signature to the patience of a proxy.
const BOUNDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

const METADATA: Metadata<'static> = Metadata::new("countersign", Level::INFO, None);

/// Where the numbers of one provider are, if anybody is to see them.
pub struct Registry(Option<PrometheusRecorder>);

impl Registry {
    /// A registry; one that is not `on` hands out handles that do nothing.
    #[expect(clippy::expect_used, reason = "the list of bounds is not empty")]
    pub fn new(on: bool) -> Registry {
        let builder = PrometheusBuilder::new().set_buckets(&BOUNDS).expect("there are bounds");
        Registry(on.then(|| builder.build_recorder()))
    }

    /// Something that happens; its name ends with `_total`.
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

    /// Something that goes up and down.
    pub fn gauge(&self, name: &'static str, help: &'static str, labels: &[(&'static str, &str)]) -> Gauge {
        let Some(recorder) = &self.0 else { return Gauge::noop() };
        recorder.describe_gauge(KeyName::from(name), None, help.into());
        recorder.register_gauge(&key(name, labels), &METADATA)
    }

    /// How long something takes; its name ends with `_seconds`.
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

    /// Everything, in the text format of Prometheus.
    pub fn render(&self) -> String {
        self.0.as_ref().map(|recorder| recorder.handle().render()).unwrap_or_default()
    }

    /// Puts what was measured in order; due every [`UPKEEP`].
    pub fn upkeep(&self) {
        if let Some(recorder) = &self.0 {
            recorder.handle().run_upkeep();
        }
    }
}

fn key(name: &'static str, labels: &[(&'static str, &str)]) -> Key {
    let labels: Vec<Label> =
        labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
    Key::from_parts(name, labels)
}
