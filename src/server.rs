//! Listening and serving: bind → serve → drain.

use std::fmt::Display;
use std::future::ready;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol};
use actix_server::GracefulShutdownSignal;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, apply_fn_factory, map_config,
};
use actix_tls::accept::TlsError;
use actix_tls::accept::openssl::{Acceptor, TlsStream};
use actix_web::dev::{AppConfig, Extensions, Server, fn_service};
use actix_web::web::{self, ServiceConfig};
use actix_web::{App as ActixApp, HttpServer, middleware};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::app::{App, StartError};
use crate::connection::permits::{MOST_CONNECTIONS, Permit};
use crate::connection::{self, Timed};
use crate::jobs;
use crate::routes;
use crate::telemetry::registry::UPKEEP;
use crate::web::around::address::ClientAddress;
use crate::web::around::around;

mod bind; // binds the listening addresses
pub mod ending; // ends without losing a request

pub use bind::{bind, is_free};

/// How long running requests may take at the end, in seconds: together with the steps of [`ending`] less than
/// the ten seconds after which many supervisors kill.
const DRAIN: u64 = 4;
/// How long an idle connection is kept: longer than proxies keep theirs, so that the proxy closes it and no
/// request meets a connection that is being closed here.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a client may take to send the first head; [`connection`] counts that of later ones.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long a client may take to close a connection.
const FAREWELL: Duration = Duration::from_secs(2);
/// The largest request body.
const LARGEST_BODY: usize = 64 * 1024;
/// How many blocking tasks one worker may run at a time.
const BLOCKING: usize = 16;

/// Serves a provider on listeners that are bound already. `extra` adds routes, for tests.
pub fn serve(
    app: &Arc<App>,
    listeners: Vec<TcpListener>,
    workers: usize,
    extra: fn(&mut ServiceConfig),
) -> Result<Server, StartError> {
    let unable = |why: &dyn Display| StartError::Listen(why.to_string());
    let mut server = Server::build()
        .workers(workers)
        // The program listens for signals itself: the server's own handler would cut off running requests.
        .disable_signals()
        .worker_max_blocking_threads(BLOCKING)
        .max_concurrent_connections(MOST_CONNECTIONS / workers.max(1))
        .shutdown_timeout(DRAIN);
    for listener in listeners {
        let (app, ending) = (Arc::clone(app), server.graceful_shutdown_signal());
        let taken = match &app.certificate {
            None => server.listen("http", listener, move || {
                let admitting = Arc::clone(&app);
                fn_service(move |stream: TcpStream| {
                    connection::accepted(&stream);
                    let peer = stream.peer_addr().ok();
                    let permit = admit(&admitting, peer);
                    ready(permit.map(|permit| (Timed::new(stream, permit), Protocol::Http1, peer)))
                })
                .and_then(answers(&app, &ending, extra))
            }),
            Some(certificate) => {
                let acceptor = certificate.acceptor().map_err(|why| unable(&why))?.build();
                server.listen("https", listener, move || {
                    let mut tls = Acceptor::new(acceptor.clone());
                    tls.set_handshake_timeout(HANDSHAKE);
                    let tls = tls.map_err(TlsError::into_service_error);
                    let admitting = Arc::clone(&app);
                    // The TLS handshake needs the permit already.
                    apply_fn_factory(tls, move |stream: TcpStream, tls| {
                        let peer = stream.peer_addr().ok();
                        let shaken = admit(&admitting, peer).map(|permit| (tls.call(stream), permit));
                        async move {
                            let (shaking, permit) = shaken.map_err(TlsError::Service)?;
                            let stream: TlsStream<TcpStream> = shaking.await?;
                            connection::accepted(stream.get_ref());
                            Ok((Timed::new(stream, permit), Protocol::Http1, peer))
                        }
                    })
                    .and_then(answers(&app, &ending, extra).map_err(TlsError::Service))
                })
            }
        };
        server = taken.map_err(|why| unable(&why))?;
    }
    jobs::start(app);
    Ok(server.run())
}

/// Takes a permit for a connection. Trusted proxies need none, because they carry the connections of all
/// people.
fn admit(app: &App, peer: Option<SocketAddr>) -> Result<Option<Permit>, DispatchError> {
    let Some(address) = peer.map(|peer| peer.ip().to_canonical()) else { return Ok(None) };
    if app.config.trusted_proxies.iter().any(|proxy| proxy.contains(&address)) {
        return Ok(None);
    }
    let permit = app.permits.take(&ClientAddress(address).site());
    permit.map(Some).ok_or_else(|| {
        tracing::debug!(%address, "a connection was closed: its network holds its share of all");
        DispatchError::Io(std::io::ErrorKind::ConnectionRefused.into())
    })
}

/// The service of one worker for its connections. Assembled here and not by `HttpServer`, which supports no
/// connection types but its own.
fn answers<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    app: &Arc<App>,
    ending: &GracefulShutdownSignal,
    extra: fn(&mut ServiceConfig),
) -> impl ServiceFactory<
    (Timed<S>, Protocol, Option<SocketAddr>),
    Config = (),
    Response = (),
    Error = DispatchError,
    InitError = (),
> + use<S> {
    let (data, counted) = (web::Data::from(Arc::clone(app)), Arc::clone(app));
    let ending = ending.clone();
    let requests = ActixApp::new()
        .app_data(data.clone())
        .app_data(web::PayloadConfig::new(LARGEST_BODY))
        .wrap(middleware::from_fn(around))
        .configure(extra)
        .configure(|service| routes::configure(service, &data.config.base, &data.registry))
        .into_factory()
        .map_err(|error: actix_web::Error| error.error_response());
    HttpService::build()
        .graceful_shutdown_signal(move || {
            let ending = ending.clone();
            async move { ending.notified().await }
        })
        .client_request_timeout(PATIENCE)
        .client_disconnect_timeout(FAREWELL)
        .keep_alive(KEEP_ALIVE)
        .on_connect_ext(move |connection: &Timed<S>, known: &mut Extensions| {
            known.insert(counted.drain.hold());
            known.insert(connection.progress());
        })
        .finish(map_config(requests, |()| AppConfig::default()))
}

/// Serves metrics on a listener of its own, for as long as the process lives.
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
            app.registry.upkeep();
        }
    });
    Ok(server.run())
}
