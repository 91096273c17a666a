//! A server process, and its cost according to the kernel.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::http::Connection;

/// A process that ends when dropped.
pub struct Process {
    child: Child,
    pub port: u16,
    /// The folder that callgrind writes to, if the process runs under it.
    counts: Option<TempDir>,
}

impl Process {
    pub fn countersign(program: &Path, config: &Path, port: u16) -> Process {
        let mut command = Command::new(program);
        command.arg("serve").arg("--config").arg(config);
        Process::start(command, port, Duration::from_secs(20))
    }

    /// The same, with counted instructions.
    pub fn under_callgrind(program: &Path, config: &Path, port: u16) -> Process {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("valgrind");
        command.arg("--tool=callgrind").arg("--quiet").arg("--vgdb-poll=2000");
        command.arg(format!("--callgrind-out-file={}", folder.path().join("counts").display()));
        command.arg(program).arg("serve").arg("--config").arg(config);
        let mut process = Process::start(command, port, Duration::from_secs(300));
        process.counts = Some(folder);
        process
    }

    /// Resets the counters.
    pub fn zero(&self) {
        self.control("--zero");
    }

    /// The number of instructions since the last reset.
    pub fn instructions(&self) -> u64 {
        let folder = self.counts.as_ref().expect("it runs under callgrind").path();
        let dumps = || fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path());
        for old in dumps() {
            fs::remove_file(old).expect("it is gone");
        }
        self.control("--dump");
        let mut counted = 0;
        for dump in dumps() {
            let text = fs::read_to_string(dump).expect("a dump");
            let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
            counted += total.and_then(|total| total.trim().parse::<u64>().ok()).unwrap_or_default();
        }
        assert!(counted > 0, "callgrind wrote no counts");
        counted
    }

    fn control(&self, order: &str) {
        let mut command = Command::new("callgrind_control");
        let done = command.arg(order).arg(self.child.id().to_string()).output();
        let done = done.expect("callgrind_control is there: `apt-get install valgrind` brings it");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// This program again, as a server with one short answer.
    pub fn bare(port: u16) -> Process {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.arg("--bare").arg(port.to_string());
        Process::start(command, port, Duration::from_secs(20))
    }

    fn start(mut command: Command, port: u16, patience: Duration) -> Process {
        // The log goes into a file as it would in operation, because writing it is part of the cost.
        let log = tempfile::tempfile().expect("a file");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let child = child.unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
        let process = Process { child, port, counts: None };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < patience, "the server did not start");
            std::thread::sleep(Duration::from_micros(200));
        }
        process
    }

    /// The time from the start of the process to its first discovery document.
    pub fn time_to_ready(program: &Path, config: &Path, port: u16) -> Duration {
        let begun = Instant::now();
        let process = Process::countersign(program, config, port);
        let answer = Connection::open(port).get("/.well-known/openid-configuration", "");
        assert_eq!(answer.status, 200);
        let ready = begun.elapsed();
        drop(process);
        ready
    }

    /// The processor time it has used, in all threads, ended ones included.
    pub fn cpu(&self) -> Duration {
        Stat::of(self.child.id()).own
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

/// The kernel's statistics of a process.
struct Stat {
    parent: u32,
    /// Processor time of its own.
    own: Duration,
    /// Processor time of children that have ended.
    ended: Duration,
}

impl Stat {
    /// Spec: proc(5), `/proc/pid/stat`: `ppid`, and `utime`, `stime`, `cutime`, `cstime` in hundredths of a second
    fn of(process: u32) -> Stat {
        Stat::read(process).expect("it runs")
    }

    fn read(process: u32) -> Option<Stat> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        let ticks = |field: usize| fields.get(field)?.parse::<u64>().ok();
        let span = |ticks: u64| Duration::from_millis(ticks * 10);
        Some(Stat {
            parent: fields.get(1)?.parse().ok()?,
            own: span(ticks(11)? + ticks(12)?),
            ended: span(ticks(13)? + ticks(14)?),
        })
    }
}

/// The processor time of a process and of all its children, those that have ended included: a PostgreSQL server is a
/// process for each connection.
pub fn cpu_of_family(first: u32) -> Duration {
    let mut sum = Stat::of(first).own + Stat::of(first).ended;
    let processes = fs::read_dir("/proc")
        .expect("Linux")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    for stat in processes.filter_map(Stat::read).filter(|stat| stat.parent == first) {
        sum += stat.own + stat.ended;
    }
    sum
}

impl Drop for Process {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _ended = self.child.wait();
    }
}
