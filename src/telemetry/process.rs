//! What the operating system says of this process, under the names that Prometheus gives it. Linux tells;
//! elsewhere these numbers stay zero.

use std::fs;

use metrics::Gauge;
use time::OffsetDateTime;

use super::metrics::seconds;
use super::registry::Registry;

/// The numbers of the process.
pub struct Process {
    resident: Gauge,
    files: Gauge,
}

impl Process {
    /// Makes the handles of a process that began at this instant.
    pub fn new(registry: &Registry, begun: OffsetDateTime) -> Process {
        let started = registry.gauge("process_start_time_seconds", "When the process started", &[]);
        started.set(seconds(begun));
        Process {
            resident: registry.gauge("process_resident_memory_bytes", "Memory in use", &[]),
            files: registry.gauge("process_open_fds", "Open files and connections", &[]),
        }
    }

    /// Asks once more.
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
