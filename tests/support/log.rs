//! The log of all providers in this process, kept in memory.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

static LINES: Mutex<String> = Mutex::new(String::new());

struct Memory;

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Memory {
    type Writer = Memory;

    fn make_writer(&'a self) -> Memory {
        Memory
    }
}

/// Starts keeping; the first call counts.
pub fn start() {
    let _already = tracing_subscriber::fmt()
        .with_env_filter("info,countersign=trace,actix_web=debug,actix_http=debug,diesel=debug,redis=debug")
        .with_ansi(false)
        .with_writer(Memory)
        .try_init();
}

/// The lines that belong to these requests.
pub fn of_requests(ids: &[String]) -> Vec<String> {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    lines.lines().filter(|line| ids.iter().any(|id| line.contains(id.as_str()))).map(str::to_owned).collect()
}

/// Checks that none of these texts was written down.
pub fn assert_without(secrets: &[String]) {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    for secret in secrets {
        let leak = lines.lines().find(|line| line.contains(secret.as_str()));
        assert!(leak.is_none(), "a secret is in the log: {leak:?}");
    }
}
