//! `countersign serve`: the provider itself.

use std::future::pending;
use std::net::TcpListener;
use std::sync::Arc;

use anyhow::anyhow;
use futures_util::future::LocalBoxFuture;
use serde_json::json;

use super::context::{Context, discovery};
use super::report::say;
use super::signals::{Signals, Told};
use crate::app::App;
use crate::server::{self, ending};
use crate::store::{clients, users};
use crate::telemetry;

/// Serves until it is told to stop.
pub async fn run(context: &Context) -> anyhow::Result<()> {
    let config = context.config()?;
    telemetry::start(&config.log).map_err(anyhow::Error::msg)?;
    let app = Arc::new(App::build(config, context.clock.clone())?);
    app.refuse_demo()?;
    let taken = server::bind(&app.config.listen);
    let listeners = taken.map_err(|why| anyhow!("{why}; set COUNTERSIGN_LISTEN to another one"))?;
    let addresses = listeners.iter().map(TcpListener::local_addr).collect::<Result<Vec<_>, _>>()?;
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let kept = listeners.iter().map(TcpListener::try_clone).collect::<Result<Vec<_>, _>>()?;
    let server = server::serve(&app, listeners, workers, |_| ())?;
    let mut signals = Signals::listen()?;
    if let Err(error) = announce(&app, &addresses, context).await {
        tracing::warn!(%error, "nobody could be told where the provider listens");
    }
    let handle = server.handle();
    let told_twice = async {
        let end: LocalBoxFuture<'_, ()> = match signals.next().await {
            Told::ByHand => Box::pin(handle.stop(true)),
            Told::BySupervisor => Box::pin(ending::orderly(&app.drain, &handle, &kept)),
        };
        // The server is done when it has ended, not when it was asked to.
        let never = async { (end.await, pending::<()>().await) };
        tokio::select! {
            _ = never => (),
            _ = signals.next() => (),
        }
    };
    tokio::select! {
        ended = server => {
            ended?;
            tracing::info!("stopped");
        }
        () = told_twice => tracing::warn!("told to stop a second time: what was under way is cut off"),
    }
    Ok(())
}

/// One line that says where everything is, then what is still missing.
async fn announce(app: &App, addresses: &[String], context: &Context) -> anyhow::Result<()> {
    let issuer = &app.config.issuer;
    let discovery = discovery(issuer);
    if context.json {
        say(&json!({ "listen": addresses, "issuer": issuer, "discovery": discovery }).to_string())?;
        return Ok(());
    }
    say(&format!("Listening on {}; issuer {issuer}; discovery {discovery}", addresses.join(" and ")))?;
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
