//! TLS handshakes with a listener, each offering one thing only.

use std::net::TcpStream;
use std::process::{Command, Stdio};

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode, SslVersion};

/// What one handshake offers.
pub struct Offer<'a> {
    pub version: SslVersion,
    /// Suites of TLS 1.2; those of TLS 1.3 are always offered.
    pub suites: &'a str,
    pub groups: &'a str,
}

impl Offer<'_> {
    /// Tries it at a port of this machine: the suite that was agreed on, or why there was none.
    pub fn at(&self, port: u16) -> Result<String, String> {
        let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
        connector.set_verify(SslVerifyMode::NONE);
        connector.set_min_proto_version(Some(self.version)).unwrap();
        connector.set_max_proto_version(Some(self.version)).unwrap();
        connector.set_cipher_list(self.suites).unwrap();
        connector.set_groups_list(self.groups).unwrap();
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let stream = connector.build().connect("localhost", stream).map_err(|error| error.to_string())?;
        Ok(stream.ssl().current_cipher().unwrap().name().to_owned())
    }
}

/// Insists on elliptic-curve key exchange and authenticated encryption at a listener with an RSA certificate.
///
/// Spec: RFC 9325 §4.2
pub fn insist_on_good_suites(port: u16) {
    const CURVES: &str = "X25519:P-256:P-384";
    for (suite, accepted) in [
        ("ECDHE-RSA-AES128-GCM-SHA256", true),
        ("ECDHE-RSA-AES256-GCM-SHA384", true),
        ("ECDHE-RSA-CHACHA20-POLY1305", true),
        ("DHE-RSA-AES128-GCM-SHA256", false),
        ("DHE-RSA-AES256-GCM-SHA384", false),
        ("DHE-RSA-CHACHA20-POLY1305", false),
        ("AES128-GCM-SHA256", false),
        ("AES256-GCM-SHA384", false),
        ("ECDHE-RSA-AES128-SHA256", false),
        ("ECDHE-RSA-AES256-SHA", false),
        ("AES128-SHA", false),
    ] {
        let agreed = Offer { version: SslVersion::TLS1_2, suites: suite, groups: CURVES }.at(port);
        match agreed {
            Ok(agreed) => assert!(accepted && agreed == suite, "{suite} was agreed on: {agreed}"),
            Err(error) => assert!(!accepted && error.contains("handshake failure"), "{suite}: {error}"),
        }
    }
    for (groups, accepted) in [("X25519", true), ("P-256", true), ("ffdhe2048", false), ("ffdhe8192", false)]
    {
        let agreed = Offer { version: SslVersion::TLS1_3, suites: "DEFAULT", groups }.at(port);
        assert_eq!(agreed.is_ok(), accepted, "TLS 1.3 with {groups}: {agreed:?}");
    }
}

/// What the `openssl` command says about sessions when it connects again and again.
pub fn reconnected(port: u16, version: &str) -> String {
    let mut client = Command::new("openssl");
    client.args(["s_client", "-connect", &format!("127.0.0.1:{port}"), version, "-reconnect"]);
    let done = client.stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&done.stdout).into_owned()
}
