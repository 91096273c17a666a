//! The database and the state store: there, new enough, durable, and agreed about the time.

use time::{Duration, OffsetDateTime};
use url::Host;

use super::finding::Finding;
use crate::app;
use crate::cli::context::is_there;
use crate::clock::span;
use crate::config::{Config, StateUrl};
use crate::db::{self, Db, DbError, Durability};
use crate::state::kv::Kv;
use crate::state::survey::Survey as RedisSurvey;
use crate::store::survey::{Survey, survey};
use crate::store::{CODE_VERSION, facts};

/// How far apart clocks may be: as far as tokens allow for.
const APART: Duration = Duration::seconds(5);
/// The oldest Redis that knows all we ask of it.
const OLDEST_REDIS: (u32, u32) = (6, 2);

/// The database, if it has been made; nothing is changed in it.
pub(super) fn attach(config: &Config) -> Option<Db> {
    is_there(config).then(|| Db::attach(&config.database, Durability::Power))
}

pub(super) fn database(config: &Config, db: Option<&Db>, now: OffsetDateTime) -> Vec<Finding> {
    const CHECK: &str = "database";
    let shown = config.database.shown();
    let Some(db) = db else {
        return vec![Finding::ok(CHECK, format!("{shown} is not there yet; the first `serve` makes it"))];
    };
    let seen = db.read_now(survey);
    let survey = match seen {
        Ok(survey) => survey,
        Err(error @ DbError::Unreachable { .. }) => {
            let remedy = "see that it runs, that this machine may reach it, and that database_url is right";
            return vec![Finding::problem(CHECK, error.to_string(), remedy)];
        }
        Err(error) => {
            return vec![Finding::problem(
                CHECK,
                format!("{shown}: {error}"),
                "see what the database's own log says",
            )];
        }
    };
    let mut found = vec![schema(db, &survey, &shown)];
    if !survey.takes_writes {
        let remedy =
            "name the primary in database_url, or several hosts with target_session_attrs=read-write";
        found.push(Finding::problem(CHECK, "it takes no writes: it is a replica, or read-only", remedy));
    }
    if !survey.is_durable {
        let what = "what it confirms may be lost in a power cut (fsync or synchronous_commit is off)";
        found.push(Finding::warning(CHECK, what, "turn both on: a revocation must not be undone by a crash"));
    }
    if survey.is_open {
        let remedy = "add sslmode=verify-full to database_url";
        found.push(Finding::warning(CHECK, "the connection to it is not encrypted", remedy));
    }
    found.extend(survey.now.and_then(|its| clock("database clock", its, now)));
    found
}

fn schema(db: &Db, survey: &Survey, shown: &str) -> Finding {
    const CHECK: &str = "database";
    let engine = &survey.engine;
    if !survey.has_tables {
        return Finding::ok(CHECK, format!("{engine} at {shown}, empty; the first `serve` makes the tables"));
    }
    match facts::check_version(db) {
        Ok(()) => Finding::ok(CHECK, format!("{engine} at {shown}, for schema version {CODE_VERSION}")),
        Err(error) => Finding::problem(CHECK, error.to_string(), "run the newer release of countersign"),
    }
}

pub(super) async fn state(config: &Config, now: OffsetDateTime) -> Vec<Finding> {
    const CHECK: &str = "state store";
    let url = match &config.state {
        StateUrl::Sql if matches!(config.database, db::Url::Sqlite(_)) => {
            return vec![Finding::ok(CHECK, "a SQLite file beside the database: for one node")];
        }
        StateUrl::Sql => {
            let remedy = "for several nodes and many sign-ins set state_url to a Redis";
            return vec![Finding::warning(
                CHECK,
                "a table in PostgreSQL, which works and costs it writes",
                remedy,
            )];
        }
        StateUrl::Redis(url) => url,
    };
    // As a node does it, with the same trust.
    let survey = match app::redis(config) {
        Ok(Some(Kv::Redis(kv))) => kv.survey().await,
        Ok(_) => return vec![],
        Err(error) => {
            return vec![Finding::problem(CHECK, error.to_string(), "correct state_url")];
        }
    };
    match survey {
        Ok(survey) => redis(&survey, url, now),
        Err(error) => {
            let remedy = "see that Redis runs, that this machine may reach it, and that state_url is right";
            vec![Finding::problem(CHECK, error.to_string(), remedy)]
        }
    }
}

fn redis(survey: &RedisSurvey, url: &str, now: OffsetDateTime) -> Vec<Finding> {
    const CHECK: &str = "state store";
    let RedisSurvey { version, policy, persists, is_replica, now: its } = survey;
    let mut found = vec![];
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) if (major, minor) >= OLDEST_REDIS => {
            found.push(Finding::ok(CHECK, format!("Redis {version}")));
        }
        (Some(_), Some(_)) => {
            let remedy = "install Redis 6.2 or newer, or a server compatible with it";
            found.push(Finding::problem(CHECK, format!("Redis {version} is too old"), remedy));
        }
        _ => found.push(Finding::ok(CHECK, "Redis, which does not tell its version")),
    }
    if *is_replica {
        let what = "it is a replica and takes no writes";
        found.push(Finding::problem(CHECK, what, "name the master in state_url"));
    }
    match policy.as_deref() {
        Some("noeviction") | None => (),
        Some(policy) if policy.starts_with("allkeys") => {
            let what = format!(
                "maxmemory-policy {policy} throws sessions and spent codes away when memory is short"
            );
            found.push(Finding::problem(CHECK, what, "set maxmemory-policy noeviction"));
        }
        Some(policy) => {
            let what = format!("maxmemory-policy {policy} may throw sessions away when memory is short");
            found.push(Finding::warning(CHECK, what, "set maxmemory-policy noeviction"));
        }
    }
    match persists {
        Some(true) => (),
        Some(false) => {
            let what = "it keeps nothing on disk: its restart signs everybody out";
            found.push(Finding::warning(CHECK, what, "set appendonly yes"));
        }
        None => {
            let what = "it does not say whether it keeps anything on disk";
            found.push(Finding::warning(
                CHECK,
                what,
                "see that persistence is on: without it a restart signs everybody out",
            ));
        }
    }
    let host = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    if url.starts_with("redis://") && is_elsewhere(host.as_deref()) {
        found.push(Finding::warning(CHECK, "the connection to it is not encrypted", "use rediss:// and TLS"));
    }
    found.extend(clock("state store clock", *its, now));
    found
}

fn clock(check: &'static str, its: OffsetDateTime, now: OffsetDateTime) -> Option<Finding> {
    let apart = (its - now).abs();
    let what = format!("it differs from this machine's by {}", span(apart.whole_seconds()));
    (apart > APART)
        .then(|| Finding::problem(check, what, "let NTP keep both clocks (chrony, systemd-timesyncd)"))
}

/// Tells whether a host is another machine; a socket in a folder is not.
fn is_elsewhere(host: Option<&str>) -> bool {
    let Some(host) = host.filter(|host| !host.is_empty()) else { return false };
    match Host::parse(host) {
        Ok(Host::Ipv4(address)) => !address.is_loopback(),
        Ok(Host::Ipv6(address)) => !address.is_loopback(),
        Ok(Host::Domain(name)) => name != "localhost",
        Err(_) => true,
    }
}
