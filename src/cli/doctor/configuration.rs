//! The configuration, and the files it names.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::finding::Finding;
use crate::config::{Config, StateUrl};
use crate::db::Url;
use crate::keys::instance::Source;

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mode = if config.development { ", for development on this machine" } else { "" };
    let mut found = vec![Finding::ok("configuration", format!("issuer {}{mode}", config.issuer))];
    found.extend(ports(config));
    if !config.ignored_variables.is_empty() {
        let what =
            format!("passed over, because Kubernetes wrote them: {}", config.ignored_variables.join(" "));
        found.push(Finding::ok("environment", what));
    }
    found.push(folder(config).unwrap_or_else(|| files(config)));
    found
}

/// In development no proxy stands in front that could forward requests to another port.
fn ports(config: &Config) -> Option<Finding> {
    let issuer = url::Url::parse(&config.issuer).ok()?.port_or_known_default()?;
    let listen: u16 = config.listen.rsplit_once(':')?.1.parse().ok()?;
    let differs = config.development && listen != 0 && listen != issuer;
    let (what, remedy) = (
        format!(
            "listen = {}, but browsers and applications are sent to the issuer, {}",
            config.listen, config.issuer
        ),
        "set the issuer alone: what is listened on follows from it",
    );
    differs.then(|| Finding::warning("configuration", what, remedy))
}

/// The folders of the embedded databases, which have to be writable because logs are made beside the files. A missing
/// folder is made in its parent, so the nearest existing one is checked.
fn folder(config: &Config) -> Option<Finding> {
    let Url::Sqlite(path) = &config.database else { return None };
    let state = (config.state == StateUrl::Sql).then(|| config.data_dir.join("state.db"));
    [Some(path.clone()), state].into_iter().flatten().find_map(|path| {
        let above = path.ancestors().skip(1).map(|above| if above == Path::new("") { Path::new(".") } else { above });
        let folder = above.into_iter().find(|above| above.exists())?;
        let probe = folder.join(format!(".countersign-{}", std::process::id()));
        let tried = OpenOptions::new().write(true).create_new(true).open(&probe).and_then(|_| fs::remove_file(&probe));
        let shown = folder.display();
        tried.err().map(|error| {
            Finding::problem(
                "files",
                format!("nothing can be written in {shown}, where the database is: {error}"),
                "run doctor as the account that serves, give that account the folder (chown), or set data_dir",
            )
        })
    })
}

/// The modes of databases and keys: no other account may read them, and their owner has to be able to write.
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
