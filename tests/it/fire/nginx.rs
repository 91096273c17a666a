//! A node ends in order and costs no request; and the shipped nginx.
//!
//! Holds `server/ending.rs`.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::support::certificates::self_signed_rsa;
use crate::support::cluster::Cluster;
use crate::support::handshakes::{insist_on_good_suites, reconnected};
use crate::support::nginx;
use crate::support::redis::free_port;
use crate::support::traffic::Traffic;

/// New version, new certificate, new machine: each node ends and starts while the others work, and not one
/// request fails.
#[actix_web::test]
async fn a_rolling_restart_costs_nobody_anything() {
    let mut cluster = Cluster::start(3).await;
    let traffic = Traffic::start(&cluster, 6);
    traffic.until(10, "sso").await;
    for node in &mut cluster.nodes {
        let (status, _) = node.stop().await;
        assert!(status.success() && node.log().contains("stopped"), "{}", node.log());
        traffic.until(20, "token").await;
        node.start().await;
        traffic.until(20, "token").await;
    }
    let tally = traffic.end().await;
    tally.assert_only(&[]);
    for node in &cluster.nodes {
        assert!(!node.log().contains("ERROR"), "{}", node.log());
    }
}

/// The shipped file with an RSA certificate: which handshakes it accepts, and what it writes down of addresses, with
/// a node that answers and one that does not.
#[actix_web::test]
async fn nginx_speaks_good_suites_and_writes_no_query_down() {
    let (folder, front, node) = (tempfile::tempdir().unwrap(), free_port(), free_port());
    let _nginx = nginx::Server::start_with(folder.path(), front, &[node], &self_signed_rsa(1, 2));
    insist_on_good_suites(front);
    let said = reconnected(front, "-tls1_2");
    assert!(said.contains("Reused, TLSv1.2") && !said.contains("TLS session ticket"), "{said}");

    let secret = "a-ticket-that-nobody-may-read-later";
    let http = reqwest::Client::builder().no_proxy().danger_accept_invalid_certs(true).build().unwrap();
    let ask = async || {
        let login = format!("https://localhost:{front}/login?t={secret}&login_hint={secret}");
        http.get(&login).header("referer", login).send().await.unwrap().status()
    };
    assert_eq!(ask().await, 502, "no node is there");
    let server = actix_web::HttpServer::new(actix_web::App::new).workers(1).disable_signals();
    let answers = actix_web::rt::spawn(server.bind(("127.0.0.1", node)).unwrap().run());
    assert_eq!(ask().await, 404);
    answers.abort();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    // nginx writes a line when its request is over, which may be after the answer was read.
    let begun = Instant::now();
    while read("access.log").matches("/login").count() < 2 && begun.elapsed() < Duration::from_secs(5) {
        sleep(Duration::from_millis(10)).await;
    }
    let log = read("access.log");
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("/login")).collect();
    assert_eq!(lines.len(), 2, "{log}");
    for (line, status, node_said) in [(lines[0], "502", "502"), (lines[1], "404", "404")] {
        assert!(line.contains(&format!("\"GET /login HTTP/1.1\" {status} ")), "{line}");
        assert!(line.contains(&format!(" upstream=127.0.0.1:{node}/{node_said}/")), "{line}");
    }
    for name in ["access.log", "error.log", "stderr"] {
        assert!(!read(name).contains(secret), "{name}: {}", read(name));
    }
}
