//! What can be seen of a running provider: its log, and what it counts and measures.

pub mod log; // lines
pub mod metrics; // what is counted and measured
pub mod process; // what the operating system says of this process
pub mod registry; // where the numbers are kept
