//! Background work: every node does it, and none waits for another.

use std::sync::Arc;

use crate::app::App;
use crate::state::kv::Kv;

mod checkpoints; // of the state store's file
mod clients; // which were changed
mod events; // of sign-ins, written down together
mod failures; // of clients, written down together
mod metrics; // the sweeper
mod keys; // their steps, when they are due
mod sessions; // that are owed an end
mod state_watch; // whether the state store was emptied
mod sweep; // what has expired

/// Starts all of it, for as long as the process lives.
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

/// Takes a new TLS certificate when there is one.
async fn watch_certificate(app: Arc<App>) {
    if let Some(certificate) = &app.certificate {
        certificate.watch(&app.clock).await;
    }
}
