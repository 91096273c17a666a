//! What surrounds every request.

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
use crate::web::metrics::Requests;
use crate::web::{language, visit};

pub mod address; // where it came from
pub mod cors; // whose scripts may read the answer
mod failures; // their causes, and the pages that show them
pub mod id; // its name in the log
mod log; // its line there
mod panics; // a net for them
pub mod refuse; // what no handler sees
mod security; // the headers of every answer

/// Surrounds one request, outermost: its name, by which every line in the log is found.
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

/// Everything else, from the outside inwards and out again.
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
    visit::arrive(req.request(), app);
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
        Ok(Err(error)) => return Err(beside(rest, error)),
        Err(panics::Panicked) => {
            line.write(500, from, &requests.unmatched);
            return Err(beside(rest, panics::answer(app, id, texts)));
        }
    };
    let mut res = failures::render(answered, app);
    let texts = language::texts(res.request());
    security::complete(res.headers_mut(), app, id, texts);
    // The rest of a body that came too slowly is not waited for (RFC 9110 §15.5.9).
    if app.drain.has_begun() || res.status() == StatusCode::REQUEST_TIMEOUT {
        res.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    line.write(res.status().as_u16(), from, res.request().app_data().unwrap_or(&requests.unmatched));
    Ok(match rest {
        None => res,
        Some(rest) => res.map_body(|_, answer| EitherBody::right(rest.beside(BoxBody::new(answer)))),
    })
}

/// An answer that travels as an error, with what is left of the request's body.
fn beside(rest: Option<Rest>, error: Error) -> Error {
    let Some(rest) = rest else { return error };
    let answer = error.error_response().map_body(|_, answer| rest.beside(answer));
    InternalError::from_response(error, answer).into()
}
