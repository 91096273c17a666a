//! The certificate, and the issuer at its own address.

use std::time::Duration;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::finding::Finding;
use crate::cli::context::discovery;
use crate::clock::span;
use crate::config::Config;
use crate::protocol::discovery::metadata;
use crate::protocol::resource::Resources;
use crate::texts::Texts;
use crate::tls;

/// The time limit for the issuer's answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn certificate(config: &Config, now: OffsetDateTime) -> Option<Finding> {
    const CHECK: &str = "certificate";
    const RENEW: &str = "renew it; the running server takes the new files by itself";
    let (cert, key) = config.tls.as_ref()?;
    let pair = match tls::load(cert, key) {
        Ok(pair) => pair,
        Err(why) => return Some(Finding::problem(CHECK, why, "put a certificate and its key in place")),
    };
    let left = pair.expires - now;
    let (shown, time) = (cert.display(), span(left.whole_seconds()));
    Some(if left.is_negative() {
        Finding::problem(CHECK, format!("{shown} expired {time} ago"), RENEW)
    } else if left <= tls::SOON {
        Finding::warning(CHECK, format!("{shown} expires in {time}"), RENEW)
    } else {
        Finding::ok(CHECK, format!("{shown}, good for {time}"))
    })
}

/// Requests the issuer as a client does, but from this machine. From elsewhere the result may differ, so a failure is
/// only a warning.
pub(super) async fn issuer(config: &Config, resources: &Resources) -> Option<Finding> {
    const CHECK: &str = "issuer";
    let url = discovery(&config.issuer);
    let unseen = |what: String| {
        Some(Finding::warning(
            CHECK,
            what,
            "see that the server runs, that the name leads to it, and that its certificate is trusted here",
        ))
    };
    let found: Map<String, Value> = match fetch(&url).await {
        Ok(found) => found,
        Err(why) => match misled(config).await {
            Some((what, remedy)) => {
                return Some(Finding::problem(CHECK, format!("{url}: {why}; {what}"), remedy));
            }
            None => return unseen(format!("{url}: {why}")),
        },
    };
    let ours = metadata(&config.issuer, resources, &config.keys.algorithms, &Texts::languages());
    let differs = |name: &&String| ours.get(name.as_str()) != found.get(name.as_str());
    let names: Vec<&str> = ours.keys().chain(found.keys()).filter(differs).map(String::as_str).collect();
    let mut names: Vec<&str> = names;
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return Some(Finding::ok(CHECK, format!("{url} answers what this configuration says")));
    }
    Some(Finding::warning(
        CHECK,
        format!("{url} differs from this configuration in {}", names.join(", ")),
        "see that it leads to this installation, and that every node runs the same release and configuration",
    ))
}

/// The fault of a proxy that changes the issuer's path, if there is one: it removes the path, or it adds the path a
/// second time.
async fn misled(config: &Config) -> Option<(String, &'static str)> {
    let Config { issuer, origin, base, .. } = config;
    if base.is_empty() {
        return None;
    }
    // The probe is served at the root too, and discovery is not.
    let probe = format!("{issuer}/livez");
    let answer = match get(&probe).await {
        Ok(answer) if answer.status() == 200 => answer.text().await.unwrap_or_default(),
        _ => String::new(),
    };
    if answer == "ok\n" {
        return Some((
            format!("but {probe} answers: a proxy on the way cuts off {base}"),
            "have it hand on the path as it is (nginx: proxy_pass without a path behind the address; Caddy: handle, not \
             handle_path)",
        ));
    }
    let beside = discovery(origin);
    let found = fetch(&beside).await.ok()?;
    (found.get("issuer") == Some(&Value::from(issuer.as_str()))).then(|| {
        (
            format!("but {beside} is this issuer's: a proxy on the way adds {base}"),
            "have it hand on the path as it is, or leave the path out of the issuer",
        )
    })
}

async fn get(url: &str) -> Result<reqwest::Response, String> {
    let client =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build();
    client.map_err(|error| causes(&error))?.get(url).send().await.map_err(|error| causes(&error))
}

async fn fetch(url: &str) -> Result<Map<String, Value>, String> {
    let answer = get(url).await?;
    let status = answer.status();
    if status != 200 {
        return Err(format!("answers {status}"));
    }
    answer.json().await.map_err(|_not_json| "answers something else than discovery".into())
}

/// An error with its causes, without the address, which the finding names already.
fn causes(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
