//! Signals of the operating system.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal that asks the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopSignal {
    /// `SIGINT`, from a person at a terminal who waits for the end.
    Interrupt,
    /// `SIGTERM`, from a supervisor. Proxies need time to notice the end.
    Terminate,
}

/// Listens for `SIGHUP`, after which the certificate is read again.
pub fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Listens for `SIGINT` and `SIGTERM`, which both ask for an orderly end.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to listen. From here on neither signal ends the process by itself.
    pub fn listen() -> io::Result<Signals> {
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Signals { interrupt, terminate })
    }

    /// Waits for the next signal.
    pub async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.interrupt.recv() => StopSignal::Interrupt,
            _ = self.terminate.recv() => StopSignal::Terminate,
        }
    }
}
