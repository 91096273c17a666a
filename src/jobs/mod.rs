//! Background work: every node does all of it, and none waits for another.

use std::sync::Arc;

use crate::app::App;
use crate::state::kv::Kv;

mod checkpoints; // of the state store's file
mod clients; // changed ones, and changed resources
mod events; // of sign-ins, written down together
mod failures; // of clients, written down together
mod metrics; // the sweeper
mod keys; // steps that are due
mod sessions; // sessions that have to end
mod state_watch; // whether the state store lost its data
mod sweep; // expired rows and values

/// Starts all jobs, for as long as the process lives.
pub fn start(app: &Arc<App>) {
    tokio::spawn(sweep::sweep(Arc::clone(app)));
    tokio::spawn(keys::tend(Arc::clone(app)));
    actix_web::rt::spawn(failures::write(Arc::clone(app)));
    actix_web::rt::spawn(events::write(Arc::clone(app)));
    actix_web::rt::spawn(sessions::end(Arc::clone(app)));
    if matches!(app.kv, Kv::Redis(_)) {
        actix_web::rt::spawn(state_watch::watch(Arc::clone(app)));
    }
    actix_web::rt::spawn(clients::look(Arc::clone(app)));
    actix_web::rt::spawn(checkpoints::make(app.kv.clone()));
    tokio::spawn(watch_certificate(Arc::clone(app)));
}

/// Loads a new TLS certificate when there is one.
async fn watch_certificate(app: Arc<App>) {
    if let Some(certificate) = &app.certificate {
        certificate.watch(&app.clock).await;
    }
}
