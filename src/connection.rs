//! Connections: a connection on which nothing progress is closed. The server itself limits the time of the first
//! head on a connection and of an idle connection; this module limits everything later.
//!
//! Spec: RFC 9112 §9.5

use std::cell::Cell;
use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use permits::Permit;

pub mod permits; // shared out among networks

/// How long a client may take to send a head, from its first byte.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may leave written bytes unread.
const UNREAD: Duration = Duration::from_secs(20);
/// How many unread bytes the kernel may hold. The usual answer fits, and a client that reads a few kilobytes
/// a second still makes visible progress.
const SEND_BUFFER: usize = 128 * 1024;
/// How many bytes are read before their answers are written: an answer without a body can be far larger than
/// its request, and a client can send many requests at once.
const READ_AT_ONCE: usize = 16 * 1024;
/// How many bytes are read behind a request that is in progress: with more the server would poll again and
/// again whether it may read on.
const AHEAD: usize = 64 * 1024;

/// The state that a connection and its requests share.
#[derive(Default)]
pub struct Progress {
    working: Cell<bool>,
    /// When the first byte of an incomplete request came.
    begun: Cell<Option<Instant>>,
    /// How many bytes came while requests were in progress, since one of them last asked for its body.
    ahead: Cell<usize>,
    /// The task that waits to read more.
    waiting: Cell<Option<Waker>>,
}

impl Progress {
    /// Notes that a request asks for its body, so that its bytes are read.
    pub fn wants_body(&self) {
        self.ahead.set(0);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }
}

/// A request in progress: its connection waits for the server, not for the client.
pub struct Working(Rc<Progress>);

/// Notes that the head of a request is complete.
pub fn working(progress: &Rc<Progress>) -> Working {
    progress.working.set(true);
    progress.begun.set(None);
    Working(Rc::clone(progress))
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.working.set(false);
        self.0.wake();
    }
}

/// Sets the options of an accepted connection.
pub fn accepted(stream: &TcpStream) {
    if let Err(error) = SockRef::from(stream).set_send_buffer_size(SEND_BUFFER) {
        tracing::debug!(%error, "the send buffer of a connection has no limit");
    }
}

/// A connection with time limits.
pub struct Timed<S> {
    stream: S,
    progress: Rc<Progress>,
    /// Since when the client has left what is written for it untouched.
    stuck: Option<Instant>,
    /// Whether a read was refused meanwhile, so that its task has to be woken.
    read_refused: bool,
    read: usize,
    /// Made when it is first needed, then moved: it may fire too early, never too late.
    alarm: Option<Pin<Box<Sleep>>>,
    /// The permit, held while the connection is open; none for a trusted proxy.
    _permit: Option<Permit>,
}

impl<S> Timed<S> {
    /// Adds time limits to a connection.
    pub fn new(stream: S, permit: Option<Permit>) -> Timed<S> {
        let progress = Rc::default();
        Timed { stream, progress, stuck: None, read_refused: false, read: 0, alarm: None, _permit: permit }
    }

    /// The state that its requests share with it.
    pub fn progress(&self) -> Rc<Progress> {
        Rc::clone(&self.progress)
    }

    /// Wakes the task at that time, or before.
    fn wake_at(&mut self, at: Instant, context: &mut Context<'_>) {
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if alarm.deadline() > at {
            alarm.as_mut().reset(at);
        }
        if alarm.as_mut().poll(context).is_ready() {
            alarm.as_mut().reset(at);
            if alarm.as_mut().poll(context).is_ready() {
                context.waker().wake_by_ref();
            }
        }
    }

    /// Tells whether the time of an incomplete head is over; otherwise schedules the next check.
    fn overdue(&mut self, context: &mut Context<'_>) -> bool {
        let Some(begun) = self.progress.begun.get().filter(|_| !self.progress.working.get()) else {
            return false;
        };
        let end = begun + PATIENCE;
        let overdue = end <= Instant::now();
        if !overdue {
            self.wake_at(end, context);
        }
        overdue
    }

    /// Records the result of a write.
    fn written<T>(&mut self, went: Poll<Result<T>>, context: &mut Context<'_>) -> Poll<Result<T>> {
        if went.is_pending() {
            let now = Instant::now();
            let end = *self.stuck.get_or_insert(now) + UNREAD;
            if end <= now {
                return Poll::Ready(Err(Error::from(ErrorKind::TimedOut)));
            }
            self.wake_at(end, context);
            return Poll::Pending;
        }
        self.read = 0;
        if self.stuck.take().is_some() && self.progress.begun.get().is_some() {
            // Bytes that came meanwhile could not be read.
            self.progress.begun.set(Some(Instant::now()));
        }
        if std::mem::take(&mut self.read_refused) {
            context.waker().wake_by_ref();
        }
        went
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let this = self.get_mut();
        // A client that reads no answers can send no more requests.
        if this.stuck.is_some() {
            this.read_refused = true;
            return Poll::Pending;
        }
        if this.read >= READ_AT_ONCE {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let is_working = this.progress.working.get();
        if !is_working {
            this.progress.ahead.set(0);
        } else if this.progress.ahead.get() >= AHEAD {
            this.progress.waiting.set(Some(context.waker().clone()));
            return Poll::Pending;
        }
        if this.overdue(context) {
            // The same as if the client had closed the connection.
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let went = Pin::new(&mut this.stream).poll_read(context, buffer);
        let came = buffer.filled().len() - before;
        this.read += came;
        if is_working {
            this.progress.ahead.update(|ahead| ahead + came);
        }
        if came > 0 && !is_working && this.progress.begun.get().is_none() {
            this.progress.begun.set(Some(Instant::now()));
        }
        went
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let went = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.written(went, context)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        let went = Pin::new(&mut this.stream).poll_flush(context);
        this.written(went, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        let went = Pin::new(&mut this.stream).poll_shutdown(context);
        this.written(went, context)
    }
}
