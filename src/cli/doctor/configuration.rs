//! What was set, and the files it names.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ipnet::IpNet;

use super::finding::Finding;
use crate::config::{Config, StateUrl};
use crate::db::Url;
use crate::keys::instance::Source;

/// The widest network of proxies that is not asked about.
const WIDEST: (u8, u8) = (8, 32);

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mode = if config.development { ", for development on this machine" } else { "" };
    let mut found = vec![Finding::ok("configuration", format!("issuer {}{mode}", config.issuer))];
    found.push(files(config));
    found.extend(proxies(config));
    found
}

/// Databases and keys are for their owner alone, who must be able to write them.
fn files(config: &Config) -> Finding {
    let mut paths = vec![];
    if let Url::Sqlite(path) = &config.database {
        paths.push(path.clone());
        if config.state == StateUrl::Sql {
            paths.push(config.data_dir.join("state.db"));
        }
    }
    if let Source::File { path, .. } = &config.instance_key {
        paths.push(path.clone());
    }
    if let Some((_, key)) = &config.tls {
        paths.push(key.clone());
    }
    let mut looked_at = 0;
    for path in &paths {
        let Ok(metadata) = fs::metadata(path) else { continue };
        looked_at += 1;
        let (mode, shown) = (metadata.permissions().mode() & 0o777, path.display());
        if mode & 0o007 != 0 {
            return Finding::problem(
                "files",
                format!("{shown} is open to every account of this machine (mode {mode:03o})"),
                format!("chmod 600 {shown}"),
            );
        }
        if is_database(path) && OpenOptions::new().append(true).open(path).is_err() {
            return Finding::problem(
                "files",
                format!("{shown} cannot be written by this account"),
                "run doctor as the account that serves, or give that account the file (chown)",
            );
        }
    }
    Finding::ok("files", format!("{looked_at} with secrets, for their owner alone"))
}

fn is_database(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "db")
}

fn proxies(config: &Config) -> Option<Finding> {
    const CHECK: &str = "proxies";
    let proxies = &config.trusted_proxies;
    let shown = proxies.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if let Some(all) = proxies.iter().find(|proxy| proxy.prefix_len() == 0) {
        return Some(Finding::problem(
            CHECK,
            format!("trusted_proxies has {all}: whoever connects may claim any address"),
            "name the addresses of your proxies only",
        ));
    }
    let is_wide = |proxy: &&IpNet| {
        let widest = if matches!(proxy, IpNet::V4(_)) { WIDEST.0 } else { WIDEST.1 };
        proxy.prefix_len() < widest
    };
    if let Some(wide) = proxies.iter().find(is_wide) {
        return Some(Finding::warning(
            CHECK,
            format!("trusted_proxies has {wide}, which is a lot of machines"),
            "name the addresses of your proxies only: each of them may claim any address for its visitors",
        ));
    }
    let open_to_others = !config.listen.starts_with("127.") && !config.listen.starts_with("localhost");
    let only_here = proxies.iter().all(|proxy| proxy.addr().is_loopback());
    if config.tls.is_none() && !config.development && open_to_others && only_here {
        return Some(Finding::warning(
            CHECK,
            format!("listen = {} is open to other machines, but only {shown} is answered", config.listen),
            "listen on 127.0.0.1, or name the proxies on other machines in trusted_proxies",
        ));
    }
    (!proxies.is_empty()).then(|| Finding::ok(CHECK, format!("the word of {shown} is taken")))
}
