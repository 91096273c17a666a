//! The database and the state store: reachable, new enough, durable, and with the same time.

use time::{Duration, OffsetDateTime};
use url::Host;

use super::finding::Finding;
use crate::app;
use crate::cli::context::is_there;
use crate::clock::span;
use crate::config::{Config, StateUrl};
use crate::db::{self, Db, DbError, Durability};
use crate::state::StateError;
use crate::state::kv::Kv;
use crate::state::survey::Survey as RedisSurvey;
use crate::store::survey::{self, Survey};
use crate::store::{CODE_VERSION, facts};

const DATABASE: &str = "database";
const STATE: &str = "state store";
/// The largest difference between clocks, which tokens allow for too.
const APART: Duration = Duration::seconds(5);
/// The oldest Redis with all commands that are used.
const OLDEST_REDIS: (u32, u32) = (6, 2);

/// The database, if it exists. Nothing is changed in it.
pub(super) fn attach(config: &Config) -> Option<Db> {
    is_there(config).then(|| Db::attach(&config.database, Durability::Power))
}

pub(super) async fn database(config: &Config, db: Option<&Db>, now: OffsetDateTime) -> Vec<Finding> {
    let shown = config.database.shown();
    let Some(db) = db else {
        return vec![Finding::ok(DATABASE, format!("{shown} is not there yet; the first `serve` makes it"))];
    };
    if let Err(error @ (DbError::Broken(_) | DbError::Query(_))) = db.refuse_pooler() {
        let remedy = "docs/OPERATIONS.md says under PostgreSQL what a pooler has to do";
        return vec![Finding::problem(DATABASE, error.to_string(), remedy)];
    }
    let survey = match db.read_now(survey::survey) {
        Ok(survey) => survey,
        Err(error @ DbError::Unreachable { .. }) => {
            let remedy = "see that it runs, that this machine may reach it, and that database_url is right";
            return vec![Finding::problem(DATABASE, error.to_string(), remedy)];
        }
        Err(error) => {
            return vec![Finding::problem(
                DATABASE,
                format!("{shown}: {error}"),
                "see what the database's own log says",
            )];
        }
    };
    let mut found = vec![schema(db, &survey, &shown)];
    if !survey.takes_writes {
        let remedy =
            "name the primary in database_url, or several hosts with target_session_attrs=read-write";
        found.push(Finding::problem(DATABASE, "it takes no writes: it is a replica, or read-only", remedy));
    }
    found.extend(rights(db, &survey).await);
    if !survey.is_unicode {
        let what = "its encoding is not UTF8: most of the world's names cannot be stored in it";
        let remedy = "make the database anew: createdb --encoding=UTF8 --template=template0 …";
        found.push(Finding::problem(DATABASE, what, remedy));
    }
    if !survey.is_durable {
        let what = "what it confirms may be lost in a power cut (fsync or synchronous_commit is off)";
        let remedy = "turn both on: a revocation must not be undone by a crash";
        found.push(Finding::warning(DATABASE, what, remedy));
    }
    if survey.is_open {
        let remedy = "add sslmode=verify-full to database_url";
        found.push(Finding::warning(DATABASE, "the connection to it is not encrypted", remedy));
    }
    found.extend(survey.now.and_then(|its| clock("database clock", its, now)));
    if survey.has_tables {
        found.extend(ahead(db, now));
    }
    found
}

/// Entries dated in the future: a clock was ahead when they were written, or is behind now.
fn ahead(db: &Db, now: OffsetDateTime) -> Option<Finding> {
    // Another check reports tables of an older release, or the next start migrates them.
    let found = db.read_now(|conn| survey::ahead(conn, now)).ok()?;
    let found: Vec<String> = found.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let what = format!(
        "dated in the future, and not believed until then: {}; a clock ran ahead, or this one is behind",
        found.join(", ")
    );
    let remedy = "set this clock (timedatectl); if it is right, let `serve` run, which dates signing keys anew: people sign \
                  in and consent again, and the rest does no harm or mends itself when it is next changed";
    (!found.is_empty()).then(|| Finding::warning("dates", what, remedy))
}

/// Whether the account may make tables and write into existing ones. The attempt is rolled back.
async fn rights(db: &Db, survey: &Survey) -> Option<Finding> {
    if !survey.takes_writes {
        return None;
    }
    if let Ok(Some(grant)) = db.missing_grant() {
        let needs = if survey.has_tables { "the next upgrade" } else { "the first `serve`" };
        let what = format!("this account may not make the tables that {needs} brings");
        return Some(Finding::problem(DATABASE, what, format!("as the database's owner run: {grant}")));
    }
    let tried = if survey.has_tables { facts::try_writing(db).await } else { Ok(()) };
    let refused = |error: DbError| {
        let remedy = "give this account every right to the tables (it should own them), or the file";
        Finding::problem(DATABASE, format!("a write that was tried failed: {error}"), remedy)
    };
    tried.err().map(refused)
}

fn schema(db: &Db, survey: &Survey, shown: &str) -> Finding {
    let engine = &survey.engine;
    if !survey.has_tables {
        let what = format!("{engine} at {shown}, empty; the first `serve` makes the tables");
        return Finding::ok(DATABASE, what);
    }
    match facts::check_version(db) {
        Ok(()) => Finding::ok(DATABASE, format!("{engine} at {shown}, for schema version {CODE_VERSION}")),
        Err(error) => Finding::problem(DATABASE, error.to_string(), "run the newer release of countersign"),
    }
}

pub(super) async fn state(config: &Config, db: Option<&Db>, now: OffsetDateTime) -> Vec<Finding> {
    let url = match &config.state {
        StateUrl::Sql if matches!(config.database, db::Url::Sqlite(_)) => {
            let file = config.data_dir.join("state.db");
            let table = file.exists().then(|| Db::attach(&db::Url::Sqlite(file), Durability::Process));
            let tried = probe_table(table.as_ref(), now).await;
            let well = || Finding::ok(STATE, "a SQLite file beside the database: for one node");
            return vec![tried.unwrap_or_else(well)];
        }
        StateUrl::Sql => {
            let remedy = "for several nodes and many sign-ins set state_url to a Redis";
            let costs =
                Finding::warning(STATE, "a table in PostgreSQL, which works and costs it writes", remedy);
            return std::iter::once(costs).chain(probe_table(db, now).await).collect();
        }
        StateUrl::Redis(url) => url,
    };
    // As a node connects, with the same trusted certificates.
    let kv = match app::redis(config) {
        Ok(Some(kv)) => kv,
        Ok(None) => return vec![],
        Err(error) => return vec![Finding::problem(STATE, error.to_string(), "correct state_url")],
    };
    let survey = match &kv {
        Kv::Redis(redis) => redis.survey().await,
        Kv::Sql(_) => return vec![],
    };
    match survey {
        Ok(survey) => {
            let mut found = redis(&survey, url, now);
            // Another check reports a replica.
            if !survey.is_replica {
                found.extend(tried(kv.probe(now).await));
            }
            found
        }
        Err(error) => {
            let remedy = "see that Redis runs, that this machine may reach it, and that state_url is right";
            vec![Finding::problem(STATE, error.to_string(), remedy)]
        }
    }
}

/// Tries to write into the state table, if there is one. Another check reports a database that cannot be read.
async fn probe_table(db: Option<&Db>, now: OffsetDateTime) -> Option<Finding> {
    let db = db?;
    let survey = db.read_now(survey::survey).ok()?;
    if survey.has_state && survey.takes_writes { tried(Kv::sql(db.clone()).probe(now).await) } else { None }
}

fn tried(probe: Result<(), StateError>) -> Option<Finding> {
    let remedy =
        "give this account the right to write, delete and run scripts (Redis: +@write +@read +@scripting)";
    probe.err().map(|error| Finding::problem(STATE, error.to_string(), remedy))
}

fn redis(survey: &RedisSurvey, url: &str, now: OffsetDateTime) -> Vec<Finding> {
    let RedisSurvey { version, policy, persists, is_replica, now: its } = survey;
    let mut found = vec![];
    let mut numbers =
        version.iter().flat_map(|version| version.split('.')).map(|number| number.parse::<u32>().ok());
    let version = version.as_deref().unwrap_or_default();
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) if (major, minor) >= OLDEST_REDIS => {
            found.push(Finding::ok(STATE, format!("Redis {version}")));
        }
        (Some(_), Some(_)) => {
            let remedy = "install Redis 6.2 or newer, or a server compatible with it";
            found.push(Finding::problem(STATE, format!("Redis {version} is too old"), remedy));
        }
        _ => found.push(Finding::ok(STATE, "Redis, which does not tell its version")),
    }
    if *is_replica {
        let what = "it is a replica and takes no writes";
        found.push(Finding::problem(STATE, what, "name the master in state_url"));
    }
    match policy.as_deref() {
        Some("noeviction") | None => (),
        Some(policy) if policy.starts_with("allkeys") => {
            let what = format!(
                "maxmemory-policy {policy} throws sessions and spent codes away when memory is short"
            );
            found.push(Finding::problem(STATE, what, "set maxmemory-policy noeviction"));
        }
        Some(policy) => {
            let what = format!("maxmemory-policy {policy} may throw sessions away when memory is short");
            found.push(Finding::warning(STATE, what, "set maxmemory-policy noeviction"));
        }
    }
    match persists {
        Some(true) => (),
        Some(false) => {
            let what = "it keeps nothing on disk: its restart signs everybody out";
            found.push(Finding::warning(STATE, what, "set appendonly yes"));
        }
        None => {
            let what = "it does not tell whether it keeps anything on disk";
            found.push(Finding::warning(
                STATE,
                what,
                "see that persistence is on: without it a restart signs everybody out",
            ));
        }
    }
    let host = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    if url.starts_with("redis://") && is_elsewhere(host.as_deref()) {
        found.push(Finding::warning(STATE, "the connection to it is not encrypted", "use rediss:// and TLS"));
    }
    found.extend(its.and_then(|its| clock("state store clock", its, now)));
    found
}

fn clock(check: &'static str, its: OffsetDateTime, now: OffsetDateTime) -> Option<Finding> {
    let apart = (its - now).abs();
    let what = format!("it differs from this machine's by {}", span(apart.whole_seconds()));
    (apart > APART)
        .then(|| Finding::problem(check, what, "let NTP keep both clocks (chrony, systemd-timesyncd)"))
}

/// Whether a host is another machine; a Unix socket is not.
fn is_elsewhere(host: Option<&str>) -> bool {
    let Some(host) = host.filter(|host| !host.is_empty()) else { return false };
    match Host::parse(host) {
        Ok(Host::Ipv4(address)) => !address.is_loopback(),
        Ok(Host::Ipv6(address)) => !address.is_loopback(),
        Ok(Host::Domain(name)) => name != "localhost",
        Err(_) => true,
    }
}
