//! Listening and serving: bind → serve → drain.

use std::net::{TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::web::{self, ServiceConfig};
use actix_web::{App as ActixApp, HttpServer, middleware};

use crate::app::{App, StartError};
use crate::routes;
use crate::telemetry::registry::UPKEEP;
use crate::ticks;
use crate::web::headers;

pub mod ending; // without losing a request

/// How long running requests get to finish at the end, in seconds: with what comes before in [`ending`],
/// less than the ten that many supervisors wait until they kill.
const DRAIN: u64 = 4;
/// How long an idle connection is kept: longer than proxies keep theirs, so that it is they who close it and
/// no request meets a connection that is being closed here.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a client may take to send its request's head.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long a client may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(2);
/// How many connections may be open at a time; whoever comes later waits to be let in.
const MOST_CONNECTIONS: usize = 4096;
/// The largest request body.
const LARGEST_BODY: usize = 64 * 1024;
/// How many units of work one worker may have beside its requests.
const BLOCKING: usize = 16;

/// Listens on every address of `host:port`.
pub fn bind(listen: &str) -> Result<Vec<TcpListener>, String> {
    let addresses =
        listen.to_socket_addrs().map_err(|error| format!("{listen} cannot be resolved: {error}"))?;
    let mut listeners: Vec<TcpListener> = vec![];
    for mut address in addresses {
        // Port 0 means any free port, but the same one on every address.
        if let (0, Some(first)) = (address.port(), listeners.first()) {
            address.set_port(first.local_addr().map_or(0, |taken| taken.port()));
        }
        match TcpListener::bind(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) if error.kind() == std::io::ErrorKind::AddrNotAvailable => (),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                return Err(format!("port {} at {} is already in use", address.port(), address.ip()));
            }
            Err(error) => return Err(format!("{address} cannot be listened on: {error}")),
        }
    }
    if listeners.is_empty() { Err(format!("{listen} is no address of this machine")) } else { Ok(listeners) }
}

/// Serves a provider on listeners taken before. `extra` adds routes, for tests.
pub fn serve(
    app: &Arc<App>,
    listeners: Vec<TcpListener>,
    workers: usize,
    extra: fn(&mut ServiceConfig),
) -> Result<Server, StartError> {
    let data = web::Data::from(Arc::clone(app));
    let counted = Arc::clone(app);
    let mut server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(data.clone())
            .app_data(web::PayloadConfig::new(LARGEST_BODY))
            .wrap(middleware::from_fn(headers::around))
            .configure(extra)
            .configure(|service| routes::configure(service, &data.config.base, &data.metrics))
    })
    .workers(workers)
    // Whoever runs the program listens for signals: here an interrupt would cut running requests off.
    .disable_signals()
    .worker_max_blocking_threads(BLOCKING)
    .client_request_timeout(PATIENCE)
    .client_disconnect_timeout(FAREWELL)
    .tls_handshake_timeout(HANDSHAKE)
    .max_connections(MOST_CONNECTIONS / workers.max(1))
    .keep_alive(KEEP_ALIVE)
    .on_connect(move |_, connection| {
        connection.insert(counted.drain.hold());
    })
    .shutdown_timeout(DRAIN);
    for listener in listeners {
        let taken = match &app.certificate {
            None => server.listen(listener),
            Some(certificate) => {
                let acceptor = certificate.acceptor();
                server.listen_openssl(listener, acceptor.map_err(|why| StartError::Listen(why.to_string()))?)
            }
        };
        server = taken.map_err(|error| StartError::Listen(error.to_string()))?;
    }
    ticks::start(app);
    Ok(server.run())
}

/// Shows metrics on a listener of its own, for as long as the process lives.
pub fn serve_metrics(app: &Arc<App>, listeners: Vec<TcpListener>) -> Result<Server, StartError> {
    let data = web::Data::from(Arc::clone(app));
    let mut server =
        HttpServer::new(move || ActixApp::new().app_data(data.clone()).configure(routes::configure_metrics))
            .workers(1)
            .disable_signals()
            .client_request_timeout(PATIENCE);
    for listener in listeners {
        server = server.listen(listener).map_err(|error| StartError::Listen(error.to_string()))?;
    }
    let app = Arc::clone(app);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            app.metrics.registry.upkeep();
        }
    });
    Ok(server.run())
}
