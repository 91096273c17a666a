//! What can be observed of a running provider: its log and its metrics. Each room registers its own metrics.

pub mod log; // the log
pub mod process; // metrics of the process
pub mod registry; // where metrics are registered and rendered
