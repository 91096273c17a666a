//! A server process, and what the kernel says it costs.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::http::Connection;

/// A process that ends when dropped.
pub struct Process {
    child: Child,
    pub port: u16,
}

impl Process {
    pub fn countersign(config: &Path, port: u16) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.arg("serve").arg("--config").arg(config);
        Process::start(command, port)
    }

    /// This program again, as a server that knows one short answer.
    pub fn bare(port: u16) -> Process {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.arg("--bare").arg(port.to_string());
        Process::start(command, port)
    }

    fn start(mut command: Command, port: u16) -> Process {
        // Its log goes into a file, as it would in operation: writing it is part of the cost.
        let log = tempfile::tempfile().expect("a file");
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("it starts");
        let process = Process { child, port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the server did not start");
            std::thread::sleep(Duration::from_micros(200));
        }
        process
    }

    /// From before it is started to its first discovery document.
    pub fn time_to_ready(config: &Path, port: u16) -> Duration {
        let begun = Instant::now();
        let process = Process::countersign(config, port);
        let answer = Connection::open(port).get("/.well-known/openid-configuration", "");
        assert_eq!(answer.status, 200);
        let ready = begun.elapsed();
        drop(process);
        ready
    }

    /// The processor time it has used, in all threads, ended ones included.
    ///
    /// Spec: proc(5), `/proc/pid/stat`, `utime` and `stime` in hundredths of a second
    pub fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = |field: usize| -> u64 {
            after_name.split_whitespace().nth(field).and_then(|ticks| ticks.parse().ok()).expect("a number")
        };
        Duration::from_millis((ticks(11) + ticks(12)) * 10)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory, in megabytes of 1 000 000 bytes.
    pub fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("kilobytes");
        kib * 1024.0 / 1e6
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _ended = self.child.wait();
    }
}
