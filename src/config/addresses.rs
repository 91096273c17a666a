//! The addresses of the provider: its issuer, where it listens, and what may be reached from it.

use std::path::PathBuf;

use url::Url;

use super::error::{ConfigError, refuse};
use crate::outbound::Allowed;
use crate::protocol::redirect_uri::is_loopback;

/// Checks the issuer identifier.
///
/// Spec: OpenID Connect Discovery §3 (`issuer`), RFC 8414 §2
pub(super) fn check_issuer(issuer: &str) -> Result<Url, ConfigError> {
    let error = |text: &str| ConfigError(format!("issuer {issuer:?} {text}"));
    let url = Url::parse(issuer).map_err(|_not_a_url| error("is not an absolute URL"))?;
    if url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(error("must have no query, fragment, user name or password"));
    }
    if issuer.ends_with('/') {
        return Err(error("must not end with a slash: two spellings of one issuer would break clients"));
    }
    if url.as_str().trim_end_matches('/') != issuer {
        return Err(error(&format!(
            "is not in its normal form: write {}",
            url.as_str().trim_end_matches('/')
        )));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) => Ok(url),
        _ => Err(error("must be https (plain http is for localhost, 127.0.0.1 and [::1] only)")),
    }
}

/// Where to listen when nothing is configured: at the issuer on this machine, else at port 8080 for a proxy.
pub(super) fn default_listen(issuer: &Url) -> String {
    let port = issuer.port_or_known_default().unwrap_or(8080);
    match (issuer.scheme(), issuer.host_str()) {
        ("http", Some(host)) => format!("{host}:{port}"),
        _ => "127.0.0.1:8080".into(),
    }
}

/// Certificate and key, which must be configured together.
pub(super) fn tls_pair(
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
) -> Result<Option<(PathBuf, PathBuf)>, ConfigError> {
    match (cert, key) {
        (None, None) => Ok(None),
        (Some(cert), Some(key)) => Ok(Some((cert, key))),
        _ => refuse("tls_cert and tls_key belong together: set both or neither"),
    }
}

/// Checks that an https issuer is reached over TLS, here or at a proxy, and an http issuer from this machine alone.
pub(super) fn check_transport(
    issuer: &str,
    listen: &str,
    development: bool,
    has_tls: bool,
    has_proxy: bool,
) -> Result<(), ConfigError> {
    if development {
        return check_plain(issuer, listen, has_tls);
    }
    if !has_tls && !has_proxy {
        return refuse(format!(
            "issuer {issuer:?} is https but nothing here speaks TLS: set tls_cert and tls_key, or name the proxy \
             that does in trusted_proxies (such as [\"127.0.0.1\"])"
        ));
    }
    Ok(())
}

/// Checks that plain http stays on this machine.
fn check_plain(issuer: &str, listen: &str, has_tls: bool) -> Result<(), ConfigError> {
    if !Url::parse(&format!("http://{listen}")).is_ok_and(|url| is_loopback(&url)) {
        return refuse(format!(
            "listen = {listen:?} is open to other machines, but issuer {issuer:?} is plain http, which is for \
             this machine alone: use an https issuer, or listen on localhost"
        ));
    }
    if has_tls {
        return refuse(format!("tls_cert is set, so issuer {issuer:?} must begin with https://"));
    }
    Ok(())
}

/// Checks that metrics are not served to the public: they have a listener of their own.
pub(super) fn check_metrics(metrics: &str, listen: &str) -> Result<(), ConfigError> {
    let parts = |address: &str| {
        let (host, port) = address.rsplit_once(':')?;
        Some((host.to_owned(), port.parse::<u16>().ok()?))
    };
    let (Some((host, port)), Some((public, public_port))) = (parts(metrics), parts(listen)) else {
        return refuse(format!(
            "metrics_listen = {metrics:?} must be an address and a port, such as 127.0.0.1:9464"
        ));
    };
    let everywhere = |host: &str| matches!(host, "0.0.0.0" | "[::]");
    if port == public_port && port != 0 && (host == public || everywhere(&host) || everywhere(&public)) {
        return refuse(format!(
            "metrics_listen = {metrics:?} is where the public is served (listen = {listen:?}): give metrics another port"
        ));
    }
    Ok(())
}

/// What may be fetched from beside the public network. In development that is this machine by default.
pub(super) fn outbound_allow(
    said: Option<Vec<String>>,
    development: bool,
) -> Result<Vec<Allowed>, ConfigError> {
    let here = || if development { vec!["127.0.0.0/8".into(), "::1/128".into()] } else { vec![] };
    let said = said.unwrap_or_else(here);
    let read = |text: String| {
        let wrong = || {
            ConfigError(format!(
                "outbound_allow: {text:?} is neither a network such as 10.0.0.0/8 nor a service such as intranet.example:443"
            ))
        };
        Allowed::parse(&text).ok_or_else(wrong)
    };
    said.into_iter().map(read).collect()
}
