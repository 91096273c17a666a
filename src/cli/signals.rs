//! Being told to stop.

use tokio::signal::unix::{SignalKind, signal};

/// Waits for `SIGINT` or `SIGTERM`; both ask for an orderly end.
pub async fn told_to_stop() -> std::io::Result<()> {
    let (mut interrupted, mut terminated) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupted.recv() => Ok(()),
        _ = terminated.recv() => Ok(()),
    }
}
