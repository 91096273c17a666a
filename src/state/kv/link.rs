//! The link to Redis: one connection for each thread, which all its requests share, so that none of them has to
//! wake another thread and to be woken by it. It is made again when it was lost, and also when it still stands and
//! is of no use: a silent one, or one to a server that follows another one now.

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

use super::StateError;

/// How long what was sent may stay unacknowledged: then the link is dead, whatever it says.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);
/// How long a link may be silent until it is looked whether the other end is still there.
const SILENT: Duration = Duration::from_secs(30);
/// How long connecting may take, greetings included; and over TLS, which on a busy machine takes its time.
const CONNECTING: Duration = Duration::from_millis(500);
const CONNECTING_OVER_TLS: Duration = Duration::from_millis(1500);
/// How long an answer may take: a busy machine is not one that is away.
const ANSWERING: Duration = Duration::from_secs(1);
/// How often a link that still stands is made again at most.
const RENEWED: Duration = Duration::from_millis(250);
/// What a server answers that is starting (LOADING), is no longer or not yet the one to ask (READONLY, MASTERDOWN,
/// CLUSTERDOWN, TRYAGAIN, FAILOVER, UNBLOCKED), has too few replicas (NOREPLICAS), cannot save (MISCONF), is full (OOM),
/// or is kept busy by another's script (BUSY, UNKILLABLE). NOSCRIPT is what a server that has just taken over says twice.
const PASSES: [&str; 13] = [
    "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "FAILOVER", "UNBLOCKED", "NOREPLICAS",
    "MISCONF", "OOM", "BUSY", "UNKILLABLE", "NOSCRIPT",
];
/// The same without a code of its own.
const PASSES_IN_WORDS: [&str; 2] = ["max number of clients reached", "shutdown in progress"];

/// The connections to one server.
pub(super) struct Link {
    client: Client,
    /// Of each thread that has asked something.
    connections: ThreadLocal<RefCell<Connection>>,
    /// The server, without a password.
    shown: String,
}

/// What one thread asks through.
struct Connection {
    manager: ConnectionManager,
    /// How often it was made again although it stood, and when last.
    renewals: u64,
    renewed: Option<Instant>,
}

impl Link {
    /// Prepares a link; it connects when first used. Over TLS it trusts these roots, or the system's.
    pub(super) fn new(url: &str, roots: Option<Vec<u8>>) -> Result<Link, StateError> {
        let shown = url::Url::parse(url).map_or_else(|_| "redis://…".into(), |url| shown(&url));
        let unusable = |error: RedisError| StateError::Broken(format!("{shown}: {error}"));
        let server = url.into_connection_info().map_err(unusable)?;
        // Version 3 of its protocol tells a lost link at once, not when somebody next needs it.
        let settings = server.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        // Whatever stands between forgets no connection over which something goes now and then.
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

    /// Asks, and once more where that does no harm: when the connection was refused or found no way (the link
    /// remembers its last attempt, which may be long ago), when the server is no longer the one to write to,
    /// and, if asking changes nothing, when the connection was lost.
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
            let is_renewed = if found_no_way(error) {
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

    /// Leaves a connection that stands and is of no use, unless somebody just did.
    fn renew(&self, connection: &mut Connection, renewals: u64) -> bool {
        let lately = connection.renewed.is_some_and(|renewed| renewed.elapsed() < RENEWED);
        (connection.renewals != renewals || !lately) && self.replace(connection, renewals)
    }

    /// Leaves a connection, unless somebody else who asked through it did.
    fn replace(&self, connection: &mut Connection, renewals: u64) -> bool {
        if connection.renewals != renewals {
            return true;
        }
        let Ok(fresh) = manager(&self.client) else { return false };
        *connection = Connection { manager: fresh, renewals: renewals + 1, renewed: Some(Instant::now()) };
        true
    }

    /// What a restart or a failover heals is an outage, and so is a server that proves to be another one;
    /// anything else is for the operator to mend.
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
    // A person waits for the answer: better to say at once that nothing can be done.
    let (connecting, retries) = if is_tls { (CONNECTING_OVER_TLS, 0) } else { (CONNECTING, 1) };
    let config = ConnectionManagerConfig::new().set_number_of_retries(retries);
    let config = config.set_connection_timeout(Some(connecting)).set_response_timeout(Some(ANSWERING));
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}

/// Tells what a server refuses only for now from other refusals, by the code of its answer and the words behind it.
/// Redis 6 wraps what a script's command was refused with.
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

/// Tells whether connecting failed before anything can have been sent: nobody knew the server's name, say. Where
/// the network says so it may have broken a connection that stood.
fn found_no_way(error: &RedisError) -> bool {
    let inner = error.source().and_then(|source| source.downcast_ref::<Arc<dyn Error + Send + Sync>>());
    let kind = inner.and_then(|inner| inner.downcast_ref::<io::Error>()).map(io::Error::kind);
    let is_network = matches!(kind, Some(Io::HostUnreachable | Io::NetworkUnreachable | Io::NetworkDown));
    kind.is_some() && !is_network && !error.is_connection_dropped() && !error.is_timeout()
}

fn shown(url: &url::Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}
