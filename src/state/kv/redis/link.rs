//! Connections to Redis: one for each thread, shared by all its requests, so that no request has to wake another thread.
//! A connection is replaced when it is lost, and also when it is of no more use: when the server does not answer, or has
//! become a replica.

use std::cell::RefCell;
use std::error::Error;
use std::io::{self, ErrorKind as Io};
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{
    Client, ConnectionAddr, ErrorKind, IntoConnectionInfo, ProtocolVersion, RedisError, RedisResult,
    TlsCertificates,
};
use socket2::TcpKeepalive;
use thread_local::ThreadLocal;

use crate::state::StateError;

/// The longest time without an acknowledgement of sent bytes; then the connection counts as lost.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);
/// Idle time after which keep-alive probes are sent.
const SILENT: Duration = Duration::from_secs(30);
/// The longest time for connecting, with the handshakes; TLS needs more on a busy machine.
const CONNECTING: Duration = Duration::from_millis(500);
const CONNECTING_OVER_TLS: Duration = Duration::from_millis(1500);
/// The longest wait for an answer: a busy server is not an unreachable one.
const ANSWERING: Duration = Duration::from_secs(1);
/// Shortest time between two replacements of a connection that is not lost.
const RENEWED: Duration = Duration::from_millis(250);
/// Error codes of conditions that pass: the server is starting (LOADING), is not the primary at this moment (READONLY,
/// MASTERDOWN, CLUSTERDOWN, TRYAGAIN, FAILOVER, UNBLOCKED), has too few replicas (NOREPLICAS), cannot save (MISCONF), is
/// full (OOM), or runs another client's script (BUSY, UNKILLABLE). A server that has just become the primary answers
/// NOSCRIPT twice.
const PASSES: [&str; 13] = [
    "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "FAILOVER", "UNBLOCKED", "NOREPLICAS",
    "MISCONF", "OOM", "BUSY", "UNKILLABLE", "NOSCRIPT",
];
/// Messages of such conditions that have no code of their own.
const PASSES_IN_WORDS: [&str; 2] = ["max number of clients reached", "shutdown in progress"];

/// The connections to one server.
pub(super) struct Link {
    client: Client,
    /// One for each thread that has sent a command.
    connections: ThreadLocal<RefCell<Connection>>,
    /// The server's URL without a password, for messages.
    shown: String,
}

/// One thread's connection.
struct Connection {
    manager: ConnectionManager,
    /// Number of replacements, and the time of the last one.
    renewals: u64,
    renewed: Option<Instant>,
}

impl Link {
    /// Prepares connections; they are made at first use. TLS trusts these roots, or the system's.
    pub(super) fn new(url: &str, roots: Option<Vec<u8>>) -> Result<Link, StateError> {
        let shown = url::Url::parse(url).map_or_else(|_| "redis://…".into(), |url| shown(&url));
        let unusable = |error: RedisError| StateError::Broken(format!("{shown}: {error}"));
        let server = url.into_connection_info().map_err(unusable)?;
        // Version 3 of the protocol notices a lost connection at once, not at its next use.
        let settings = server.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        // Keep-alive probes prevent firewalls from dropping the state of idle connections.
        let alive = TcpKeepalive::new().with_time(SILENT).with_interval(SILENT / 3);
        let tcp =
            TcpSettings::default().set_nodelay(true).set_user_timeout(UNACKNOWLEDGED).set_keepalive(alive);
        let server = server.set_redis_settings(settings).set_tcp_settings(tcp);
        let client = match roots {
            Some(_) if url.starts_with("rediss:") => {
                Client::build_with_tls(server, TlsCertificates { client_tls: None, root_cert: roots })
            }
            _ => Client::open(server),
        };
        Ok(Link { client: client.map_err(unusable)?, connections: ThreadLocal::new(), shown })
    }

    /// Sends a command, and retries once where that is harmless: when the connection was refused or could not be made
    /// (the error may be that of an attempt long ago), when the server is not the primary any more, and, for commands
    /// that change nothing, when the connection was lost.
    pub(super) async fn ask<T>(
        &self,
        changes: bool,
        ask: impl AsyncFn(ConnectionManager) -> RedisResult<T>,
    ) -> Result<T, StateError> {
        let connection = self.connections.get_or_try(|| self.connect().map(RefCell::new));
        let connection = connection.map_err(|error| self.failed(&error))?;
        let (used, renewals) = {
            let connection = connection.borrow();
            (connection.manager.clone(), connection.renewals)
        };
        let mut answer = ask(used).await;
        if let Err(error) = &answer {
            let is_renewed = if is_unconnected(error) {
                self.replace(&mut connection.borrow_mut(), renewals)
            } else {
                (is_read_only(error) || error.is_timeout())
                    && self.renew(&mut connection.borrow_mut(), renewals)
            };
            if error.is_connection_refusal()
                || (is_renewed && !error.is_timeout())
                || (!changes && error.is_connection_dropped())
            {
                let again = connection.borrow().manager.clone();
                answer = ask(again).await;
            }
        }
        answer.map_err(|error| self.failed(&error))
    }

    fn connect(&self) -> RedisResult<Connection> {
        Ok(Connection { manager: manager(&self.client)?, renewals: 0, renewed: None })
    }

    /// Replaces a connection that is not lost but of no more use, unless that was done just now.
    fn renew(&self, connection: &mut Connection, renewals: u64) -> bool {
        let lately = connection.renewed.is_some_and(|renewed| renewed.elapsed() < RENEWED);
        (connection.renewals != renewals || !lately) && self.replace(connection, renewals)
    }

    /// Replaces a connection, unless another request has done so meanwhile.
    fn replace(&self, connection: &mut Connection, renewals: u64) -> bool {
        if connection.renewals != renewals {
            return true;
        }
        let Ok(fresh) = manager(&self.client) else { return false };
        *connection = Connection { manager: fresh, renewals: renewals + 1, renewed: Some(Instant::now()) };
        true
    }

    /// Sorts an error. A condition that a restart or a failover ends is an outage, and so is a server whose certificate is
    /// another one's. All other errors need the operator.
    fn failed(&self, error: &RedisError) -> StateError {
        let is_other = error.kind() == ErrorKind::Client;
        let passes = passes(error.code().unwrap_or_default(), error.detail().unwrap_or_default());
        let is_outage = error.is_io_error() || is_other || passes;
        let said = format!("{}: {error}", self.shown);
        if is_outage { StateError::Unreachable(said) } else { StateError::Broken(said) }
    }
}

fn manager(client: &Client) -> RedisResult<ConnectionManager> {
    let is_tls = matches!(client.get_connection_info().addr(), ConnectionAddr::TcpTls { .. });
    // A person waits for the answer, so connecting fails early.
    let (connecting, retries) = if is_tls { (CONNECTING_OVER_TLS, 0) } else { (CONNECTING, 1) };
    let config = ConnectionManagerConfig::new().set_number_of_retries(retries);
    let config = config.set_connection_timeout(Some(connecting)).set_response_timeout(Some(ANSWERING));
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}

/// Tells whether a refusal is of a condition that passes, by the code of the answer and its message. Redis 6 wraps the
/// error of a command in a script.
pub fn passes(code: &str, detail: &str) -> bool {
    let is_wrapped = || PASSES.iter().any(|code| detail.contains(&format!("-{code} ")));
    let in_words = || PASSES_IN_WORDS.iter().any(|words| detail.contains(words));
    PASSES.contains(&code) || (code == "ERR" && (is_wrapped() || in_words()))
}

fn is_read_only(error: &RedisError) -> bool {
    match error.code() {
        Some("READONLY") => true,
        Some("ERR") => error.detail().is_some_and(|detail| detail.contains("-READONLY ")),
        _ => false,
    }
}

/// Tells whether connecting failed before anything can have been sent, for instance because the server's name did not
/// resolve. Network errors are left out: they may have broken an established connection.
fn is_unconnected(error: &RedisError) -> bool {
    let inner = error.source().and_then(|source| source.downcast_ref::<Arc<dyn Error + Send + Sync>>());
    let kind = inner.and_then(|inner| inner.downcast_ref::<io::Error>()).map(io::Error::kind);
    let is_network = matches!(kind, Some(Io::HostUnreachable | Io::NetworkUnreachable | Io::NetworkDown));
    kind.is_some() && !is_network && !error.is_connection_dropped() && !error.is_timeout()
}

fn shown(url: &url::Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}
