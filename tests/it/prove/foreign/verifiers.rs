//! Verifiers of other people, in three languages: through rotations on three nodes, and for every algorithm.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use countersign::config::Config;
use countersign::keys::KeyError;
use countersign::keys::policy::{KeyPolicy, KeySettings};
use countersign::protocol::client::{NamedAlg, SigningAlg};
use countersign::protocol::lifetimes::Lifetimes;
use countersign::secret::{Key, base64url};
use countersign::store::signing_keys;
use countersign_verifier::{Check, KeySet, verify};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::keys::given;
use crate::support::TEST;
use crate::support::app::{Options, PASSWORD, State, TestApp};
use crate::support::browser::Browser;
use crate::support::foreign::{Foreign, Question, openidconnect};
use crate::support::postgres;
use crate::support::rp::{Rp, header};

const ISSUER: &str = "https://id.example";

/// Every algorithm, as its strangers see it.
#[actix_web::test]
async fn they_accept_every_algorithm_and_no_changed_token() {
    let app = TestApp::start_with(Options {
        adjust: |config| config.keys.algorithms = SigningAlg::ALL.to_vec(),
        ..Options::default()
    })
    .await;
    let browser = app.browser();
    let listed = browser.get(&app.at("/.well-known/openid-configuration")).await.json();
    assert_eq!(
        listed["id_token_signing_alg_values_supported"],
        json!(["RS256", "ES256", "PS256", "EdDSA", "Ed25519"]),
        "discovery lists what is configured"
    );
    let jwks = browser.get(&app.at("/.well-known/jwks.json")).await.body;
    let (now, mut jose, mut pyjwt) = (app.clock.now(), Foreign::jose(), Foreign::pyjwt());
    let own = KeySet::from_json(jwks.as_bytes()).unwrap();
    for alg in NamedAlg::all() {
        let issued = now.unix_timestamp();
        let claims = json!({ "iss": ISSUER, "sub": "ada", "aud": "app", "iat": issued, "exp": issued + 600 });
        let token = app.app.keys.snapshot.load().sign(alg, "JWT", &claims).unwrap();
        let alg = alg.name();
        assert_eq!(header(&json!(token))["alg"], alg);
        verify(&token, &own, &Check::id_token(ISSUER, "app"), now).unwrap();
        let asked = Question { jwks: &jwks, token: &token, issuer: ISSUER, audience: "app", alg, now };
        jose.accepts(&asked);
        // These two know the algorithm by its older name alone: their users register that one.
        let is_known = alg != "Ed25519";
        assert_eq!(pyjwt.ask(&asked) == "good", is_known, "PyJWT, {alg}");
        assert_eq!(openidconnect(&asked).is_ok(), is_known, "openidconnect, {alg}");
        let changed = token.replacen(&token[60..70], "AAAAAAAAAA", 1);
        let late = Question { now: now + Duration::hours(1), ..asked };
        let changed = Question { token: &changed, now, ..late };
        for asked in [&late, &changed] {
            assert_ne!(jose.ask(asked), "good");
            assert_ne!(pyjwt.ask(asked), "good");
            assert!(openidconnect(asked).is_err());
        }
    }
    app.finish().await;
}

/// The policy whose day is 1500 seconds: what 24 hours are to the usual one.
fn quick() -> KeyPolicy {
    let settings = "jwks_max_age = 600\npublish_before = 1500\npublish_after = 1300\nrotate_every = 1800\n\
                    retain = 3000\nskew = 120";
    let settings: KeySettings = toml::from_str(settings).unwrap();
    KeyPolicy::new(settings, Lifetimes::default().longest_token()).unwrap()
}

/// The database and the instance key that all nodes of the story share.
fn shared() -> &'static (String, String) {
    static SHARED: OnceLock<(String, String)> = OnceLock::new();
    SHARED.get_or_init(|| (postgres::database(), base64url(Key::generate().expose())))
}

fn one_of_three(config: &mut Config) {
    config.database = countersign::db::Url::parse(&shared().0).unwrap();
    config.instance_key = given(&shared().1);
    config.keys = quick();
}

/// A verifier that holds the key set for as long as it was told, or for its own idea of a day.
struct Holder {
    day: bool,
    held: Option<(Arc<str>, OffsetDateTime)>,
}

impl Holder {
    /// The set it has, fetched anew from a node only when it may not be held any longer.
    async fn set(&mut self, node: &TestApp, browser: &Browser, now: OffsetDateTime) -> Arc<str> {
        if let Some((set, _)) = self.held.as_ref().filter(|(_, until)| now < *until) {
            return Arc::clone(set);
        }
        let answer = browser.get(&node.at("/.well-known/jwks.json")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let told: i64 = answer.header("cache-control").rsplit('=').next().unwrap().parse().unwrap();
        assert_eq!(told, 600);
        let held = if self.day { quick().publish_before } else { Duration::seconds(told) };
        let set: Arc<str> = answer.body.into();
        self.held = Some((Arc::clone(&set), now + held));
        set
    }
}

/// A token somebody has, until it expires.
struct Kept {
    token: Value,
    issuer: String,
    client: String,
    until: OffsetDateTime,
}

/// New tokens. On a machine with too much to do a store may not answer in time, which is no wrong token:
/// the application is told to try again in a moment, and does.
async fn tokens(rp: &Rp<'_>, browser: &Browser) -> Value {
    let begun = Instant::now();
    loop {
        let mut answer = browser.open(&rp.authorize(&[])).await;
        if answer.url.path().ends_with("/login") {
            answer = browser.submit(&answer, &[("username", "ada"), ("password", PASSWORD)]).await;
        }
        if let Some(code) = answer.answered("code") {
            answer = rp.redeem(browser, &code, &[]).await;
            if answer.status == 200 {
                return answer.json();
            }
        }
        let (status, patient) = (answer.status, begun.elapsed().as_secs() < 60);
        assert!(status == 503 && patient, "{status} {} {}", answer.url, answer.body);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

/// Looks after the keys, as every node does by itself every few seconds too. A database that does not answer
/// in time is no matter: it is done the next time.
async fn tend(node: &TestApp) {
    let app = Arc::clone(&node.app);
    match tokio::task::spawn_blocking(move || app.tend_keys()).await.unwrap() {
        Ok(()) | Err(KeyError::Db(_)) => (),
        Err(other) => panic!("{other}"),
    }
}

/// What an impatient operator does: every ring is asked to rotate in order, again and again.
fn rotate_by_hand(node: &TestApp) {
    let now = node.clock.now();
    let done = node.app.db.write_now(|conn| {
        for alg in SigningAlg::ALWAYS {
            signing_keys::ask_to_rotate(conn, alg, TEST, now)?;
        }
        Ok(())
    });
    done.unwrap();
}

/// Three nodes on PostgreSQL and Redis, clocks a minute apart, under constant traffic, through more than
/// five rotations: no verifier ever meets a token it cannot check.
#[actix_web::test]
async fn through_five_rotations_on_postgres_and_redis_no_verification_fails() {
    let mut nodes = vec![];
    for off in [0, 30, -30] {
        let node =
            TestApp::start_with(Options { state: State::Redis, adjust: one_of_three, ..Options::default() });
        let node = node.await;
        node.clock.advance(Duration::seconds(off));
        nodes.push(node);
    }
    nodes[0].user("ada").await;
    let mut parties = vec![];
    for (node, alg) in nodes.iter().zip(["RS256", "ES256", "RS256"]) {
        let rp = Rp::new(node, json!({ "first_party": true, "id_token_signed_response_alg": alg })).await;
        parties.push((rp, node.browser()));
    }
    let mut holders: Vec<Holder> = (0..4).map(|at| Holder { day: at % 2 == 1, held: None }).collect();
    let (mut jose, mut pyjwt) = (Foreign::jose(), Foreign::pyjwt());
    let (mut kept, mut signed_by, mut checked) = (Vec::<Kept>::new(), vec![], 0);
    for step in 0..75_usize {
        for (at, (rp, browser)) in parties.iter().enumerate() {
            let now = nodes[0].clock.now();
            let issued = tokens(rp, browser).await;
            let token = issued["id_token"].clone();
            let kid = header(&token)["kid"].as_str().unwrap().to_owned();
            if !signed_by.contains(&kid) {
                signed_by.push(kid);
            }
            let (issuer, client) = (rp.app.issuer.clone(), rp.client_id.clone());
            kept.push(Kept {
                token,
                issuer,
                client,
                until: now + Lifetimes::default().longest_token() - Duration::seconds(60),
            });
            // Between one node's work on the keys and the next one's there is always somebody who asks.
            for (nth, holder) in holders.iter_mut().enumerate() {
                let node = &nodes[(step + at + nth) % 3];
                let jwks = holder.set(node, browser, now).await;
                kept.retain(|kept| now < kept.until);
                // Those that were just issued, and those that are about to expire.
                let old = kept.len().saturating_sub(2);
                for token in
                    kept.iter().enumerate().filter(|(at, _)| *at < 3 || *at >= old).map(|(_, kept)| kept)
                {
                    let alg = header(&token.token)["alg"].as_str().unwrap().to_owned();
                    let asked = Question {
                        jwks: &jwks,
                        token: token.token.as_str().unwrap(),
                        issuer: &token.issuer,
                        audience: &token.client,
                        alg: &alg,
                        now,
                    };
                    match nth {
                        0 | 3 => jose.accepts(&asked),
                        1 => pyjwt.accepts(&asked),
                        _ => openidconnect(&asked).unwrap_or_else(|why| panic!("step {step}: {why}")),
                    }
                    checked += 1;
                }
            }
            tend(&nodes[(step + at) % 3]).await;
        }
        rotate_by_hand(&nodes[step % 3]);
        for node in &nodes {
            tend(node).await;
        }
        // All at the same moment: the clocks are never further apart than they were told to be.
        for node in &nodes {
            node.clock.advance(Duration::seconds(150));
        }
    }
    let etag = |node: &TestApp| node.app.keys.snapshot.load().jwks.etag.clone();
    // A step that one node has just taken by itself is seen by the others within seconds.
    let begun = Instant::now();
    while nodes.iter().any(|node| etag(node) != etag(&nodes[0])) {
        assert!(begun.elapsed().as_secs() < 60, "one set, whoever is asked");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(signed_by.len() >= 2 * 6, "five rotations of each ring: {signed_by:?}");
    assert!(checked > 2500, "{checked}");
    for node in nodes {
        node.finish().await;
    }
}
