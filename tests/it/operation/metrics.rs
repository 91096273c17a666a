//! `/metrics`: what is counted, under which names, and who gets to see it.
//!
//! Holds `endpoints/metrics.rs`.

use std::collections::BTreeSet;

use countersign::config::Config;
use reqwest::Method;
use serde_json::json;

use crate::cli::{Shell, serving};
use crate::support::app::{Options, PASSWORD, TestApp};
use crate::support::rp::Rp;

/// The listener of metrics is the operator's; here their routes stand beside the others.
fn measured() -> Options {
    Options {
        adjust: |config| config.metrics_listen = Some("127.0.0.1:0".into()),
        extra: countersign::routes::configure_metrics,
        ..Options::default()
    }
}

/// The value of one line.
fn value(text: &str, line: &str) -> f64 {
    let rest = text.lines().find_map(|found| found.strip_prefix(&format!("{line} ")));
    rest.unwrap_or_else(|| panic!("no {line} in {text}")).parse().unwrap()
}

#[actix_web::test]
async fn a_sign_in_leaves_its_traces() {
    let app = TestApp::start_with(measured()).await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let page = browser.open(&rp.authorize(&[])).await;
    let wrong = browser.submit(&page, &[("username", "ada"), ("password", "wrong")]).await;
    let right = browser.submit(&wrong, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert_eq!(rp.redeem(&browser, &right.answered("code").unwrap(), &[]).await.status, 200);
    assert_eq!(rp.redeem(&browser, "no-code", &[]).await.status, 400);
    browser.get(&app.at("/a-path-nobody-serves?code=hunter2")).await;

    let scraped = browser.request(Method::GET, &app.at("/metrics")).send().await.unwrap();
    assert_eq!(scraped.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = scraped.text().await.unwrap();
    for (line, at_least) in [
        ("countersign_http_requests_total{route=\"/token\",status=\"2xx\"}", 1.0),
        ("countersign_http_requests_total{route=\"/token\",status=\"4xx\"}", 1.0),
        ("countersign_http_requests_total{route=\"/login\",status=\"3xx\"}", 2.0),
        ("countersign_http_requests_total{route=\"unmatched\",status=\"4xx\"}", 1.0),
        ("countersign_http_request_duration_seconds_count{route=\"/token\"}", 2.0),
        ("countersign_http_request_duration_seconds_bucket{route=\"/token\",le=\"10\"}", 2.0),
        ("countersign_sign_ins_total{result=\"ok\"}", 1.0),
        ("countersign_sign_ins_total{result=\"wrong_password\"}", 1.0),
        ("countersign_sign_ins_total{result=\"unknown_name\"}", 0.0),
        ("countersign_sign_ins_total{result=\"disabled\"}", 0.0),
        ("countersign_events_waiting", 0.0),
        ("countersign_events_lost_total{cause=\"full\"}", 0.0),
        ("countersign_events_lost_total{cause=\"store\"}", 0.0),
        ("countersign_sign_ins_total{result=\"throttled\"}", 0.0),
        ("countersign_tokens_issued_total{grant_type=\"authorization_code\"}", 1.0),
        ("countersign_password_queue_wait_seconds_count", 2.0),
        ("countersign_password_hash_duration_seconds_count", 2.0),
        ("countersign_store_operation_duration_seconds_count{store=\"main\",operation=\"read\"}", 1.0),
        ("countersign_store_operation_duration_seconds_count{store=\"state\",operation=\"write\"}", 1.0),
        ("countersign_store_errors_total{store=\"main\",operation=\"write\",cause=\"unreachable\"}", 0.0),
        ("countersign_database_connections{store=\"state\",pool=\"all\",state=\"idle\"}", 0.0),
        ("countersign_signing_key_age_seconds{alg=\"RS256\"}", 0.0),
        ("countersign_signing_key_next_seconds{alg=\"ES256\"}", 89.0 * 86_400.0),
        ("countersign_signing_key_spare{alg=\"ES256\"}", 0.0),
        ("countersign_build_info{version=\"0.1.0\"}", 1.0),
        ("process_resident_memory_bytes", 1_000_000.0),
        ("process_start_time_seconds", 1_700_000_000.0),
        ("process_open_fds", 3.0),
    ] {
        assert!(value(&text, line) >= at_least, "{line} is {}", value(&text, line));
    }
    // The request for these numbers is being answered at this moment, and no other.
    assert!((value(&text, "countersign_http_requests_in_flight") - 1.0).abs() < 0.1);
    assert!(value(&text, "countersign_password_queue_length").abs() < 0.1);
    for part in ["a-path-nobody-serves", "hunter2", "ada", rp.client_id.as_str()] {
        assert!(!text.contains(part), "{part} is in the numbers");
    }
    app.finish().await;
}

/// Dashboards and alerts are written against these names, types, helps and labels.
#[actix_web::test]
async fn every_series_keeps_its_name() {
    let app = TestApp::start_with(measured()).await;
    let scraped = app.browser().request(Method::GET, &app.at("/metrics")).send().await.unwrap();
    let text = scraped.text().await.unwrap().replace(env!("CARGO_PKG_VERSION"), "VERSION");
    let series = |line: &str| match line.strip_prefix("# ") {
        Some(_) => line.to_owned(),
        None => line.rsplit_once(' ').map_or_else(String::new, |(series, _value)| series.to_owned()),
    };
    let shown: BTreeSet<String> =
        text.lines().filter(|line| !line.is_empty() && !line.contains("le=")).map(series).collect();
    let expected: BTreeSet<String> = include_str!("metrics.txt").lines().map(str::to_owned).collect();
    assert_eq!(shown, expected, "{}", Vec::from_iter(shown.clone()).join("\n"));
    app.finish().await;
}

/// What Prometheus asks of names: a unit at the end, `_total` for counters, and a line of help for each.
#[actix_web::test]
async fn names_are_as_prometheus_has_them() {
    let app = TestApp::start_with(measured()).await;
    let text =
        app.browser().request(Method::GET, &app.at("/metrics")).send().await.unwrap().text().await.unwrap();
    let types: Vec<(&str, &str)> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    assert!(types.len() > 12, "{text}");
    for (name, kind) in types {
        assert!(text.contains(&format!("# HELP {name} ")), "{name} has no help");
        assert!(name.starts_with("countersign_") || name.starts_with("process_"), "{name}");
        let ends = |ending: &str| name.ends_with(ending);
        match kind {
            "counter" => assert!(ends("_total"), "{name}"),
            "histogram" => assert!(ends("_seconds"), "{name}"),
            "gauge" => assert!(!ends("_total"), "{name}"),
            other => panic!("{name} is a {other}"),
        }
    }
    app.finish().await;
}

#[test]
fn they_are_shown_on_a_listener_of_their_own() {
    let shell = Shell::new();
    let listen = [("COUNTERSIGN_LISTEN", "127.0.0.1:0"), ("COUNTERSIGN_METRICS_LISTEN", "127.0.0.1:0")];
    let server = serving::start(&shell, &listen);
    let (public, metrics) =
        (server.line["listen"][0].as_str().unwrap(), server.line["metrics"][0].as_str().unwrap());
    assert!(serving::get(metrics, "/metrics").contains("countersign_build_info"));
    for (address, path, status) in [
        (public, "/metrics", 404),
        (metrics, "/", 404),
        (metrics, "/token", 404),
        (metrics, "/authorize", 404),
        (metrics, "/metrics/", 404),
    ] {
        let answer = serving::get(address, path);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{address}{path}: {answer}");
    }
    let done = server.end("-TERM");
    assert_eq!(done.code, 0, "{}", done.err);
}

#[test]
fn without_a_listener_nothing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::development("http://localhost:1", folder.path(), folder.path(), vec![]).unwrap();
    assert_eq!(config.metrics_listen, None);
    let shell = Shell::new();
    let server = serving::start(&shell, &[]);
    assert_eq!(server.line["metrics"], json!([]));
    server.end("-TERM");
}
