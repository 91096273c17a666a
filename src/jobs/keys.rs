//! Takes the steps that are due for the signing keys.

use std::sync::Arc;
use std::thread;

use tokio::sync::oneshot;

use crate::app::App;

/// Takes due steps every few seconds, on a thread of its own: making an RSA key must delay neither requests
/// nor the end of the process.
pub(super) async fn tend(app: Arc<App>) {
    let every = app.config.keys.refresh().unsigned_abs();
    loop {
        tokio::time::sleep(every).await;
        let app = Arc::clone(&app);
        let (done, over) = oneshot::channel();
        let tending = thread::Builder::new().name("keys".into()).spawn(move || {
            // The receiver may be gone.
            let _ended = done.send(app.tend_keys());
        });
        match over.await {
            Ok(Ok(())) => (),
            Ok(Err(error)) => tracing::warn!(%error, "the signing keys could not be looked after"),
            Err(_) => tracing::error!(thread = ?tending, "looking after the signing keys failed"),
        }
    }
}
