//! Being told to stop.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Who wants the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Somebody at a terminal (`SIGINT`), who waits for it.
    ByHand,
    /// What runs services (`SIGTERM`), with proxies that have to notice.
    BySupervisor,
}

/// Listens for `SIGHUP`, which asks to read again what may have changed.
pub fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Listens for `SIGINT` and `SIGTERM` from the moment it is made; both ask for an orderly end.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to listen: from here on neither of them ends the process by itself.
    pub fn listen() -> io::Result<Signals> {
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Signals { interrupt, terminate })
    }

    /// Waits for the next of them.
    pub async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.interrupt.recv() => Told::ByHand,
            _ = self.terminate.recv() => Told::BySupervisor,
        }
    }
}
