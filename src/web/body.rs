//! A body that comes too slowly is not waited for.

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

use crate::connection::Moves;

/// How long a whole body may take, from the end of the head.
const PATIENCE: Duration = Duration::from_secs(10);

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
