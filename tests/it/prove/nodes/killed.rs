//! A node is killed at work.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use tokio::time::sleep;

use crate::support::app::PASSWORD;
use crate::support::cluster::{Cluster, Node, redemption};
use crate::support::traffic::{Outcome, Traffic};

/// What the killed node was answering at that moment may fail; nothing before, nothing after, and nobody
/// is signed out.
#[actix_web::test]
async fn a_killed_node_takes_only_its_own_requests_along() {
    let mut cluster = Cluster::start(3).await;
    let people = 4;
    let traffic = Traffic::start(&cluster, people);
    traffic.until(10, "sso").await;
    let kills = cluster.nodes.iter_mut().take(2);
    let mut killed_at = vec![];
    for node in kills {
        let before = Instant::now();
        node.kill();
        killed_at.push((before, Instant::now()));
        traffic.until(20, "token").await;
        node.start().await;
        traffic.until(5, "token").await;
    }
    let tally = traffic.end().await;
    let was_under_way = |begun, ended| killed_at.iter().any(|(from, to)| begun <= *to && ended >= *from);
    let troubles = tally.troubles();
    assert!(troubles.len() <= killed_at.len() * (people + 1), "{troubles:#?}");
    for seen in troubles {
        let is_lost = matches!(&seen.outcome, Outcome::Unexpected(how) if how.starts_with("502"));
        assert!(is_lost && was_under_way(seen.begun, seen.ended), "{seen:?}");
        // Whatever only reads is asked again elsewhere.
        assert!(matches!(seen.what, "token" | "login" | "consent"), "{seen:?}");
    }
}

/// Redeems each code at each node, all at once, and kills a node when some have been answered. Tells for
/// each code how often it was redeemed, and how many attempts were cut off.
async fn redeem_while_one_is_killed(
    cluster: &mut Cluster,
    codes: &[String],
    victim: usize,
) -> (Vec<usize>, usize) {
    let machine = cluster.browser();
    let answered = Cell::new(0);
    let addresses: Vec<String> = cluster.nodes.iter().map(|node| node.at("/token")).collect();
    let attempts = codes.iter().flat_map(|code| addresses.iter().map(move |at| (code, at)));
    let attempts = attempts.map(async |(code, at)| {
        let answer = machine.try_send(redemption(&machine, at, code)).await;
        answered.set(answered.get() + 1);
        (code, answer.ok())
    });
    let kill = async {
        while answered.get() < codes.len() / 2 {
            sleep(Duration::from_millis(1)).await;
        }
        cluster.nodes[victim].kill();
    };
    let (mut answers, ()) = tokio::join!(join_all(attempts), kill);
    let cut_off = answers.iter().filter(|(_, answer)| answer.is_none()).count();
    // Whoever got no answer asks again elsewhere.
    let elsewhere = &addresses[(victim + 1) % addresses.len()];
    for code in codes {
        answers.push((code, Some(machine.send(redemption(&machine, elsewhere, code)).await)));
    }
    let redeemed = codes.iter().map(|code| {
        let of_this =
            answers.iter().filter(|(other, _)| *other == code).filter_map(|(_, answer)| answer.as_ref());
        of_this
            .filter(|answer| {
                let refused = answer.status == 400 && answer.json()["error"] == "invalid_grant";
                assert!(answer.status == 200 || refused, "{} {}", answer.status, answer.body);
                answer.status == 200
            })
            .count()
    });
    (redeemed.collect(), cut_off)
}

/// A node that dies between spending a code and answering takes the code along; no other node takes it
/// for unspent.
#[actix_web::test]
async fn no_kill_lets_a_code_be_redeemed_twice() {
    let mut cluster = Cluster::start(3).await;
    let browser = cluster.browser();
    cluster.sign_in(&browser, "ada-0", &[]).await;
    let mut cut_off = 0;
    for victim in 0..3 {
        let mut codes = vec![];
        for _ in 0..8 {
            codes.push(browser.get(&cluster.authorize(&[])).await.answered("code").unwrap());
        }
        let (redeemed, lost) = redeem_while_one_is_killed(&mut cluster, &codes, victim).await;
        assert!(redeemed.iter().all(|times| *times <= 1), "{redeemed:?}");
        assert!(redeemed.contains(&1), "{redeemed:?}");
        cut_off += lost;
        cluster.nodes[victim].start().await;
    }
    assert!(cut_off > 0, "nothing was under way when a node was killed");

    // Somebody whose sign-in died with its node sends the same form again, to another one.
    let browser = cluster.browser();
    let page = browser.open(&cluster.authorize(&[])).await;
    let fields = page.form().fields;
    let typed = |node: &Node| {
        let filled = fields.iter().map(|(name, value)| match name.as_str() {
            "username" => (name.as_str(), "ada-1"),
            "password" => (name.as_str(), PASSWORD),
            _ => (name.as_str(), value.as_str()),
        });
        let form: Vec<(&str, &str)> = filled.collect();
        let to = node.at("/login");
        browser.request(Method::POST, &to).form(&form).header("sec-fetch-site", "same-origin")
    };
    let victim = &mut cluster.nodes[0];
    let dying = browser.try_send(typed(victim));
    // A password takes longer to check than this.
    let kill = async {
        sleep(Duration::from_millis(8)).await;
        victim.kill();
    };
    let (lost, ()) = tokio::join!(dying, kill);
    assert!(lost.is_err(), "it was answered before its node was killed: {lost:?}");
    let typed = browser.send(typed(&cluster.nodes[1])).await;
    let next = cluster.nodes[2].at(typed.header("location"));
    let asked = browser.get(&next).await;
    assert!(asked.header("location").starts_with("/consent"), "{asked:?}");
}
