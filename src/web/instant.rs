//! The instant for which a request is decided: the clock is read once, when its handler starts.

use actix_web::{HttpMessage, HttpRequest};
use time::OffsetDateTime;

use crate::app::App;

/// The instant, in the request's extensions once its handler has started.
#[derive(Clone, Copy)]
struct Started(OffsetDateTime);

/// Reads the clock, once for this request.
pub fn begin(req: &HttpRequest, app: &App) -> OffsetDateTime {
    let now = app.clock.now();
    req.extensions_mut().insert(Started(now));
    now
}

/// The instant for which a request is decided; the present one where no handler has started.
pub fn of(req: &HttpRequest, app: &App) -> OffsetDateTime {
    let started = req.extensions().get::<Started>().copied();
    started.map_or_else(|| app.clock.now(), |Started(at)| at)
}
