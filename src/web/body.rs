//! The bodies of requests. One that comes too slowly is not waited for, and what is kept of one is wiped.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::future::LocalBoxFuture;
use futures_util::{Stream, stream};
use zeroize::Zeroize as _;

use crate::connection::Moves;

/// How long a whole body may take, from the end of the head.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request's body, or why it could not be taken: over the limit, too slow, or the connection broke. It may hold a
/// password, a client's secret or a code, and is wiped when it is dropped.
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

impl FromRequest for Body {
    type Error = Infallible;
    type Future = LocalBoxFuture<'static, Result<Body, Infallible>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let read = Bytes::from_request(req, payload);
        Box::pin(async move { Ok(Body(read.await)) })
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

/// What a request's body is read from. It has to outlive the answer: what is left of a body in chunks that
/// nobody holds any more the server would otherwise wait for, however long it takes, before it closes.
pub struct Rest {
    _held: Rc<RefCell<Payload>>,
}

/// Gives the request's body, if it has one, its time.
pub fn limit(req: &mut ServiceRequest) -> Option<Rest> {
    // Its headers do not tell: whoever asks for another protocol sends one without end.
    let body = match req.take_payload() {
        Payload::None => return None,
        body => Rc::new(RefCell::new(body)),
    };
    let rest = Rest { _held: Rc::clone(&body) };
    let moves = req.request().conn_data::<Rc<Moves>>().cloned();
    let mut end = Box::pin(tokio::time::sleep(PATIENCE));
    let limited = stream::poll_fn(move |context| {
        if end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(PayloadError::Io(Error::from(ErrorKind::TimedOut)))));
        }
        if let Some(moves) = &moves {
            moves.wants_body();
        }
        Pin::new(&mut *body.borrow_mut()).poll_next(context)
    });
    req.set_payload(Payload::Stream { payload: Box::pin(limited) });
    Some(rest)
}

impl Rest {
    /// Keeps it for as long as this answer is being sent.
    pub fn beside(self, answer: BoxBody) -> BoxBody {
        BoxBody::new(Beside { answer, _rest: self })
    }
}

/// An answer, and what is left of the question.
struct Beside {
    answer: BoxBody,
    _rest: Rest,
}

impl MessageBody for Beside {
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
