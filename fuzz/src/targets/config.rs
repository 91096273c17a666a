//! The configuration file: an accepted one is safe to run, and no error shows a secret.

use std::fs;

use countersign::config::Config;
use countersign::protocol::redirect_uri::is_loopback;
use tempfile::TempDir;
use url::Url;

/// A value no other text holds.
const SECRET: &str = "zQ7vS3cr3tzQ7v";

thread_local! {
    static FOLDER: TempDir = tempfile::tempdir().expect("a folder");
}

/// The input is the text of the file; `{secret}` stands for a value that must not be shown.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let loaded = FOLDER.with(|folder| {
        let file = folder.path().join("countersign.toml");
        fs::write(&file, text.replace("{secret}", SECRET)).expect("writing");
        Config::load(Some(&file))
    });
    match loaded {
        Ok(config) => is_safe(&config),
        Err(error) => assert!(!is_value(text) || !error.to_string().contains(SECRET), "{error}"),
    }
}

/// Tells whether the secret is a whole value. As a name, or within an address, it may be shown.
fn is_value(text: &str) -> bool {
    text.contains("instance_key = \"{secret}\"") && text.matches("{secret}").count() == 1
}

fn is_safe(config: &Config) {
    assert!(!format!("{config:?}").contains(&format!("\"{SECRET}\"")), "{config:?}");
    let issuer = Url::parse(&config.issuer).expect("an address");
    assert!(!config.issuer.ends_with('/') && config.issuer.starts_with(&config.origin));
    assert_eq!(config.issuer, format!("{}{}", config.origin, config.base));
    assert_eq!(
        (issuer.query(), issuer.fragment(), issuer.username(), issuer.password()),
        (None, None, "", None)
    );
    assert_eq!(config.development, issuer.scheme() == "http");
    if config.development {
        let listen = Url::parse(&format!("http://{}", config.listen)).expect("an address");
        assert!(is_loopback(&listen) && is_loopback(&issuer) && config.tls.is_none());
    } else {
        assert!(issuer.scheme() == "https" && (config.tls.is_some() || !config.trusted_proxies.is_empty()));
    }
    assert!(config.resources.find(&config.issuer).is_none());
}
