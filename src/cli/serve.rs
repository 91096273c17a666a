//! `countersign serve`: the provider itself.

use std::future::pending;
use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use futures_util::future::LocalBoxFuture;
use sd_notify::NotifyState;
use serde_json::json;
use tokio::signal::unix::Signal;

use super::algorithms::{Lacking, lacking};
use super::context::{Context, discovery};
use super::port;
use super::report::say;
use super::signals::{Signals, StopSignal, hangups};
use crate::app::{App, StartError};
use crate::server::{self, ending};
use crate::store::{clients, users};
use crate::telemetry::log;

/// Serves until a signal stops it.
pub async fn run(context: &Context) -> anyhow::Result<()> {
    forbid_dumps();
    let app = build(context).await?;
    let listeners = port::take(&app.config)?;
    let listening = Listening { public: addresses(&listeners)?, metrics: serve_metrics(&app)? };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let kept = listeners.iter().map(TcpListener::try_clone).collect::<Result<Vec<_>, _>>()?;
    let server = server::serve(&app, listeners, workers, |_| ())?;
    let mut signals = Signals::listen()?;
    actix_web::rt::spawn(reload(Arc::clone(&app), hangups()?));
    actix_web::rt::spawn(name_lacking(Arc::clone(&app)));
    if let Err(error) = announce(&app, &listening, context).await {
        tracing::warn!(%error, "the addresses could not be written to standard output");
    }
    notify_supervisor(NotifyState::Ready);
    let handle = server.handle();
    tokio::select! {
        ended = server => {
            ended?;
            write_pending(&app).await;
            tracing::info!("stopped");
        }
        () = stop(&app, &mut signals, &handle, &kept) => tracing::warn!(
            events_lost = app.events.tally().waiting,
            "told to stop a second time: requests under way are cut off"
        ),
    }
    Ok(())
}

/// Reads the configuration, starts the log and opens the stores.
async fn build(context: &Context) -> anyhow::Result<Arc<App>> {
    let config = context.config()?;
    log::start(&config.log, config.log_format).map_err(anyhow::Error::msg)?;
    if let Some((first, more)) = config.ignored_variables.split_first() {
        tracing::info!("passed over {first} and {} more variables: Kubernetes wrote them", more.len());
    }
    // Before anything is made: a first start that cannot listen leaves no database and no keys behind.
    port::find_free(&config)?;
    let app = Arc::new(App::build(config, context.clock.clone())?);
    app.refuse_demo()?;
    app.kv.probe(app.clock.now()).await.map_err(StartError::from)?;
    Ok(app)
}

/// Serves metrics, if the configuration says where; answers the addresses.
fn serve_metrics(app: &Arc<App>) -> anyhow::Result<Vec<String>> {
    let Some(listen) = &app.config.metrics_listen else { return Ok(vec![]) };
    let listeners = port::take_metrics(listen)?;
    let addresses = addresses(&listeners)?;
    actix_web::rt::spawn(server::serve_metrics(app, listeners)?);
    Ok(addresses)
}

/// Ends the server in order after the first signal, and returns at the second one. The server's own future tells when
/// it has ended, so without a second signal this never returns.
async fn stop(app: &App, signals: &mut Signals, server: &ServerHandle, kept: &[TcpListener]) {
    let signal = signals.next().await;
    notify_supervisor(NotifyState::Stopping);
    let end: LocalBoxFuture<'_, ()> = match signal {
        StopSignal::Interrupt => Box::pin(server.stop(true)),
        StopSignal::Terminate => Box::pin(ending::orderly(&app.drain, server, kept)),
    };
    let ending = async { (end.await, pending::<()>().await) };
    tokio::select! {
        _ = ending => (),
        _ = signals.next() => (),
    }
}

/// Writes what is collected between requests: failures of clients, and events of sign-ins.
async fn write_pending(app: &App) {
    if let Err(error) = app.state.failures.write_down(app.clock.now()).await {
        tracing::warn!(%error, "the last failures of clients were not written down");
    }
    let written = app.events.end(app.clock.now()).await;
    let lost = app.events.tally().lost();
    if let Err(error) = written {
        tracing::error!(%error, lost, "events of sign-ins were lost");
    }
}

/// Tells the supervisor of the service how it is, if there is one.
///
/// Spec: `sd_notify(3)`
fn notify_supervisor(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the supervisor could not be notified");
    }
}

/// Logs once which applications have no key to sign with. It runs beside the start, because there may be many of them.
async fn name_lacking(app: Arc<App>) {
    match lacking(&app.db, &app.config.keys).await {
        Ok(found) => found.iter().for_each(|Lacking { what, remedy }| tracing::warn!("{what}; {remedy}")),
        // An application that cannot be read does not keep the others from being served.
        Err(error) => {
            tracing::warn!(%error, "whether every application has a key that signs for it is not known");
        }
    }
}

/// Reads the certificate again at each `SIGHUP`.
async fn reload(app: Arc<App>, mut hangups: Signal) {
    while hangups.recv().await.is_some() {
        if let Some(certificate) = &app.certificate {
            certificate.reload();
        } else {
            tracing::info!("there is nothing to read again: TLS does not end here");
        }
    }
}

/// The addresses on which the server listens.
struct Listening {
    public: Vec<String>,
    metrics: Vec<String>,
}

/// Core dumps are forbidden, and so is reading this process's memory from another process of the account: keys and
/// passwords are in it.
///
/// Spec: `PR_SET_DUMPABLE(2const)`
fn forbid_dumps() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
            tracing::warn!(%error, "a crash may write keys and passwords to a disk");
        }
    }
}

fn addresses(listeners: &[TcpListener]) -> anyhow::Result<Vec<String>> {
    let addresses = listeners.iter().map(TcpListener::local_addr).collect::<Result<Vec<_>, _>>()?;
    Ok(addresses.iter().map(ToString::to_string).collect())
}

/// One line with the addresses, then what is still missing.
async fn announce(app: &App, listening: &Listening, context: &Context) -> anyhow::Result<()> {
    let issuer = &app.config.issuer;
    let discovery = discovery(issuer);
    let Listening { public, metrics } = listening;
    if context.json {
        let line = json!({ "listen": public, "metrics": metrics, "issuer": issuer, "discovery": discovery });
        say(&line.to_string())?;
        return Ok(());
    }
    say(&format!("Listening on {}; issuer {issuer}; discovery {discovery}", public.join(" and ")))?;
    if !metrics.is_empty() {
        say(&format!("Metrics on http://{}/metrics", metrics.join(" and ")))?;
    }
    let config = context.same_config();
    if !clients::any(&app.db).await? {
        let example = if app.config.development {
            "http://localhost:3000/callback"
        } else {
            "https://app.example/callback"
        };
        say(&format!(
            "There is no application yet. Register one with:\n  \
             countersign client add{config} --name \"My app\" --redirect-uri {example}"
        ))?;
    }
    if !users::any(&app.db).await? {
        say(&format!(
            "There is nobody to sign in yet. Add a person with:\n  countersign user add{config} LOGIN"
        ))?;
    }
    Ok(())
}
