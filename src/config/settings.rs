//! The settings in the file and in the environment, and where one of them is wrong.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::de::value::MapDeserializer;
use serde::{Deserialize, Deserializer as Reader};
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::audit::AuditSettings;
use super::error::{ConfigError, refuse};
use super::kubernetes;
use super::lifetimes::LifetimeSettings;
use crate::keys::policy::KeySettings;
use crate::protocol::resource::Resource;
use crate::telemetry::log;

/// How an interaction that began with a form ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Completion {
    /// A page that takes the browser on: the redirect chain is then no part of a form submission.
    #[default]
    Interstitial,
    /// A plain 303, for scripted browsers; pages then have no `form-action`.
    Redirect,
}

/// `countersign.toml`; each simple member is also an environment variable `COUNTERSIGN_…`, which takes precedence.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Settings {
    pub(super) issuer: Option<String>,
    pub(super) listen: Option<String>,
    pub(super) database_url: Option<String>,
    pub(super) state_url: Option<String>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) keys_dir: Option<PathBuf>,
    pub(super) instance_key: Option<String>,
    pub(super) instance_key_file: Option<PathBuf>,
    pub(super) log: Option<String>,
    pub(super) log_format: Option<log::Format>,
    pub(super) metrics_listen: Option<String>,
    pub(super) tls_cert: Option<PathBuf>,
    pub(super) tls_key: Option<PathBuf>,
    pub(super) trusted_proxies: Option<Vec<Network>>,
    pub(super) completion: Option<Completion>,
    pub(super) outbound_allow: Option<Vec<String>>,
    pub(super) outbound_ca_file: Option<PathBuf>,
    pub(super) resource: Vec<Spanned<Resource>>,
    pub(super) keys: KeySettings,
    pub(super) audit: AuditSettings,
    pub(super) lifetimes: LifetimeSettings,
}

/// A network, or one address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network(pub(super) IpNet);

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Reader<'de>>(reader: D) -> Result<Network, D::Error> {
        let text = String::deserialize(reader)?;
        let alone = || text.parse::<IpAddr>().ok().map(|address| IpNet::from(address.to_canonical()));
        text.parse().ok().or_else(alone).map(Network).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{text:?} is neither an address such as 10.1.2.3 nor a network such as 10.1.2.0/24"
            ))
        })
    }
}

/// Variables that the command line reads for the demo; they are not settings.
const OF_THE_DEMO: [&str; 4] = ["DEMO_PORT", "DEMO_BANK_PORT", "DEMO_FUND_PORT", "DEMO_API_PORT"];

/// Reads the file, if there is one, and the environment. Also returns the variables that were ignored.
pub(super) fn read(named: Option<&Path>) -> Result<(Settings, Vec<String>), ConfigError> {
    let (mut environment, ignored) = environment()?;
    let by_variable = environment.remove("config");
    let default = Path::new(super::origin::FILE);
    let path = named
        .map(Path::to_path_buf)
        .or_else(|| by_variable.map(PathBuf::from))
        .or_else(|| default.exists().then(|| default.to_path_buf()));
    let (shown, text) = match path {
        None => (String::new(), String::new()),
        Some(path) => {
            let text = fs::read_to_string(&path);
            let shown = path.display().to_string();
            let text = text.map_err(|error| ConfigError(format!("{shown}: {error}")))?;
            (shown, text)
        }
    };
    let wrong = |error| ConfigError(format!("{shown}{}", misread(&text, &error)));
    let mut table = DeTable::parse(&text).map_err(wrong)?;
    for (name, value) in environment {
        let value = value_of(&name, value)?;
        table.get_mut().insert(Spanned::new(0..0, name.into()), value);
    }
    let mut settings = Settings::deserialize(Deserializer::from(table)).map_err(wrong)?;
    for resource in &mut settings.resource {
        let line = line(&text, resource.span().start);
        resource.get_mut().place = Some(format!("{shown}, line {line}"));
    }
    Ok((settings, ignored))
}

/// Line, setting and error; without the value, which may be a secret.
fn misread(text: &str, error: &toml::de::Error) -> String {
    let Some(span) = error.span() else {
        return format!(": {}", error.message());
    };
    let line = line(text, span.start);
    let name = text.lines().nth(line - 1).and_then(|line| line.split_once('=')).map(|(name, _)| name.trim());
    let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
    format!(", line {line}{name}: {}", error.message())
}

/// The number of the line, from 1, with the byte at this position.
fn line(text: &str, position: usize) -> usize {
    1 + text.bytes().take(position).filter(|byte| *byte == b'\n').count()
}

/// The non-empty `COUNTERSIGN_…` variables under the names of the settings in the file, and the variables that
/// Kubernetes set. Any other variable is refused, even if it is empty.
#[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
fn environment() -> Result<(BTreeMap<String, String>, Vec<String>), ConfigError> {
    let (mut found, mut ignored) = (BTreeMap::new(), vec![]);
    for (variable, value) in std::env::vars_os() {
        let Some(name) = variable.to_str().and_then(|name| name.strip_prefix("COUNTERSIGN_")) else {
            continue;
        };
        if OF_THE_DEMO.contains(&name) {
            continue;
        }
        let setting = name.to_ascii_lowercase();
        let is_ours = setting == "config" || is_simple_setting(&setting);
        if !is_ours && value.to_str().is_some_and(|value| kubernetes::is_set_by_kubernetes(name, value)) {
            ignored.push(format!("COUNTERSIGN_{name}"));
            continue;
        }
        if !is_ours || name != setting.to_ascii_uppercase() {
            return refuse(format!("COUNTERSIGN_{name} is no setting of this program"));
        }
        let value = value.into_string();
        let value = value.map_err(|_bytes| ConfigError(format!("COUNTERSIGN_{name} is not UTF-8")))?;
        if !value.is_empty() {
            found.insert(setting, value);
        }
    }
    ignored.sort();
    Ok((found, ignored))
}

/// Tells whether this is a setting of a simple type: only those are optional.
fn is_simple_setting(setting: &str) -> bool {
    let left_out = [(setting, ())].into_iter();
    Settings::deserialize(MapDeserializer::<_, toml::de::Error>::new(left_out)).is_ok()
}

/// The value of a variable as the file would contain it. It is checked here, so that an error names the variable.
fn value_of(setting: &str, text: String) -> Result<Spanned<DeValue<'static>>, ConfigError> {
    let unplaced = |value| Spanned::new(0..0, value);
    let value = unplaced(match setting {
        "trusted_proxies" | "outbound_allow" => {
            let members = text.split(',').map(|member| member.trim().to_owned());
            DeValue::Array(members.map(|member| unplaced(DeValue::String(member.into()))).collect())
        }
        _ => DeValue::String(text.into()),
    });
    let alone = MapDeserializer::new([(setting, value.clone())].into_iter());
    match Settings::deserialize(alone) {
        Ok(_) => Ok(value),
        Err(error) => {
            let variable = setting.to_ascii_uppercase();
            refuse(format!("COUNTERSIGN_{variable}: {}", toml::de::Error::message(&error)))
        }
    }
}
