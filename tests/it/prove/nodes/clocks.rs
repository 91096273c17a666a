//! The clocks of the nodes differ by seconds, as real ones do.

use std::sync::{Arc, LazyLock};

use countersign::config::StateUrl;
use countersign::db::Url;
use countersign::keys::instance::InstanceKeys;
use countersign_verifier::Verifier;
use reqwest::Method;
use serde_json::json;
use time::Duration;

use crate::support::app::{API, Options, PASSWORD, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::{Rp, claims};
use crate::support::{postgres, redis};

/// How far a node is behind or ahead.
const APART: Duration = Duration::seconds(4);

/// What the nodes have in common: the database, and the address they are known by, which is the first one's.
static DATABASE: LazyLock<String> = LazyLock::new(postgres::database);
static PORT: LazyLock<u16> = LazyLock::new(redis::free_port);

/// Nodes that are behind, right, and ahead, each with its port.
async fn nodes() -> Vec<(TestApp, u16)> {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    InstanceKeys::create(&folder.path().join("keys/instance.key")).unwrap();
    let mut nodes = vec![];
    for (number, shift) in [-APART, Duration::ZERO, APART].into_iter().enumerate() {
        let port = if number == 0 { *PORT } else { redis::free_port() };
        let adjust = |config: &mut countersign::config::Config| {
            config.database = Url::parse(&DATABASE).unwrap();
            config.state = StateUrl::Redis(redis::url());
            config.origin = format!("http://127.0.0.1:{}", *PORT);
            config.issuer.clone_from(&config.origin);
        };
        let node =
            TestApp::start_in(Arc::clone(&folder), port, Options { adjust, ..Options::default() }).await;
        node.clock.advance(shift);
        nodes.push((node, port));
    }
    nodes
}

/// The same address at another node.
fn at(url: &str, port: u16) -> String {
    let mut url = url::Url::parse(url).unwrap();
    url.set_port(Some(port)).unwrap();
    url.into()
}

/// Follows redirects, alternating between two nodes.
async fn follow(browser: &Browser, mut answer: Answer, ports: [u16; 2]) -> Answer {
    for turn in 0..8 {
        let Some(next) = answer.location().filter(|next| next.path() != "/callback") else { return answer };
        answer = browser.get(&at(next.as_str(), ports[turn % 2])).await;
    }
    panic!("in circles: {answer:?}");
}

/// Signs in at one node, is recognized at another; what one issued the other accepts, at once.
async fn a_story(rp: &Rp<'_>, login: &str, here: u16, there: u16) {
    let browser = rp.app.browser();
    // The shortest time there is: a sign-in that seems to have been eight seconds ago must not be demanded
    // again and again.
    let asked = rp.authorize(&[
        ("max_age", Some("1")),
        ("resource", Some(API)),
        ("scope", Some("openid balances.read")),
    ]);
    let page = follow(&browser, browser.get(&at(&asked, here)).await, [there, here]).await;
    let form = page.form();
    let mut fields: Vec<(&str, &str)> = form.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    fields.retain(|(name, _)| !["username", "password"].contains(name));
    fields.extend([("username", login), ("password", PASSWORD)]);
    let to = page.url.join(&form.action).unwrap();
    let typed = browser.post(&at(to.as_str(), here), &fields).await;
    let home = follow(&browser, typed, [there, here]).await;
    let code = home.answered("code").unwrap_or_else(|| panic!("{home:?}"));
    let token = async |code: &str, port: u16| {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", crate::support::app::REDIRECT),
            ("code_verifier", crate::support::rp::VERIFIER),
        ];
        let request = browser.request(Method::POST, &at(&rp.app.at("/token"), port));
        let answer = browser.send(request.basic_auth(&rp.client_id, Some(&rp.secret)).form(&fields)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    };
    let for_api = token(&code, here).await;
    let verifier = Verifier::builder(&rp.app.issuer, API).allow_http().build().unwrap();
    verifier.verify(for_api["access_token"].as_str().unwrap()).await.unwrap();

    // Nobody is asked again when another node looks at the session, in either order.
    for (one, other) in [(here, there), (there, here)] {
        let silent = browser.get(&at(&rp.authorize(&[("prompt", Some("none"))]), one)).await;
        let code = silent.answered("code").unwrap_or_else(|| panic!("{:?}", silent.location()));
        let tokens = token(&code, other).await;
        assert_eq!(claims(&tokens["id_token"])["auth_time"], claims(&for_api["id_token"])["auth_time"]);
        let userinfo = browser.request(Method::GET, &at(&rp.app.at("/userinfo"), one));
        let userinfo = browser.send(userinfo.bearer_auth(tokens["access_token"].as_str().unwrap())).await;
        assert_eq!(userinfo.status, 200, "{:?}", userinfo.headers);
        let hinted =
            rp.authorize(&[("prompt", Some("none")), ("id_token_hint", tokens["id_token"].as_str())]);
        assert!(browser.get(&at(&hinted, one)).await.answered("code").is_some());
    }
}

#[actix_web::test]
async fn nodes_may_disagree_by_seconds() {
    let nodes = nodes().await;
    let (first, _) = &nodes[0];
    let rp = Rp::new(first, json!({ "first_party": true, "scope": "openid balances.read" })).await;
    first.user("ada").await;
    for (_, here) in &nodes {
        for (_, there) in &nodes {
            a_story(&rp, "ada", *here, *there).await;
        }
    }
    for (node, _) in nodes {
        node.finish().await;
    }
}
