//! The middleware around every request.

use std::net::IpAddr;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use tracing::Instrument;

use crate::app::App;
use crate::connection;
use crate::telemetry::log as lines;
use crate::web::body::{self, Rest};
use crate::web::failure::PageFailure;
use crate::web::language;
use crate::web::metrics::Requests;

pub mod address; // the client's address
pub mod cors; // which scripts may read the answer
mod failures; // pages of failures, and their causes in the log
pub mod id; // the request id
mod log; // the log line of a request
mod panics; // panics of handlers
pub mod refuse; // refusals before routing
mod security; // the headers of every answer

/// The outermost layer: the request id, which every line in the log has.
pub async fn around<B: MessageBody + 'static>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let provider = req.app_data::<web::Data<App>>().cloned();
    let Some((app, requests)) = provider.zip(req.app_data::<web::Data<Requests>>().cloned()) else {
        return Err(PageFailure::Internal("the server has no provider".into()).into());
    };
    let peer = address::peer(&req);
    let id = id::of(&req, &app, peer);
    let span = lines::request(&id);
    inside(req, next, (&app, &requests), peer, &id).instrument(span).await
}

/// All other layers, on the way in and on the way out.
async fn inside<B: MessageBody + 'static>(
    mut req: ServiceRequest,
    next: Next<B>,
    (app, requests): (&App, &Requests),
    peer: Option<IpAddr>,
    id: &str,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let line = log::Line::begin(&req);
    let _working = req.request().conn_data().map(connection::working);
    let _counted = requests.begin();
    let rest = body::limit(&mut req);
    id::note(&mut req, id);
    let texts = language::begin(req.request(), app);
    let from = address::note(&mut req, app, peer);
    let called = match refuse::early(&req, app, peer) {
        Some(refusal) => Ok(Ok(req.error_response(refusal).map_into_right_body())),
        None => {
            panics::caught(next.call(req)).await.map(|called| called.map(ServiceResponse::map_into_left_body))
        }
    };
    let answered = match called {
        Ok(Ok(answered)) => answered,
        // Not reached: actix makes an answer of the error of every handler and extractor, and no layer in between has an
        // error of its own.
        Ok(Err(error)) => return Err(holding(rest, error)),
        Err(panics::Panicked) => {
            line.write(500, from, &requests.unmatched);
            return Err(holding(rest, panics::answer(app, id, texts)));
        }
    };
    let mut res = failures::render(answered, app);
    let texts = language::texts(res.request());
    security::complete(res.headers_mut(), app, id, texts);
    // After a timeout the connection is closed without reading the rest of the body (RFC 9110 §15.5.9).
    if app.drain.has_begun() || res.status() == StatusCode::REQUEST_TIMEOUT {
        res.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    line.write(res.status().as_u16(), from, res.request().app_data().unwrap_or(&requests.unmatched));
    Ok(match rest {
        None => res,
        Some(rest) => res.map_body(|_, answer| EitherBody::right(rest.held_by(BoxBody::new(answer)))),
    })
}

/// An answer that is returned as an error, with the stream of the request's body.
fn holding(rest: Option<Rest>, error: Error) -> Error {
    let Some(rest) = rest else { return error };
    let answer = error.error_response().map_body(|_, answer| rest.held_by(answer));
    InternalError::from_response(error, answer).into()
}
