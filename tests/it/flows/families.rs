//! Families of refresh tokens in stories: what ends them and what does not, many uses at once, a month of use.

use std::sync::{Arc, OnceLock};

use countersign::config::{Config, StateUrl};
use countersign::db::Url;
use countersign::keys::instance::{Given, Source};
use countersign::operations::{Operation, clients, people};
use countersign::protocol::refresh::RefreshToken;
use countersign::store::grants;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use crate::endpoints::refresh::{good, native, refresh_token, refreshing, userinfo};
use crate::store::lines;
use crate::support::TEST;
use crate::support::app::{Options, State, TestApp};
use crate::support::browser::Browser;
use crate::support::rp::Rp;
use crate::support::{postgres, redis};

const OFFLINE: &[(&str, Option<&str>)] =
    &[("scope", Some("openid offline_access")), ("prompt", Some("consent"))];
/// How many use one token at once.
const RIVALS: usize = 50;

/// A node on PostgreSQL and Redis, beside another one if there is one: with its database and its issuer.
static SHARED: OnceLock<(String, String)> = OnceLock::new();

fn shared(config: &mut Config) {
    let (database, issuer) = SHARED.get_or_init(|| (postgres::database(), config.issuer.clone()));
    config.database = Url::parse(database).unwrap();
    config.issuer.clone_from(issuer);
    config.instance_key = Source::Given(Given("A".repeat(43)));
    assert!(matches!(config.state, StateUrl::Redis(_)));
}

async fn works(rp: &Rp<'_>, browser: &Browser, tokens: &Value) -> bool {
    let live = userinfo(rp, browser, tokens).await == 200;
    let answer = rp.refresh(browser, &refresh_token(tokens), &[]).await;
    assert_eq!(answer.status == 200, live, "UserInfo and the token endpoint agree: {}", answer.body);
    live
}

/// Asks the nodes in turn; their clocks are moved as one.
async fn of_fifty_uses_of_one_token_all_get_the_same_successor(nodes: &[&TestApp], places: &[String]) {
    let app = nodes[0];
    app.user("ada").await;
    let browser = app.browser();
    for (metadata, is_public) in [(native(), true), (refreshing(json!({})), false)] {
        let rp = Rp::new(app, metadata).await;
        let mut newest = refresh_token(&rp.tokens(&app.browser(), "ada", OFFLINE).await);
        let id = RefreshToken::parse(&newest).unwrap().family;
        let position = async || grants::find(&app.app.db, id).await.unwrap().unwrap().facts.position;
        let at_once = async |token: &str| -> Vec<Value> {
            let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
            let uses = (0..RIVALS).map(|rival| {
                let place = format!("{}/token", places[rival % places.len()]);
                browser.send(rp.at(&browser, &place, &fields))
            });
            join_all(uses).await.iter().map(good).collect()
        };
        for round in 0..3 {
            // The end of a confidential client's family moves here, because that is more than a thirtieth.
            for node in nodes {
                node.clock.advance(Duration::days(2));
            }
            let before = position().await;
            let answers = at_once(&newest).await;
            let successor = refresh_token(&answers[0]);
            assert!(answers.iter().all(|tokens| refresh_token(tokens) == successor), "{round}");
            assert_eq!(successor != newest, is_public, "{round}");
            let after = position().await;
            assert_eq!(after.generation, before.generation + u32::from(is_public));
            assert!(after.idle_end - before.idle_end > Duration::days(1), "written");
            if !is_public {
                at_once(&successor).await;
                assert_eq!(position().await, after, "written once");
            }
            let mut access: Vec<&str> =
                answers.iter().map(|tokens| tokens["access_token"].as_str().unwrap()).collect();
            access.sort_unstable();
            access.dedup();
            assert_eq!(access.len(), RIVALS, "each answer has an access token of its own");
            newest = successor;
        }
    }
}

#[actix_web::test]
async fn fifty_uses_of_one_token_on_sqlite() {
    let app = TestApp::start().await;
    let places = [app.issuer.clone()];
    of_fifty_uses_of_one_token_all_get_the_same_successor(&[&app], &places).await;
    app.finish().await;
}

#[actix_web::test]
async fn fifty_uses_of_one_token_on_two_nodes() {
    let options = || Options { state: State::Redis, adjust: shared, ..Options::default() };
    let (one, port) = (TestApp::start_with(options()).await, redis::free_port());
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let two = TestApp::start_in(folder, port, options()).await;
    assert_eq!(one.issuer, two.issuer);
    let places = [one.issuer.clone(), format!("http://127.0.0.1:{port}")];
    of_fifty_uses_of_one_token_all_get_the_same_successor(&[&one, &two], &places).await;
    two.finish().await;
    one.finish().await;
}

#[actix_web::test]
async fn signing_out_ends_what_belongs_to_the_session_and_nothing_else() {
    for state in [State::Sql, State::Redis] {
        let app = TestApp::start_with(Options { state, ..Options::default() }).await;
        for login in ["ada", "eve"] {
            app.user(login).await;
        }
        let rp = Rp::new(&app, refreshing(json!({ "first_party": true }))).await;
        let (browser, machine, elsewhere) = (app.browser(), app.browser(), app.browser());
        let session = rp.tokens(&browser, "ada", &[]).await;
        let code = browser.get(&rp.authorize(OFFLINE)).await.answered("code").unwrap();
        let offline = good(&rp.redeem(&machine, &code, &[]).await);
        let other = rp.tokens(&elsewhere, "ada", &[]).await;
        let pending = browser.get(&rp.authorize(&[])).await.answered("code").unwrap();
        for tokens in [&session, &offline, &other] {
            assert!(works(&rp, &machine, tokens).await);
        }
        // One of two accounts in the browser.
        let page = browser.open(&rp.authorize(&[("prompt", Some("select_account"))])).await;
        let page = browser.submit(&page, &[("decision", "another")]).await;
        let typed = [("username", "eve"), ("password", crate::support::app::PASSWORD)];
        let back = browser.submit(&page, &typed).await;
        let eve = good(&rp.redeem(&machine, &back.answered("code").unwrap(), &[]).await);
        let hint = session["id_token"].as_str().unwrap();
        browser.open(&format!("{}?id_token_hint={hint}", app.at("/end_session"))).await;
        assert!(!works(&rp, &machine, &session).await, "its session has ended");
        for (tokens, whose) in [(&offline, "offline"), (&other, "another browser"), (&eve, "another account")]
        {
            assert!(works(&rp, &machine, tokens).await, "{whose}");
        }
        // A code of the session that was not redeemed yet.
        assert_eq!(rp.redeem(&machine, &pending, &[]).await.status, 400);
        let page = browser.open(&app.at("/end_session")).await;
        browser.submit(&page, &[]).await;
        assert!(!works(&rp, &machine, &eve).await);
        // All of a person, by a new password.
        let op = Operation::new(&app.app.db, &app.app.state, TEST, app.clock.now());
        let ada = countersign::store::users::named(&app.app.db, "ada").await.unwrap().unwrap().user;
        let hash = countersign::password::Password::chosen("another wistful otter").unwrap().hash().unwrap();
        people::set_password(&op, &ada, hash).await.unwrap();
        assert!(!works(&rp, &machine, &other).await);
        assert!(works(&rp, &machine, &offline).await, "only what belonged to sessions");
        drop(op);
        app.finish().await;
    }
}

/// Many sign out at the moment at which their code is redeemed: whoever comes first, no family outlives its session.
#[actix_web::test]
async fn a_family_that_begins_while_its_session_ends_is_dead() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, refreshing(json!({ "first_party": true }))).await;
    let machine = app.browser();
    for _ in 0..15 {
        let browser = app.browser();
        let first = rp.tokens(&browser, "ada", &[]).await;
        let code = browser.get(&rp.authorize(&[])).await.answered("code").unwrap();
        let hint = first["id_token"].as_str().unwrap();
        let out = format!("{}?id_token_hint={hint}", app.at("/end_session"));
        let (answer, _) = tokio::join!(rp.redeem(&machine, &code, &[]), browser.get(&out));
        if answer.status == 200 {
            assert!(!works(&rp, &machine, &answer.json()).await);
        }
    }
    let live = lines(&app.app.db, "SELECT 'live' AS line FROM grants WHERE revoked_at IS NULL");
    assert_eq!(live.len(), 0, "every family of an ended session is revoked");
    app.finish().await;
}

#[actix_web::test]
async fn a_disabled_person_or_client_ends_families_at_once_and_for_good() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let machine = app.browser();
    let rp = Rp::new(&app, refreshing(json!({ "first_party": true }))).await;
    let op = Operation::new(&app.app.db, &app.app.state, TEST, app.clock.now());
    let tokens = async || {
        [rp.tokens(&app.browser(), "ada", &[]).await, rp.tokens(&app.browser(), "ada", OFFLINE).await]
    };
    let all = tokens().await;
    people::disable(&op, &ada).await.unwrap();
    for tokens in &all {
        assert!(!works(&rp, &machine, tokens).await);
    }
    let disabled = countersign::store::users::by_id(&app.app.db, &ada.id).await.unwrap().unwrap();
    people::enable(&op, &disabled).await.unwrap();
    for tokens in &all {
        assert!(!works(&rp, &machine, tokens).await, "for good");
    }
    let all = tokens().await;
    clients::disable(&op, &rp.client_id).await.unwrap();
    // The node may hold the client for a second, and the row knows already.
    for tokens in &all {
        assert_eq!(userinfo(&rp, &machine, tokens).await, 401);
        let refused = rp.refresh(&machine, &refresh_token(tokens), &[]).await.status.as_u16();
        assert!([400, 401].contains(&refused), "{refused}");
    }
    clients::enable(&op, &rp.client_id).await.unwrap();
    app.app.look_for_changes().await.unwrap();
    for tokens in &all {
        assert!(!works(&rp, &machine, tokens).await, "for good");
    }
    let all = tokens().await;
    clients::remove(&op, &rp.client_id).await.unwrap();
    assert_eq!(lines(&app.app.db, "SELECT 'row' AS line FROM grants").len(), 0);
    for tokens in &all {
        assert_eq!(userinfo(&rp, &machine, tokens).await, 401);
    }
    drop(op);
    app.finish().await;
}

/// A state store that has lost everything signs nobody out of an application that refreshes.
#[actix_web::test]
async fn an_emptied_state_store_ends_no_family() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let machine = app.browser();
    let rp = Rp::new(&app, refreshing(json!({ "first_party": true }))).await;
    let plain = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let session = rp.tokens(&browser, "ada", &[]).await;
    let offline = rp.tokens(&app.browser(), "ada", OFFLINE).await;
    let code = browser.get(&plain.authorize(&[])).await.answered("code").unwrap();
    let without = good(&plain.redeem(&machine, &code, &[]).await);
    let countersign::state::kv::Kv::Sql(kv) = &app.app.kv else { panic!("a table") };
    for table in ["kv", "kv_index", "kv_amount", "once"] {
        crate::store::execute(kv.db(), &format!("DELETE FROM {table}")).unwrap();
    }
    assert_eq!(userinfo(&plain, &machine, &without).await, 401, "a token without a family needs its session");
    for tokens in [&session, &offline] {
        assert!(works(&rp, &machine, tokens).await);
    }
    app.finish().await;
}

/// A month of use, by an application on a device that refreshes every eight minutes while it is open: the tables do not grow
/// with it.
#[actix_web::test]
async fn a_month_of_use_leaves_the_tables_as_small_as_they_were() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, native()).await;
    let machine = app.browser();
    let mut tokens = rp.tokens(&app.browser(), "ada", OFFLINE).await;
    let rows = || {
        let tables = ["grants", "dead_grants", "dead_tokens", "events"];
        tables.map(|table| lines(&app.app.db, &format!("SELECT 'row' AS line FROM {table}")).len())
    };
    let before = rows();
    for _ in 0..30 {
        // Each day a sign-in whose family ends with its session, and some uses of the one that does not.
        let session = rp.tokens(&app.browser(), "ada", &[("scope", Some("openid"))]).await;
        let mut session = refresh_token(&session);
        for _ in 0..4 {
            app.clock.advance(Duration::hours(5));
            tokens = good(&rp.refresh(&machine, &refresh_token(&tokens), &[]).await);
            session = refresh_token(&good(&rp.refresh(&machine, &session, &[]).await));
        }
        app.clock.advance(Duration::hours(4));
        grants::sweep(&app.app.db, Duration::ZERO, app.clock.now()).await.unwrap();
    }
    let [families, dead, dead_tokens, _] = rows();
    assert!(families <= before[0] + 2, "{families} families");
    assert_eq!((dead, dead_tokens), (0, 0));
    assert_eq!(
        userinfo(&rp, &machine, &good(&rp.refresh(&machine, &refresh_token(&tokens), &[]).await)).await,
        200
    );
    app.finish().await;
}

/// The answer of the token endpoint stays the same when a script of an own origin asks.
#[actix_web::test]
async fn a_script_of_the_clients_own_origin_may_refresh() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let metadata = json!({
        "token_endpoint_auth_method": "none", "allowed_cors_origins": ["https://spa.example"],
    });
    let rp = Rp::new(&app, refreshing(metadata)).await;
    let browser = app.browser();
    let token = refresh_token(&rp.tokens(&browser, "ada", OFFLINE).await);
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    for (origin, status) in [("https://evil.example", 400), ("https://spa.example", 200)] {
        let request = rp.at(&browser, &app.at("/token"), &fields).header("origin", origin);
        let answer = browser.send(request).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
        assert_eq!(answer.header("access-control-allow-origin"), origin);
    }
    let preflight = browser.request(Method::OPTIONS, &app.at("/token"));
    let preflight = preflight.header("origin", "https://spa.example");
    let preflight = preflight.header("access-control-request-method", "POST");
    assert!(browser.send(preflight).await.status.is_success());
    app.finish().await;
}
