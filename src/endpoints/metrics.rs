//! The metrics of this node, on a listener of their own.

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use crate::app::App;

/// `GET /metrics`
///
/// Spec: Prometheus text format 0.0.4
pub async fn get(app: web::Data<App>) -> HttpResponse {
    app.observe();
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(app.registry.render())
}
