//! Ending without losing a request. A proxy that sends a form over a kept-alive connection at the moment it
//! is closed here cannot know whether the form was read, and must not send it again. So connections end
//! with an answer that says so, or by the proxy's own hand; and a new one is refused only when nothing is
//! left between the kernel's queue and a handler.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use socket2::SockRef;
use tokio::time::{Instant, sleep, sleep_until};

use crate::drain::Drain;

/// How long who watches this node gets to hear that it is not ready, and to look elsewhere.
const NOTICE: Duration = Duration::from_secs(4);
/// How long connections that are under way get to reach their worker.
const SETTLE: Duration = Duration::from_millis(200);
/// How long kept-alive connections get to be used once more, or to be closed by who holds them.
const LET_GO: Duration = Duration::from_secs(5);
/// How often the connections are counted meanwhile.
const COUNT_EVERY: Duration = Duration::from_millis(20);

/// Ends a server that listens on these: running requests finish, and idle connections are not cut off.
/// What still runs or idles after `LET_GO` gets the time the server itself gives.
///
/// Spec: RFC 9112 §9.6
pub async fn orderly(drain: &Drain, handle: &ServerHandle, listeners: &[TcpListener]) {
    let begun = Instant::now();
    drain.begin();
    if drain.is_watched() {
        sleep(NOTICE).await;
    }
    for listener in listeners {
        admit_nobody(listener);
    }
    // What was admitted before is accepted and given to a worker meanwhile.
    sleep(SETTLE).await;
    handle.pause().await;
    sleep(SETTLE).await;
    for listener in listeners {
        // Closed for good, so that whoever comes now is refused at once and looks elsewhere.
        if let Err(error) = SockRef::from(listener).shutdown(std::net::Shutdown::Read) {
            tracing::debug!(%error, "a listener is closed later");
        }
    }
    let until = begun + LET_GO;
    while drain.open() > 0 && Instant::now() < until {
        sleep_until(until.min(Instant::now() + COUNT_EVERY)).await;
    }
    handle.stop(true).await;
}

/// Lets no new connection begin, and those that have begun arrive. Closing a listener would instead reset
/// every connection the kernel has accepted and we have not: its peer may have sent a form already.
///
/// A packet that begins a connection (SYN without ACK) is dropped, so that the peer tries again in a
/// second and is refused then.
#[cfg(target_os = "linux")]
fn admit_nobody(listener: &TcpListener) {
    use socket2::SockFilter;
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const ACK: u32 = 0x10;
    let filter = [
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(AND, 0, 0, SYN | ACK),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ];
    if let Err(error) = SockRef::from(listener).attach_filter(&filter) {
        tracing::debug!(%error, "new connections are not held off");
    }
}

#[cfg(not(target_os = "linux"))]
fn admit_nobody(_: &TcpListener) {}
