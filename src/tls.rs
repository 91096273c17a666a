//! TLS: the certificate and the settings of connections. The certificate can be replaced while the program runs: new
//! connections use the new one, and an unusable pair leaves the present one in use.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use metrics::Gauge;
use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{
    AlpnError, SniError, SslAcceptor, SslAcceptorBuilder, SslContext, SslMethod, SslOptions,
    SslSessionCacheMode, SslVersion, select_next_proto,
};
use openssl::x509::X509;
use time::OffsetDateTime;
use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::clock::{Clock, span};
use crate::telemetry::registry::{Registry, epoch_seconds};

/// How often the files are checked for changes.
const CHECK_EVERY: Duration = Duration::from_secs(2);
/// How long before its expiry a warning is logged.
pub const SOON: time::Duration = time::Duration::days(14);

/// Cipher suites of TLS 1.2: ephemeral elliptic-curve keys and authenticated encryption. `deploy/nginx.conf` names
/// the same. All suites of TLS 1.3 are of this kind.
///
/// Spec: RFC 9325 §4.2
pub const SUITES: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:\
    ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:\
    ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
/// Key-exchange groups. The finite-field groups of OpenSSL's default cost the server milliseconds for each handshake
/// that a client begins.
const GROUPS: &str = "X25519:P-256:P-384";
/// The groups with a post-quantum hybrid, for OpenSSL 3.5 and later.
const GROUPS_WITH_HYBRID: &str = "X25519MLKEM768:X25519:P-256:P-384";

/// A certificate with its key.
pub struct Pair {
    context: SslContext,
    /// When the certificate expires.
    pub expires: OffsetDateTime,
}

/// The certificate in use, and the files it is read from.
pub struct Certificate {
    cert: PathBuf,
    key: PathBuf,
    current: Arc<ArcSwap<Pair>>,
    /// The stamp of the files when they were last read.
    read: Stamp,
    reload_asked: Notify,
    expiry: Gauge,
}

/// Values that change when a file is written or replaced.
type Stamp = [Option<(u64, u64, i64, i64)>; 2];

impl Certificate {
    /// Reads the first pair, and registers the metric of its expiry.
    pub fn open(cert: &Path, key: &Path, registry: &Registry) -> Result<Certificate, String> {
        let read = stamp(cert, key);
        let pair = load(cert, key)?;
        let expiry = registry.gauge(
            "countersign_tls_certificate_expiry_timestamp_seconds",
            "When the TLS certificate in use expires",
            &[],
        );
        expiry.set(epoch_seconds(pair.expires));
        let current = Arc::new(ArcSwap::from_pointee(pair));
        Ok(Certificate {
            cert: cert.into(),
            key: key.into(),
            current,
            read,
            reload_asked: Notify::new(),
            expiry,
        })
    }

    /// The settings for a listener. Each connection uses the certificate that is current when it begins.
    pub fn acceptor(&self) -> Result<SslAcceptorBuilder, ErrorStack> {
        let mut tls = settings()?;
        let current = Arc::clone(&self.current);
        // OpenSSL calls this for every connection, whether it names a server or not.
        tls.set_servername_callback(move |connection, _alert| {
            connection.set_ssl_context(&current.load().context).map_err(|error| {
                tracing::error!(%error, "a connection cannot be given its certificate");
                SniError::ALERT_FATAL
            })
        });
        Ok(tls)
    }

    /// Makes [`Certificate::watch`] read the files at once.
    pub fn reload(&self) {
        self.reload_asked.notify_one();
    }

    /// Watches the files for ever, and warns before the certificate in use expires.
    pub async fn watch(&self, clock: &Clock) {
        let (mut used, mut seen) = (self.read, self.read);
        let mut warned: Option<OffsetDateTime> = None;
        loop {
            let now = clock.now();
            if warned.is_none_or(|warned| (now - warned).abs() >= time::Duration::DAY) && self.warn(now) {
                warned = Some(now);
            }
            let is_asked = tokio::select! {
                () = tokio::time::sleep(CHECK_EVERY) => false,
                () = self.reload_asked.notified() => true,
            };
            let found = stamp(&self.cert, &self.key);
            // Two checks must agree, because certificate and key are written one after the other.
            if is_asked || (found != used && found == seen) {
                used = found;
                self.read_files();
                warned = None;
            }
            seen = found;
        }
    }

    fn read_files(&self) {
        match load(&self.cert, &self.key) {
            Ok(pair) => {
                tracing::info!(expires = %pair.expires, "the TLS certificate was read again and is in use");
                self.expiry.set(epoch_seconds(pair.expires));
                self.current.store(Arc::new(pair));
            }
            Err(why) => tracing::error!(
                "the TLS certificate of before stays in use, because the new one cannot be: {why}; put a \
                 certificate and its key in place, and they are read by themselves"
            ),
        }
    }

    /// Warns if the certificate has expired or will expire soon, and tells whether it did.
    fn warn(&self, now: OffsetDateTime) -> bool {
        let left = self.current.load().expires - now;
        let (cert, time) = (self.cert.display(), span(left.whole_seconds()));
        if left.is_negative() {
            tracing::error!("the TLS certificate {cert} expired {time} ago: replace it");
        } else if left <= SOON {
            tracing::warn!("the TLS certificate {cert} expires in {time}: replace it");
        }
        left <= SOON
    }
}

/// Reads a certificate chain and its key; an error names the file and the cause.
pub fn load(cert: &Path, key: &Path) -> Result<Pair, String> {
    let unusable = |what: &Path, why: &dyn std::fmt::Display| {
        format!("{} cannot be used for TLS: {why}", what.display())
    };
    let in_cert = |error: ErrorStack| unusable(cert, &error);
    let text = fs::read(cert).map_err(|error| unusable(cert, &error))?;
    let mut chain = X509::stack_from_pem(&text).map_err(in_cert)?.into_iter();
    let leaf = chain.next().ok_or_else(|| unusable(cert, &"there is no certificate in it"))?;
    let found = fs::metadata(key).map_err(|error| unusable(key, &error))?;
    if let Some(mode) = too_open(&found) {
        return Err(format!(
            "{0} can be read by others (mode {mode:03o}); run: chmod 600 {0}",
            key.display()
        ));
    }
    let text = Zeroizing::new(fs::read(key).map_err(|error| unusable(key, &error))?);
    // With an empty passphrase, so that OpenSSL does not ask for one on the terminal.
    let private = PKey::private_key_from_pem_passphrase(&text, b"");
    let private = private.map_err(|_why| unusable(key, &"it is no PEM private key without passphrase"))?;
    if !leaf.public_key().map_err(in_cert)?.public_eq(&private) {
        return Err(format!("{} is not the key of {}", key.display(), cert.display()));
    }
    let mut tls = settings().map_err(in_cert)?;
    tls.set_certificate(&leaf).map_err(in_cert)?;
    for issuer in chain {
        tls.add_extra_chain_cert(issuer).map_err(in_cert)?;
    }
    tls.set_private_key(&private).map_err(|error| unusable(key, &error))?;
    let end = Asn1Time::from_unix(0).and_then(|epoch| epoch.diff(leaf.not_after())).map_err(in_cert)?;
    let end = time::Duration::days(end.days.into()) + time::Duration::seconds(end.secs.into());
    Ok(Pair { context: tls.build().into_context(), expires: OffsetDateTime::UNIX_EPOCH + end })
}

/// The settings of every connection. Sessions are not resumed: OpenSSL makes the key of session tickets once per process,
/// and that key would decrypt recorded traffic of weeks. Browsers reuse connections, so full handshakes (0.1 to 0.5 ms)
/// are rare.
///
/// Spec: RFC 9325 §3.1, §3.4, §3.5, §4.2; RFC 7301 §3.2
fn settings() -> Result<SslAcceptorBuilder, ErrorStack> {
    const ONLY: &[u8] = b"\x08http/1.1";
    let mut tls = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls())?;
    tls.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    tls.set_cipher_list(SUITES)?;
    tls.set_groups_list(GROUPS_WITH_HYBRID).or_else(|_unknown| tls.set_groups_list(GROUPS))?;
    tls.set_options(SslOptions::NO_TICKET | SslOptions::NO_RENEGOTIATION);
    tls.set_num_tickets(0)?;
    tls.set_session_cache_mode(SslSessionCacheMode::OFF);
    tls.set_alpn_select_callback(|_, offered| select_next_proto(ONLY, offered).ok_or(AlpnError::NOACK));
    Ok(tls)
}

/// The mode of a key file that others can read. A group may read a key that root owns: this is how a service gets a key
/// that another program renews.
fn too_open(key: &Metadata) -> Option<u32> {
    let mode = key.mode() & 0o777;
    let closed = if key.uid() == 0 { 0o037 } else { 0o077 };
    (mode & closed != 0).then_some(mode)
}

fn stamp(cert: &Path, key: &Path) -> Stamp {
    [cert, key].map(|path| {
        let found = fs::metadata(path).ok()?;
        Some((found.ino(), found.size(), found.mtime(), found.mtime_nsec()))
    })
}
