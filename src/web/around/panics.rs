//! Panics of handlers: one ends its own request with 500, and no other.

use std::panic::AssertUnwindSafe;

use actix_web::Error;
use actix_web::error::InternalError;
use futures_util::FutureExt;

use super::security;
use crate::app::App;
use crate::texts::Texts;
use crate::web::answer::shell_of;
use crate::web::failure::PageFailure;
use crate::web::failure::failure_page;

/// A handler panicked.
pub struct Panicked;

/// Calls a handler and catches its panic.
pub async fn caught<T>(called: impl Future<Output = T>) -> Result<T, Panicked> {
    AssertUnwindSafe(called).catch_unwind().await.map_err(|_panic| Panicked)
}

/// The answer after a panic. The request was dropped with its handler, so the answer is returned as an error.
pub fn answer(app: &App, id: &str, texts: Texts) -> Error {
    let failure = PageFailure::Internal("a handler panicked".into());
    tracing::error!(cause = %failure, "failed");
    let mut page = failure_page(app, shell_of(app, id.into(), texts), &failure, app.clock.now());
    security::complete(page.headers_mut(), app, id, texts);
    InternalError::from_response(failure, page).into()
}
