//! Shutdown without losing a request. If a connection is closed here at the moment a proxy sends a form over
//! it, the proxy cannot know whether the form was read, and must not send it again. So a connection ends with
//! an answer that announces it, or is closed by the proxy; and new connections are refused only when none is
//! left between the kernel's queue and a handler.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use socket2::SockRef;
use tokio::time::{Instant, sleep, sleep_until};

use crate::drain::Drain;

/// How long health probes get to notice that the node is not ready, so that a balancer uses another node.
const NOTICE: Duration = Duration::from_secs(4);
/// How long accepted connections get to reach their worker.
const SETTLE: Duration = Duration::from_millis(200);
/// How long kept-alive connections get for one more request, or to be closed by the client.
const LET_GO: Duration = Duration::from_secs(5);
/// How often the open connections are counted meanwhile.
const COUNT_EVERY: Duration = Duration::from_millis(20);

/// Ends a server that listens on these: running requests finish, and idle connections are not cut off. What
/// still runs or idles after `LET_GO` gets the time limit of the server itself.
///
/// Spec: RFC 9112 §9.6
pub async fn orderly(drain: &Drain, handle: &ServerHandle, listeners: &[TcpListener]) {
    let begun = Instant::now();
    drain.begin();
    if drain.is_watched() {
        sleep(NOTICE).await;
    }
    for listener in listeners {
        hold_off(listener);
    }
    // Connections that were admitted before are accepted and given to a worker meanwhile.
    sleep(SETTLE).await;
    handle.pause().await;
    sleep(SETTLE).await;
    for listener in listeners {
        // Closed for good: a new connection is refused at once, and its client can try another node.
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

/// Holds off new connections while those that have begun arrive. Closing a listener would instead reset every
/// connection that the kernel has accepted and this process has not, although a client may have sent a form
/// over it already.
///
/// A packet that begins a connection (SYN without ACK) is dropped: the client tries again after a second, and
/// is refused then.
#[cfg(target_os = "linux")]
fn hold_off(listener: &TcpListener) {
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
fn hold_off(_: &TcpListener) {}
