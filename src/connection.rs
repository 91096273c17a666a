//! A connection on which nothing moves is given up. The server itself counts the time of the first head on a
//! connection, and of one that is idle; here is counted what comes later.
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

use places::Place;

pub mod places; // shares of all connections

/// How long a client may take to send a head it has begun.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may leave what is written for it untouched.
const UNREAD: Duration = Duration::from_secs(20);
/// How much the kernel may hold of what nobody has read. The usual answer fits, and a client that reads a few
/// kilobytes a second is still seen to move.
const KERNEL_HOLDS: usize = 128 * 1024;
/// How much is read before what it led to is written: answers without a body can be far larger than what
/// was asked, and many can be asked for at once.
const AT_A_TIME: usize = 16 * 1024;
/// How much is read behind a request that is being worked on: with more the server would ask again and again
/// whether it may read on.
const AHEAD: usize = 64 * 1024;

/// What a connection and its requests know of one another.
#[derive(Default)]
pub struct Moves {
    working: Cell<bool>,
    /// When something came that has not become a request yet.
    begun: Cell<Option<Instant>>,
    /// How much came while requests were worked on, since one of them last asked for its body.
    ahead: Cell<usize>,
    /// Who waits to read more of it.
    waiting: Cell<Option<Waker>>,
}

impl Moves {
    /// A body is asked for: what comes is wanted.
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

/// A request that is being worked on: its connection waits for us, and not for the client.
pub struct Working(Rc<Moves>);

/// Says that a request has come in whole, but for its body.
pub fn working(moves: &Rc<Moves>) -> Working {
    moves.working.set(true);
    moves.begun.set(None);
    Working(Rc::clone(moves))
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.working.set(false);
        self.0.wake();
    }
}

/// Sets up a connection that was accepted.
pub fn accepted(stream: &TcpStream) {
    if let Err(error) = SockRef::from(stream).set_send_buffer_size(KERNEL_HOLDS) {
        tracing::debug!(%error, "the kernel holds as much as it likes");
    }
}

/// A connection that looks at the time.
pub struct Timed<S> {
    stream: S,
    moves: Rc<Moves>,
    /// Since when the client has left what is written for it untouched.
    stuck: Option<Instant>,
    /// Who wanted to read meanwhile has to be woken.
    turned_away: bool,
    read: usize,
    /// Made when it is needed first, then moved: it may ring too early, never too late.
    alarm: Option<Pin<Box<Sleep>>>,
    /// Held for as long as the connection is open; none for a trusted proxy.
    _place: Option<Place>,
}

impl<S> Timed<S> {
    /// Begins to look.
    pub fn new(stream: S, place: Option<Place>) -> Timed<S> {
        let moves = Rc::default();
        Timed { stream, moves, stuck: None, turned_away: false, read: 0, alarm: None, _place: place }
    }

    /// For its requests.
    pub fn moves(&self) -> Rc<Moves> {
        Rc::clone(&self.moves)
    }

    /// Has the task woken at that time, or before.
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

    /// Tells whether the time of an unfinished head is over; else sees to being asked again.
    fn overdue(&mut self, context: &mut Context<'_>) -> bool {
        let Some(begun) = self.moves.begun.get().filter(|_| !self.moves.working.get()) else { return false };
        let end = begun + PATIENCE;
        let overdue = end <= Instant::now();
        if !overdue {
            self.wake_at(end, context);
        }
        overdue
    }

    /// Looks at how a write went.
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
        if self.stuck.take().is_some() && self.moves.begun.get().is_some() {
            // What came meanwhile could not be looked at.
            self.moves.begun.set(Some(Instant::now()));
        }
        if std::mem::take(&mut self.turned_away) {
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
        // Whoever does not take answers asks for no more.
        if this.stuck.is_some() {
            this.turned_away = true;
            return Poll::Pending;
        }
        if this.read >= AT_A_TIME {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let is_working = this.moves.working.get();
        if !is_working {
            this.moves.ahead.set(0);
        } else if this.moves.ahead.get() >= AHEAD {
            this.moves.waiting.set(Some(context.waker().clone()));
            return Poll::Pending;
        }
        if this.overdue(context) {
            // As if the client had ended it.
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let went = Pin::new(&mut this.stream).poll_read(context, buffer);
        let came = buffer.filled().len() - before;
        this.read += came;
        if is_working {
            this.moves.ahead.update(|ahead| ahead + came);
        }
        if came > 0 && !is_working && this.moves.begun.get().is_none() {
            this.moves.begun.set(Some(Instant::now()));
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
