//! `PostgreSQL` over TLS, as the address asks for it: the right server is believed, and no other.

use std::sync::LazyLock;

use countersign::db::Url;

use super::{lines, open};
use crate::cli::{Done, Shell};
use crate::support::certificates::Authority;
use crate::support::postgres::Server;
use crate::support::redis::free_port;

struct Secured {
    authority: Authority,
    port: u16,
    _server: Server,
}

static SECURED: LazyLock<Secured> = LazyLock::new(|| {
    let (authority, port) = (Authority::new(), free_port());
    let (certificate, key) = authority.certify_localhost();
    let server = Server::start_with_tls(port, &certificate, &key);
    server.database_named("secured");
    Secured { authority, port, _server: server }
});

/// What becomes of asking this host and port to prove that this authority knows it.
fn attempt(host: &str, port: u16, authority: &Authority) -> Result<Vec<String>, String> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root.pem");
    std::fs::write(&root, authority.pem()).unwrap();
    let url = format!(
        "postgres://postgres:hunter2@{host}:{port}/secured?sslmode=verify-full&sslrootcert={}",
        root.display()
    );
    let db = open(&Url::parse(&url).unwrap()).map_err(|error| error.to_string())?;
    Ok(lines(&db, "SELECT version AS line FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))
}

#[test]
fn postgres_is_believed_with_the_right_root_and_name_only() {
    let Secured { authority, port, .. } = &*SECURED;
    let over = attempt("localhost", *port, authority).unwrap();
    assert!(over[0].starts_with("TLSv1."), "{over:?}");
    for (why, host, said) in [
        ("another authority", "localhost", "certificate verify failed"),
        ("another name", "127.0.0.1", "does not match host name"),
    ] {
        let other = Authority::new();
        let authority = if host == "localhost" { &other } else { authority };
        let refused = attempt(host, *port, authority).unwrap_err();
        let named = format!("postgres://{host}:{port}/secured");
        assert!(refused.contains(said) && refused.contains(&named), "{why}: {refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}

/// Without a word about roots the system's are meant, or those that the configuration names for all.
#[test]
fn postgres_is_believed_by_the_roots_of_the_system_or_of_the_configuration() {
    let (Secured { authority, port, .. }, shell) = (&*SECURED, Shell::new());
    let (right, wrong) = ("the right+roots%2F.pem", "others.pem");
    shell.file(right, authority.pem());
    shell.file(wrong, Authority::new().pem());
    let nowhere = shell.path("nowhere.pem");
    let list = |mode: &str, system: &str, configured: Option<&str>| {
        let url = format!("postgres://postgres:hunter2@localhost:{port}/secured?sslmode={mode}");
        let mut command = shell.command(&["user", "list", "--json"]);
        command
            .env("COUNTERSIGN_DATABASE_URL", url)
            .env("SSL_CERT_FILE", system)
            .env("SSL_CERT_DIR", &nowhere);
        command.envs(configured.map(|file| ("COUNTERSIGN_OUTBOUND_CA_FILE", file)));
        Done::of(command.spawn().unwrap())
    };
    for (mode, system, configured) in [
        ("verify-full", right, None),
        ("verify-full", wrong, Some(right)),
        ("verify-ca", wrong, Some(right)),
        ("verify-full&sslrootcert=system", right, Some(wrong)),
        ("verify-full&sslrootcert=the%20right%2Broots%252F.pem", wrong, Some(wrong)),
        ("require", wrong, None),
    ] {
        assert_eq!(list(mode, system, configured).good().out.trim(), "[]", "{mode} {system} {configured:?}");
    }
    for (mode, system, configured) in
        [("verify-full", wrong, None), ("verify-full", right, Some(wrong)), ("verify-ca", right, Some(wrong))]
    {
        let refused = list(mode, system, configured);
        assert!(!refused.err.contains("hunter2"), "{}", refused.err);
        refused.bad("certificate verify failed");
    }
}

#[test]
fn postgres_without_tls_is_refused_where_it_is_demanded() {
    let port = free_port();
    let plain = Server::start_on(port);
    plain.database_named("secured");
    let refused = attempt("localhost", port, &Authority::new()).unwrap_err();
    assert!(refused.contains("does not support SSL") && !refused.contains("hunter2"), "{refused}");
}
