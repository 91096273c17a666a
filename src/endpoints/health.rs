//! Probes of load balancers and supervisors: whether the process is alive, and whether it can serve. The
//! answers name no host and no cause, because they are public; causes are in the log.

use actix_web::HttpResponse;
use serde_json::json;

use crate::web::visit::Visit;

/// `GET /livez`: any answer shows that the process is alive. It checks nothing else, so that an outage of a
/// store never makes a supervisor restart a process that would recover by itself.
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// `GET /readyz`: 200 when requests should be sent here, otherwise 503 and what is missing.
pub async fn ready(visit: Visit) -> HttpResponse {
    let app = &visit.app;
    app.drain.note_watcher();
    let found = app.health.readiness(&app.db, &app.kv, visit.now).await;
    let draining = app.drain.has_begun();
    let ready = found.is_ready() && !draining;
    let mut res = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    res.json(json!({
        "ready": ready,
        "draining": draining,
        "database": found.database.word(),
        "state": found.state.word(),
    }))
}
