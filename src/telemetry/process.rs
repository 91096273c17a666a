//! Metrics of the process, under the names that Prometheus defines. They are zero except on Linux.

use std::fs;

use metrics::Gauge;
use time::OffsetDateTime;

use super::registry::{Registry, epoch_seconds};

/// The process.
pub struct Process {
    resident: Gauge,
    files: Gauge,
}

impl Process {
    /// Registers the metrics of a process that began at this instant.
    pub fn new(registry: &Registry, begun: OffsetDateTime) -> Process {
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        registry.gauge("countersign_build_info", "The version that runs; always 1", &version).set(1.0);
        let started = registry.gauge("process_start_time_seconds", "When the process started", &[]);
        started.set(epoch_seconds(begun));
        Process {
            resident: registry.gauge("process_resident_memory_bytes", "Memory in use", &[]),
            files: registry.gauge("process_open_fds", "Open files and connections", &[]),
        }
    }

    /// Reads memory and open files again.
    pub fn observe(&self) {
        if let Some(bytes) = resident_bytes() {
            self.resident.set(bytes);
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            self.files.set(f64::from(u32::try_from(open.count()).unwrap_or(u32::MAX)));
        }
    }
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u32 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(f64::from(kilobytes) * 1024.0)
}
