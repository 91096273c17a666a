//! No request of a story goes where the one before it went: nodes are equal, and hold nothing.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::Value;
use tokio::time::sleep;

use crate::support::app::{PASSWORD, REDIRECT};
use crate::support::browser::{Answer, Browser};
use crate::support::cluster::{Cluster, redemption};
use crate::support::noise::noise;
use crate::support::rp::header;

/// The node that answered.
fn node(answer: &Answer) -> String {
    answer.header("x-node").to_owned()
}

/// Fills in a form and does not follow the answer.
async fn send(browser: &Browser, page: &Answer, filled: &[(&str, &str)]) -> Answer {
    let form = page.form();
    let fields = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let kept = fields.filter(|(name, _)| !filled.iter().any(|(other, _)| other == name));
    let fields: Vec<(&str, &str)> = kept.chain(filled.iter().copied()).collect();
    browser.post(page.url.join(&form.action).unwrap().as_str(), &fields).await
}

async fn next(browser: &Browser, answer: &Answer) -> Answer {
    let to = answer.location().unwrap_or_else(|| panic!("{} {}: {}", answer.status, answer.url, answer.body));
    browser.get(to.as_str()).await
}

/// Ten nodes, ten requests, ten answers of ten nodes: from the first click to signing out. The request is
/// one of those that are too large to travel and wait in the state store.
async fn a_whole_story_at_ten_nodes(cluster: &Cluster) -> Value {
    let browser = cluster.browser();
    let state = noise(7000);
    let first = browser.get(&cluster.authorize(&[("state", &state)])).await;
    assert!(first.header("location").len() < 400, "it is parked: {}", first.header("location"));
    let page = next(&browser, &first).await;
    let typed = send(&browser, &page, &[("username", "ada-0"), ("password", PASSWORD)]).await;
    let resumed = next(&browser, &typed).await;
    let asked = next(&browser, &resumed).await;
    assert!(asked.url.path().ends_with("/consent"), "{} {}", asked.status, asked.url);
    let allowed = send(&browser, &asked, &[("decision", "allow")]).await;
    let home = next(&browser, &allowed).await;
    assert_eq!(home.answered("state"), Some(state), "it comes back whole");
    let code = home.answered("code").unwrap();
    let redeemed = browser.send(redemption(&browser, &cluster.at("/token"), &code)).await;
    let tokens = redeemed.json();
    let userinfo = browser.request(Method::GET, &cluster.at("/userinfo"));
    let userinfo = userinfo.bearer_auth(tokens["access_token"].as_str().unwrap());
    let told = browser.send(userinfo).await;
    assert_eq!(told.status, 200, "{}", told.body);
    let hint = tokens["id_token"].as_str().unwrap();
    let out = browser.get(&cluster.at(&format!("/end_session?id_token_hint={hint}"))).await;
    assert!(out.location().unwrap().path().ends_with("/signed-out"), "{:?}", out.location());
    let answers = [&first, &page, &typed, &resumed, &asked, &allowed, &home, &redeemed, &told, &out];
    let nodes: BTreeSet<String> = answers.map(node).into();
    assert_eq!(nodes.len(), 10, "each at another node: {nodes:?}");
    // And that holds everywhere.
    for node in &cluster.nodes {
        let silent = browser.request(Method::GET, &cluster.authorize(&[("prompt", "none")]));
        let at = silent.build().unwrap().url().query().unwrap().to_owned();
        let silent = browser.request(Method::GET, &node.at(&format!("/authorize?{at}")));
        assert_eq!(browser.send(silent).await.answered("error").as_deref(), Some("login_required"));
    }
    tokens
}

/// Every node publishes the key of a token that was signed anywhere, at once. The whole sets are the same
/// bytes as soon as all have seen that a spare key was made.
async fn the_keys_are_everywhere(cluster: &Cluster, tokens: &Value) {
    let (browser, begun) = (cluster.browser(), Instant::now());
    let kid = header(&tokens["id_token"])["kid"].as_str().unwrap().to_owned();
    loop {
        let mut sets = BTreeSet::new();
        for node in &cluster.nodes {
            sets.insert(browser.get(&node.at("/.well-known/jwks.json")).await.body);
        }
        assert!(sets.iter().all(|set| set.contains(&kid)), "{kid} is not everywhere: {sets:#?}");
        if sets.len() == 1 {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "the nodes do not agree: {sets:#?}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Five wrong passwords in a minute, whichever nodes they are tried at.
async fn guesses_are_counted_over_all_nodes(cluster: &Cluster) {
    let browser = cluster.browser();
    let page = browser.open(&cluster.authorize(&[])).await;
    let mut found = vec![];
    for _ in 0..7 {
        let guess = [("username", "ada-1"), ("password", "not-the-password")];
        found.push(send(&browser, &page, &guess).await);
    }
    let statuses: Vec<u16> = found.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, [303, 303, 303, 303, 303, 429, 429]);
    assert!(found.iter().map(node).collect::<BTreeSet<_>>().len() > 5);
}

/// What the operator adds at one machine is there at all of them within five seconds.
async fn a_client_that_is_added_is_live_everywhere(cluster: &Cluster) {
    let asked = async |client: &str| {
        join_all(cluster.nodes.iter().map(async |node| {
            let query = cluster.authorize(&[("client_id", client), ("prompt", "none")]);
            let query = query.split_once('?').unwrap().1.to_owned();
            cluster.browser().get(&node.at(&format!("/authorize?{query}"))).await.status.as_u16()
        }))
        .await
    };
    assert_eq!(asked("another").await, [400; 10]);
    let file = cluster.file("another.json", r#"{"client_id": "another"}"#);
    let add = cluster.command(&[
        "client", "add", "--name", "Another", "--native", "--redirect-uri", REDIRECT, "--metadata", &file,
    ]);
    assert!(
        actix_web::rt::task::spawn_blocking(move || {
            let mut add = add;
            add.status()
        })
        .await
        .unwrap()
        .unwrap()
        .success()
    );
    let added = Instant::now();
    while asked("another").await != [303; 10] {
        assert!(added.elapsed() < Duration::from_secs(5), "it is not live everywhere");
        sleep(Duration::from_millis(50)).await;
    }
}

#[actix_web::test]
async fn ten_nodes_without_stickiness_are_as_one() {
    let cluster = Cluster::start(10).await;
    let tokens = a_whole_story_at_ten_nodes(&cluster).await;
    the_keys_are_everywhere(&cluster, &tokens).await;
    guesses_are_counted_over_all_nodes(&cluster).await;
    a_client_that_is_added_is_live_everywhere(&cluster).await;
    for node in &cluster.nodes {
        assert!(!node.log().contains("ERROR"), "{}", node.log());
    }
}
