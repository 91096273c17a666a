//! The bodies of requests: a time limit for reading one, and memory that is wiped.

use std::cell::RefCell;
use std::future::Future;
use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpMessage;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::{Stream, stream};
use zeroize::Zeroize as _;

use crate::connection::Progress;

/// The time limit for a whole body, from the end of the head.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request's body, or why it could not be read: it is over the limit, too slow, or the connection broke. It may hold
/// a password, a client secret or a code, and is wiped when it is dropped.
pub struct Body(Result<Bytes, actix_web::Error>);

impl Body {
    /// The body.
    pub fn bytes(&self) -> Result<&Bytes, &actix_web::Error> {
        self.0.as_ref()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Body {
        Body(Ok(bytes))
    }
}

impl From<Result<Bytes, actix_web::Error>> for Body {
    fn from(read: Result<Bytes, actix_web::Error>) -> Body {
        Body(read)
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let taken = std::mem::replace(&mut self.0, Ok(Bytes::new()));
        if let Some(mut alone) = taken.ok().and_then(|bytes| bytes.try_into_mut().ok()) {
            alone.as_mut().zeroize();
        }
    }
}

/// The stream that a request's body is read from. It has to outlive the answer: once the stream of a chunked body is
/// dropped, the server waits without limit for the rest of the body before it closes the connection.
pub struct Rest {
    _held: Rc<RefCell<Payload>>,
}

/// Sets the time limit for the request's body, if it has one.
pub fn limit(req: &mut ServiceRequest) -> Option<Rest> {
    // The headers do not tell whether there is one: after a protocol upgrade a body has no end.
    let body = match req.take_payload() {
        Payload::None => return None,
        body => Rc::new(RefCell::new(body)),
    };
    let rest = Rest { _held: Rc::clone(&body) };
    let progress = req.request().conn_data::<Rc<Progress>>().cloned();
    let mut end = Box::pin(tokio::time::sleep(PATIENCE));
    let limited = stream::poll_fn(move |context| {
        if end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(PayloadError::Io(Error::from(ErrorKind::TimedOut)))));
        }
        if let Some(progress) = &progress {
            progress.wants_body();
        }
        Pin::new(&mut *body.borrow_mut()).poll_next(context)
    });
    req.set_payload(Payload::Stream { payload: Box::pin(limited) });
    Some(rest)
}

impl Rest {
    /// Holds the stream until this answer is sent.
    pub fn held_by(self, answer: BoxBody) -> BoxBody {
        BoxBody::new(Holding { answer, _rest: self })
    }
}

/// An answer with the stream of the request's body.
struct Holding {
    answer: BoxBody,
    _rest: Rest,
}

impl MessageBody for Holding {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.answer.as_pin_mut().poll_next(context)
    }
}
