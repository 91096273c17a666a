//! Access tokens for resources that an operator added while the provider runs.
//!
//! Holds `operations/resources.rs`.

use std::time::Instant;

use countersign::operations::Operation;
use countersign::operations::resources::{self, DeclareFault, Surroundings};
use countersign::protocol::resource::{Format, Resource, Wrong};
use countersign::protocol::signing_alg::SigningAlg;
use countersign::protocol::span::Span;
use countersign::store::events::Actor;
use serde_json::{Value, json};
use time::Duration;

use super::refusal;
use super::token::bad;
use crate::support::app::{API, Options, TestApp};
use crate::support::browser::Browser;
use crate::support::rp::{Rp, claims, header};

const LEDGER: &str = "https://ledger.example/v1";
const VAULT: &str = "https://vault.example";

fn operation(app: &TestApp) -> Operation<'_> {
    Operation::new(&app.app.db, &app.app.state, Actor::Cli(None), app.clock.now())
}

fn surroundings(app: &TestApp) -> Surroundings<'_> {
    let config = &app.app.config;
    Surroundings { declared: &config.resources, issuer: &config.issuer, policy: &config.keys }
}

fn resource(uri: &str, scope: &str) -> Resource {
    Resource { uri: uri.into(), scopes: vec![scope.into()], ..Resource::default() }
}

async fn add(app: &TestApp, resource: Resource) -> Result<(), DeclareFault> {
    resources::add(&operation(app), &resource, surroundings(app)).await
}

/// A client that may ask for every scope here.
async fn client(app: &TestApp) -> Rp<'_> {
    let scope = "openid balances.read ledger.write vault.open";
    Rp::new(app, json!({ "first_party": true, "scope": scope })).await
}

/// Redeems a fresh code for these resources, of which the token request names some.
async fn redeem(
    rp: &Rp<'_>,
    browser: &Browser,
    authorized: &[&str],
    named: &[&str],
) -> crate::support::browser::Answer {
    let repeated = authorized.iter().fold(String::new(), |query, uri| query + "&resource=" + uri);
    let asked = "openid balances.read ledger.write vault.open";
    let url = rp.authorize(&[("scope", Some(asked))]) + &repeated;
    let back = browser.get(&url).await;
    let code = back.answered("code").unwrap_or_else(|| panic!("{} {}", back.url, back.body));
    let named: Vec<(&str, Option<&str>)> = named.iter().map(|uri| ("resource", Some(*uri))).collect();
    rp.redeem(browser, &code, &named).await
}

#[actix_web::test]
async fn a_token_is_signed_and_ends_as_its_resource_says() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let (rp, browser) = (client(&app).await, app.browser());
    rp.code(&browser, "ada", &[]).await;
    let ledger = Resource {
        alg: Some(SigningAlg::RS256),
        lifetime: Some(Span(Duration::minutes(2))),
        ..resource(LEDGER, "ledger.write")
    };
    add(&app, ledger).await.unwrap();
    app.app.look_for_changes().await.unwrap();
    for (named, alg, lifetime) in [(API, "ES256", 600), (LEDGER, "RS256", 120)] {
        let answer = redeem(&rp, &browser, &[API, LEDGER], &[named]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let answer = answer.json();
        let (header, token) = (header(&answer["access_token"]), claims(&answer["access_token"]));
        assert_eq!((&header["alg"], &header["typ"]), (&json!(alg), &json!("at+jwt")), "{named}");
        assert_eq!(answer["expires_in"], lifetime);
        assert_eq!(token["exp"].as_i64().unwrap() - token["iat"].as_i64().unwrap(), lifetime, "{named}");
        assert_eq!(token["aud"], named);
        assert!(
            app.app.keys.snapshot.load().verify::<Value>(answer["access_token"].as_str().unwrap()).is_ok()
        );
    }
    let both = redeem(&rp, &browser, &[API, LEDGER], &[]).await;
    assert_eq!(refusal(&both), bad("invalid_target"));
    assert!(
        both.json()["error_description"].as_str().unwrap().contains("send one resource"),
        "{}",
        both.body
    );
    app.finish().await;
}

#[actix_web::test]
async fn an_opaque_token_is_kept_with_its_claims() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let (rp, browser) = (client(&app).await, app.browser());
    rp.code(&browser, "ada", &[]).await;
    let vault = Resource {
        format: Format::Opaque,
        lifetime: Some(Span(Duration::minutes(5))),
        claims: vec!["roles".into()],
        ..resource(VAULT, "vault.open")
    };
    add(&app, vault).await.unwrap();
    app.app.look_for_changes().await.unwrap();
    let answer = redeem(&rp, &browser, &[VAULT], &[]).await.json();
    let text = answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}"));
    app.keep_secret(text);
    assert!(text.starts_with("at_") && text.len() == 46);
    assert_eq!((&answer["expires_in"], &answer["scope"]), (&json!(300), &json!("vault.open")));
    assert!(claims(&answer["id_token"])["at_hash"].is_string());
    let (tokens, now) = (&app.app.state.access_tokens, app.clock.now());
    let kept = Value::Object(tokens.find(text, now).await.unwrap().unwrap());
    for (name, value) in [
        ("iss", json!(app.issuer)),
        ("sub", json!(ada.id)),
        ("aud", json!(VAULT)),
        ("client_id", json!(rp.client_id)),
        ("scope", json!("vault.open")),
        ("roles", json!(["customer"])),
    ] {
        assert_eq!(kept[name], value, "{name}");
    }
    assert_eq!(kept["exp"].as_i64().unwrap() - kept["iat"].as_i64().unwrap(), 300);
    assert!(kept["urn:countersign:claim:session"].is_string(), "by it the session is found");
    let ours = browser.request(reqwest::Method::GET, &app.at("/userinfo")).bearer_auth(text);
    assert_eq!(browser.send(ours).await.status, 401, "it is for the vault");
    assert_eq!(tokens.find(text, now + Duration::seconds(301)).await.unwrap(), None);
    app.finish().await;
}

/// What was authorized before is refused with words, and the other resources of a grant go on.
#[actix_web::test]
async fn a_removed_resource_gets_no_token() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let (rp, browser) = (client(&app).await, app.browser());
    rp.code(&browser, "ada", &[]).await;
    add(&app, resource(LEDGER, "ledger.write")).await.unwrap();
    app.app.look_for_changes().await.unwrap();
    let code = async || {
        let both = format!("&resource={API}&resource={LEDGER}");
        let scope = "openid balances.read ledger.write";
        browser.get(&(rp.authorize(&[("scope", Some(scope))]) + &both)).await.answered("code").unwrap()
    };
    let codes = [code().await, code().await, code().await];
    let (removed, _) = resources::remove(&operation(&app), LEDGER).await.unwrap();
    assert_eq!(removed.uri, LEDGER);
    app.app.look_for_changes().await.unwrap();
    for (code, named, refused) in
        [(&codes[0], None, true), (&codes[1], Some(LEDGER), true), (&codes[2], Some(API), false)]
    {
        let answer = rp.redeem(&browser, code, &[("resource", named)]).await;
        if refused {
            assert_eq!(refusal(&answer), bad("invalid_target"), "{named:?}");
        } else {
            assert_eq!((answer.status.as_u16(), &answer.json()["scope"]), (200, &json!("balances.read")));
        }
    }
    let unknown = browser.get(&(rp.authorize(&[]) + "&resource=" + LEDGER)).await;
    assert_eq!(unknown.answered("error").as_deref(), Some("invalid_target"));
    app.finish().await;
}

/// A public client's refresh token is replaced by its use, so a refusal must not be a use: the client would never see the
/// new token, and its next attempt would look like theft.
#[actix_web::test]
async fn a_refused_refresh_uses_up_nothing() {
    let app = TestApp::start().await;
    app.user("ada").await;
    add(&app, resource(LEDGER, "ledger.write")).await.unwrap();
    app.app.look_for_changes().await.unwrap();
    let rp = Rp::new(
        &app,
        json!({
            "scope": "openid balances.read ledger.write", "application_type": "native", "first_party": true,
            "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"],
        }),
    );
    let (rp, browser) = (rp.await, app.browser());
    rp.code(&browser, "ada", &[]).await;
    let both = format!("&resource={API}&resource={LEDGER}");
    let scope = [("scope", Some("openid balances.read ledger.write"))];
    let code = browser.get(&(rp.authorize(&scope) + &both)).await.answered("code").unwrap();
    let tokens = rp.redeem(&browser, &code, &[]).await.json();
    let token = tokens["refresh_token"].as_str().unwrap_or_else(|| panic!("{tokens}"));
    resources::remove(&operation(&app), LEDGER).await.unwrap();
    app.app.look_for_changes().await.unwrap();
    assert_eq!(refusal(&rp.refresh(&browser, token, &[]).await), bad("invalid_target"));
    app.clock.advance(Duration::seconds(31));
    let answer = rp.refresh(&browser, token, &[("resource", Some(API))]).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["scope"]), (200, &json!("balances.read")));
    app.finish().await;
}

#[actix_web::test]
async fn a_resource_that_does_not_fit_in_is_refused_by_its_type() {
    let app = TestApp::start().await;
    add(&app, resource(LEDGER, "ledger.write")).await.unwrap();
    let wrong = async |resource: Resource| match add(&app, resource).await {
        Err(DeclareFault::Resource(fault)) => fault.wrong,
        other => panic!("{other:?}"),
    };
    let conflict = wrong(resource(API, "other")).await;
    assert!(matches!(&conflict, Wrong::Conflict(conflict) if conflict.scope.is_none()), "{conflict:?}");
    for taken in ["balances.read", "ledger.write"] {
        let conflict = wrong(resource(VAULT, taken)).await;
        assert!(matches!(&conflict, Wrong::Conflict(conflict) if conflict.scope.as_deref() == Some(taken)));
    }
    assert_eq!(wrong(resource(&app.issuer, "x")).await, Wrong::Issuer);
    let ps256 = Resource { alg: Some(SigningAlg::PS256), ..resource(VAULT, "x") };
    assert_eq!(wrong(ps256).await, Wrong::NotConfigured(SigningAlg::PS256));
    let clients = vec!["nobody".to_owned()];
    let acted = add(&app, Resource { clients, ..resource(VAULT, "x") }).await;
    assert!(matches!(&acted, Err(DeclareFault::NoClient(id)) if id == "nobody"), "{acted:?}");
    let again = add(&app, resource(LEDGER, "y")).await;
    assert!(matches!(&again, Err(DeclareFault::Taken(uri)) if uri == LEDGER), "{again:?}");
    let edit = |_: &Resource| resource(LEDGER, "balances.read");
    let changed = resources::change(&operation(&app), LEDGER, edit, surroundings(&app)).await;
    assert!(matches!(changed.map(|_| ()), Err(DeclareFault::Resource(_))));
    let edit = |stored: &Resource| stored.clone();
    let unknown = resources::change(&operation(&app), VAULT, edit, surroundings(&app)).await;
    assert!(matches!(unknown.map(|_| ()), Err(DeclareFault::Unknown)));
    assert!(matches!(resources::remove(&operation(&app), VAULT).await, Err(DeclareFault::Unknown)));
    app.finish().await;
}

/// No token is signed with a lifetime that keys are not yet kept public for, and dead grants are remembered for it.
#[actix_web::test]
async fn a_longer_lifetime_is_recorded_before_it_is_given() {
    let app = TestApp::start().await;
    let keys = &app.app.keys;
    let remembered = async || keys.revocation_remembered(&app.app.db).await.unwrap();
    assert_eq!(remembered().await, Duration::minutes(15));
    let long = Resource {
        lifetime: Some(Span(Duration::DAY)),
        accept_long_tokens: true,
        ..resource(LEDGER, "ledger.write")
    };
    add(&app, long).await.unwrap();
    assert_eq!(remembered().await, Duration::DAY + Duration::minutes(5), "at once, on every node");
    keys.refresh(&app.app.db).unwrap();
    assert_eq!(keys.snapshot.load().longest_token(), Duration::DAY);
    resources::remove(&operation(&app), LEDGER).await.unwrap();
    assert_eq!(remembered().await, Duration::DAY + Duration::minutes(5), "its last token lives on");
    app.finish().await;
}

/// Two nodes on one database: neither is told of the change.
#[actix_web::test]
async fn a_new_resource_is_live_on_every_node_within_five_seconds() {
    let first = TestApp::start().await;
    let second = TestApp::start_in(first.folder.clone(), 0, Options::default()).await;
    let nodes = [&first, &second];
    let offered = async |app: &TestApp| {
        let document = app.browser().get(&app.at("/.well-known/openid-configuration")).await.json();
        document["scopes_supported"].as_array().unwrap().contains(&json!("ledger.write"))
    };
    for node in nodes {
        assert!(!offered(node).await);
    }
    add(&first, resource(LEDGER, "ledger.write")).await.unwrap();
    let begun = Instant::now();
    for node in nodes {
        while !offered(node).await {
            assert!(begun.elapsed().as_secs() < 5, "it is not live everywhere");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
    second.finish().await;
    first.finish().await;
}

/// One second before its end a token opens UserInfo, and at it no more; what a client has of its own comes first.
#[actix_web::test]
async fn tokens_live_as_the_settings_and_the_client_say() {
    let app = TestApp::start_with(Options {
        adjust: |config| {
            config.lifetimes.code = Duration::seconds(20);
            config.lifetimes.access_token = Duration::minutes(3);
            config.lifetimes.id_token = Duration::minutes(4);
            config.lifetimes.session.idle = Duration::minutes(30);
        },
        ..Options::default()
    })
    .await;
    app.user("ada").await;
    let browser = app.browser();
    let usual = Rp::new(&app, json!({ "first_party": true })).await;
    let own = json!({ "first_party": true, "access_token_ttl": 60, "id_token_ttl": 90 });
    let own = Rp::new(&app, own).await;
    usual.code(&browser, "ada", &[]).await;
    let code = async |rp: &Rp<'_>| browser.get(&rp.authorize(&[])).await.answered("code").unwrap();
    for (after, fine) in [(19, true), (20, false), (21, false)] {
        let code = code(&usual).await;
        app.clock.advance(Duration::seconds(after));
        assert_eq!(usual.redeem(&browser, &code, &[]).await.status == 200, fine, "{after}");
    }
    for (rp, access, id) in [(&usual, 180, 240), (&own, 60, 90)] {
        let answer = rp.redeem(&browser, &code(rp).await, &[]).await.json();
        let life =
            |token: &Value| claims(token)["exp"].as_i64().unwrap() - claims(token)["iat"].as_i64().unwrap();
        assert_eq!((life(&answer["access_token"]), life(&answer["id_token"])), (access, id));
        assert_eq!(answer["expires_in"], access);
        let token = answer["access_token"].as_str().unwrap();
        app.clock.advance(Duration::seconds(
            claims(&answer["access_token"])["exp"].as_i64().unwrap() - 1 - app.clock.now().unix_timestamp(),
        ));
        for expected in [200, 401, 401] {
            let request = browser.request(reqwest::Method::GET, &app.at("/userinfo")).bearer_auth(token);
            assert_eq!(browser.send(request).await.status, expected);
            app.clock.advance(Duration::SECOND);
        }
    }
    app.clock.advance(Duration::minutes(31));
    let asked = browser.get(&usual.authorize(&[("prompt", Some("none"))])).await;
    assert_eq!(
        asked.answered("error").as_deref(),
        Some("login_required"),
        "the session was idle for too long"
    );
    app.finish().await;
}
