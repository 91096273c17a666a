//! Configuration: what it makes of a file and the environment, and what it says about mistakes. The real
//! program reads them, in a directory of its own; a word that only looks is enough.

use std::process::{Command, Output};

use countersign::config::{Completion, Config, StateUrl};
use countersign::db::Url;
use tempfile::TempDir;

use crate::cli::{Done, Shell, serving};

/// Runs a word that loads the configuration and leaves nothing behind.
fn run(folder: &TempDir, words: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(words).current_dir(folder.path()).env_clear();
    command.envs(environment.iter().copied()).output().unwrap()
}

/// What is said about a file or an environment that cannot be used.
fn said(file: &str, environment: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    if !file.is_empty() {
        std::fs::write(folder.path().join("countersign.toml"), file).unwrap();
    }
    let output = run(&folder, &["keys", "list"], environment);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!text.contains("panicked"), "{text}");
    if output.status.success() { String::new() } else { text }
}

#[test]
fn every_refusal_names_the_setting() {
    for (file, names) in [
        ("issuer = 'localhost'", &["issuer", "absolute"][..]),
        ("issuer = 'http://id.example'", &["issuer", "https"]),
        ("issuer = 'ftp://id.example'", &["issuer", "https"]),
        ("issuer = 'https://id.example/'", &["issuer", "slash"]),
        ("issuer = 'https://id.example/a/'", &["issuer", "slash"]),
        ("issuer = 'https://ID.example'", &["issuer", "https://id.example"]),
        ("issuer = 'https://id.example:443'", &["issuer", "normal form"]),
        ("issuer = 'https://id.example?x=1'", &["issuer", "query"]),
        ("issuer = 'https://id.example#x'", &["issuer", "fragment"]),
        ("issuer = 'https://u:p@id.example'", &["issuer", "user name"]),
        ("listen = '0.0.0.0:8080'", &["listen", "plain http"]),
        ("listen = '[::]:8080'", &["listen", "plain http"]),
        ("tls_cert = 'cert.pem'", &["tls_cert", "tls_key"]),
        ("tls_key = 'key.pem'", &["tls_cert", "tls_key"]),
        ("tls_cert = 'c'\ntls_key = 'k'", &["tls_cert", "issuer", "https"]),
        ("database_url = 'mysql://h/d'", &["database_url", "mysql"]),
        ("database_url = 'sqlite:'", &["database_url", "path"]),
        ("state_url = 'memory'", &["state_url", "redis"]),
        ("state_url = 'rediss://h/#insecure'", &["state_url", "insecure"]),
        ("state_url = 'redis://:hunter2@h?db=3'", &["state_url", "write redis://h:6379/3"]),
        ("state_url = 'rediss://h:7000/?db=3'", &["state_url", "write rediss://h:7000/3"]),
        ("state_url = 'redis://h/1?timeout=3'", &["state_url", "nothing in one is read"]),
        ("instance_key = 'x'\ninstance_key_file = 'y'", &["instance_key", "instance_key_file"]),
        ("trusted_proxies = ['nonsense']", &["trusted_proxies", "10.1.2.3", "10.1.2.0/24"]),
        ("trusted_proxies = ['10.1.2.3/33']", &["trusted_proxies", "10.1.2.3/33"]),
        ("log_format = 'xml'", &["log_format", "text", "json"]),
        ("[audit]\nkeep = { sign_ins = '90' }", &["[audit]", "sign_ins", "90d"]),
        ("[audit]\nkeep = { changes = '0d' }", &["[audit]", "changes"]),
        ("[audit]\nkeep = { security = '-1d' }", &["[audit]", "security"]),
        ("[audit]\nkeep = { security = '99999d' }", &["[audit]", "security", "ten years"]),
        ("[audit]\nkeep = { logins = '90d' }", &["logins", "sign_ins"]),
        (
            "[lifetimes]\nsession_idle = '9h'\nsession_absolute = '8h'",
            &["[lifetimes] session_idle", "session_absolute"],
        ),
        ("[lifetimes]\nsession_absolute = '31d'", &["[lifetimes] session_absolute", "30d"]),
        ("[lifetimes]\nstay_signed_in = '12h'", &["[lifetimes] stay_signed_in", "1d"]),
        ("[lifetimes]\ncode = '2m'", &["[lifetimes] code is 2m", "at most 1m"]),
        ("[lifetimes]\nid_token = '2h'", &["[lifetimes] id_token", "1h"]),
        ("[lifetimes]\naccess_token = '2h'", &["[lifetimes] access_token", "accept_long_tokens = true"]),
        ("[lifetimes]\naccess_token = '2d'\naccept_long_tokens = true", &["[keys] publish_after", "173416"]),
        ("[lifetimes]\ncode = 30", &["line 2 (code)"]),
        ("[lifetimes]\ncode = 'soon'", &["line 2 (code)", "such as"]),
        ("[lifetimes]\nlogin = '1h'", &["login", "session_idle"]),
        (
            "[[resource]]\nuri = 'https://a.example'\nscopes = []\n\n[[resource]]\nuri = 'https://A.example'\nscopes = []",
            &["countersign.toml, line 5", "declared in countersign.toml, line 1"],
        ),
        ("metrics_listen = 'nonsense'", &["metrics_listen"]),
        ("metrics_listen = 'localhost:8080'", &["metrics_listen", "another port"]),
        ("metrics_listen = '0.0.0.0:8080'", &["metrics_listen", "another port"]),
        ("listen = '127.0.0.1:9'\nmetrics_listen = '127.0.0.1:9'", &["metrics_listen", "another port"]),
        ("completion = 'sometimes'", &["completion"]),
        ("colour = 'red'", &["colour"]),
        ("Issuer = 'http://localhost:1'", &["Issuer"]),
        ("issuer = 1", &["issuer"]),
        ("log = 'info'\n\nissuer = 'http://localhost:1", &["countersign.toml, line 3"]),
        ("log = 'info'\ncolour = 'red'", &["countersign.toml, line 2"]),
        ("issuer = 'https://id.example'", &["https", "tls_cert", "trusted_proxies"]),
        ("[[resource]]\nuri = 'https://a.example'", &["scopes"]),
        ("[[resource]]\nuri = 'api'\nscopes = []", &["resource", "api"]),
        ("[[resource]]\nuri = 'https://a.example'\nscopes = []\ncolour = 1", &["colour"]),
        (
            "issuer = 'http://localhost:9'\n[[resource]]\nuri = 'http://localhost:9'\nscopes = []",
            &["resource", "issuer"],
        ),
    ] {
        let said = said(file, &[]);
        for name in names {
            assert!(said.contains(name), "{file}\nsaid {said:?}, not {name}");
        }
    }
    let proxied =
        "issuer = 'https://id.example/tenant'\nlisten = '0.0.0.0:80'\ntrusted_proxies = ['10.0.0.0/8']";
    assert_eq!(said(proxied, &[]), "");
    assert_eq!(said("", &[]), "");
}

#[test]
fn the_environment_has_the_last_word_and_no_unknown_words() {
    for (environment, names) in [
        (("COUNTERSIGN_ISSUER", "http://id.example"), &["http://id.example"][..]),
        (("COUNTERSIGN_ISUER", "http://localhost:1"), &["COUNTERSIGN_ISUER"]),
        (("COUNTERSIGN_issuer", "http://localhost:1"), &["COUNTERSIGN_issuer"]),
        (("COUNTERSIGN_RESOURCE", "x"), &["COUNTERSIGN_RESOURCE"]),
        (("COUNTERSIGN_COLOUR", ""), &["COUNTERSIGN_COLOUR"]),
        (("COUNTERSIGN_COMPLETION", "sometimes"), &["COUNTERSIGN_COMPLETION"]),
        (("COUNTERSIGN_TRUSTED_PROXIES", "10.0.0.0/8,nonsense"), &["COUNTERSIGN_TRUSTED_PROXIES"]),
        (("COUNTERSIGN_CONFIG", "nowhere.toml"), &["nowhere.toml"]),
        (("COUNTERSIGN_LISTEN", "0.0.0.0:1"), &["listen"]),
        (("COUNTERSIGN_STATE_URL", "x"), &["state_url"]),
    ] {
        let said = said("issuer = 'http://localhost:9'", &[environment]);
        for name in names {
            assert!(said.contains(name), "{environment:?} said {said:?}, not {name}");
        }
    }
    for fine in [
        [("COUNTERSIGN_ISSUER", "")],
        [("COUNTERSIGN_TRUSTED_PROXIES", "10.0.0.0/8, ::1/128")],
        [("COUNTERSIGN_TRUSTED_PROXIES", "127.0.0.1, fd00::1")],
        [("COUNTERSIGN_COMPLETION", "redirect")],
        [("COUNTERSIGN_DATABASE_URL", "sqlite:elsewhere/x.db")],
        [("OTHER_COUNTERSIGN", "x")],
    ] {
        assert_eq!(said("issuer = 'http://localhost:9'", &fine), "", "{fine:?}");
    }
}

/// What Kubernetes puts into every pod beside a Service named `countersign`, with a port named `http-public`, or
/// `countersign-metrics`.
const OF_KUBERNETES: [(&str, &str); 17] = [
    ("COUNTERSIGN_SERVICE_HOST", "10.96.141.7"),
    ("COUNTERSIGN_SERVICE_PORT", "8080"),
    ("COUNTERSIGN_SERVICE_PORT_HTTP_PUBLIC", "8080"),
    ("COUNTERSIGN_PORT", "tcp://10.96.141.7:8080"),
    ("COUNTERSIGN_PORT_8080_TCP", "tcp://10.96.141.7:8080"),
    ("COUNTERSIGN_PORT_8080_TCP_PROTO", "tcp"),
    ("COUNTERSIGN_PORT_8080_TCP_PORT", "8080"),
    ("COUNTERSIGN_PORT_8080_TCP_ADDR", "10.96.141.7"),
    ("COUNTERSIGN_PORT_53_UDP", "udp://10.96.141.7:53"),
    ("COUNTERSIGN_PORT_53_UDP_PROTO", "udp"),
    ("COUNTERSIGN_PORT_53_UDP_PORT", "53"),
    ("COUNTERSIGN_PORT_53_UDP_ADDR", "fd00::7"),
    ("COUNTERSIGN_PORT_7_SCTP", "sctp://[fd00::7]:7"),
    ("COUNTERSIGN_PORT_7_SCTP_PROTO", "sctp"),
    ("COUNTERSIGN_METRICS_SERVICE_HOST", "10.96.141.8"),
    ("COUNTERSIGN_METRICS_PORT", "tcp://10.96.141.8:9464"),
    ("COUNTERSIGN_METRICS_PORT_9464_TCP_ADDR", "10.96.141.8"),
];

#[test]
fn what_kubernetes_writes_beside_ours_is_passed_over_and_no_slip_is() {
    assert_eq!(said("", &OF_KUBERNETES), "");
    for one in OF_KUBERNETES {
        assert_eq!(said("", &[one]), "", "{one:?}");
    }
    for slip in [
        ("COUNTERSIGN_SERVICE_HOSTS", "10.96.141.7"),
        ("COUNTERSIGN_SERVICE_HOST", "id.example.com"),
        ("COUNTERSIGN_SERVICE_PORT", "http"),
        ("COUNTERSIGN_SERVICE_PORT_", "80"),
        ("COUNTERSIGN_PORT", "8080"),
        ("COUNTERSIGN_PORT", ""),
        ("COUNTERSIGN_PORTS", "tcp://10.96.141.7:8080"),
        ("COUNTERSIGN_LISTEN_PORT", "8080"),
        ("COUNTERSIGN_PORT_8080_TCP_PROTO", "udp"),
        ("COUNTERSIGN_PORT_8080_TCP_PORT", "8081"),
        ("COUNTERSIGN_PORT_HTTP_TCP", "tcp://10.96.141.7:8080"),
        ("COUNTERSIGN_PORT_8080_QUIC", "quic://10.96.141.7:8080"),
        ("COUNTERSIGN_port", "tcp://10.96.141.7:8080"),
    ] {
        assert!(said("", &[slip]).contains(slip.0), "{slip:?}");
    }
    let config = Shell::new();
    let mut settings = OF_KUBERNETES.to_vec();
    settings.push(("COUNTERSIGN_LISTEN", "127.0.0.1:0"));
    let server = serving::start(&config, &settings);
    let line = "passed over COUNTERSIGN_METRICS_PORT and 16 more variables: Kubernetes wrote them";
    assert_eq!(server.log().matches(line).count(), 1, "{}", server.log());
    let doctor = config.command(&["doctor", "--offline"]).envs(OF_KUBERNETES).spawn().unwrap();
    let said = Done::of(doctor).good().out;
    assert!(said.contains("passed over, because Kubernetes wrote them: COUNTERSIGN_METRICS_PORT "), "{said}");
    assert_eq!(server.end("-TERM").code, 0);
}

/// A secret in the configuration is not repeated when another setting is wrong, nor when it is itself.
#[test]
fn no_refusal_repeats_a_secret() {
    for (file, environment) in [
        ("database_url = 'mysql://u:hunter2@h/d'", &[][..]),
        ("database_url = 'hunter2'", &[]),
        ("state_url = 'redis:/hunter2@h'", &[]),
        ("state_url = 'rediss://:hunter2@h/#insecure'", &[]),
        ("state_url = 'redis://:hunter2@h?db=3'", &[]),
        ("instance_key = 'hunter2'\nissuer = 'x'", &[]),
        ("instance_key = 'hunter2'\ncolour = 1", &[]),
        ("instance_key = 'hunter2", &[]),
        ("instance_kye = 'hunter2'", &[]),
        ("instance_key = ['hunter2']", &[]),
        ("instance_key = 5\ndatabase_url = 'postgres://u:hunter2@h/d'", &[]),
        ("", &[("COUNTERSIGN_INSTANCE_KEY", "hunter2"), ("COUNTERSIGN_LISTEN", "0.0.0.0:1")]),
        ("", &[("COUNTERSIGN_DATABASE_URL", "postgres://u:hunter2@127.0.0.1:1/d")]),
    ] {
        let said = said(file, environment);
        assert!(!said.is_empty() && !said.contains("hunter2"), "{file} {environment:?}: {said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let served = run(
        &folder,
        &["serve"],
        &[("COUNTERSIGN_INSTANCE_KEY", "hunter2"), ("COUNTERSIGN_LISTEN", "127.0.0.1:0")],
    );
    let text = String::from_utf8_lossy(&served.stderr).into_owned();
    assert!(
        !served.status.success() && text.contains("COUNTERSIGN_INSTANCE_KEY")
            || text.contains("instance key"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_file_is_read_as_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.toml");
    let text = "issuer = 'https://id.example/tenant'\nlisten = '[::]:8443'\nstate_url = 'redis://:hunter2@h/1'\n\
        database_url = 'postgres://u:hunter2@h/d'\ntrusted_proxies = ['10.0.0.0/8', '127.0.0.1', '::ffff:10.9.8.7']\ncompletion = 'redirect'\n\
        instance_key = 'hunter2'\nlog = 'debug'\ntls_cert = 'c.pem'\ntls_key = 'k.pem'\n\
        [[resource]]\nuri = 'https://api.example'\nscopes = ['read']\n";
    std::fs::write(&path, text).unwrap();
    let config = Config::load(Some(&path)).unwrap();
    assert_eq!((config.origin.as_str(), config.base.as_str()), ("https://id.example", "/tenant"));
    assert!(
        !config.development && config.tls.is_some() && config.resources.find("https://api.example").is_some()
    );
    assert_eq!(config.state, StateUrl::Redis("redis://:hunter2@h/1".into()));
    assert_eq!(config.database, Url::Postgres("postgres://u:hunter2@h/d".into()));
    assert_eq!(
        (config.completion, config.listen.as_str(), config.log.as_str()),
        (Completion::Redirect, "[::]:8443", "debug")
    );
    let proxies: Vec<String> = config.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["10.0.0.0/8", "127.0.0.1/32", "10.9.8.7/32"], "an address is one host");
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");

    let development =
        Config::development("http://localhost:8080", folder.path(), folder.path(), vec![]).unwrap();
    assert!(development.development && development.tls.is_none());
    assert_eq!((development.listen.as_str(), development.base.as_str()), ("localhost:8080", ""));
    assert_eq!(development.state, StateUrl::Sql);
    assert_eq!(development.database, Url::Sqlite(folder.path().join("countersign.db")));
}
