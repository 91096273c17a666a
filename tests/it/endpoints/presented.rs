//! Refresh tokens and opaque access tokens, introspected and revoked.

use countersign::protocol::resource::{Format, Resource, Resources};
use countersign::store::clients;
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use super::introspect::{both, own_token, told};
use super::{failures, refusal};
use crate::store::{lines, trail};
use crate::support::TEST;
use crate::support::app::{API, Options, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::{Rp, claims, registered};

fn inactive() -> Value {
    json!({ "active": false })
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name}: {tokens}"))
}

async fn revoke(rp: &Rp<'_>, browser: &Browser, token: &str) {
    let answer = browser.send(rp.at(browser, &rp.app.at("/revoke"), &[("token", token)])).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
}

async fn refresh(rp: &Rp<'_>, browser: &Browser, token: &str) -> Answer {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
    browser.send(rp.at(browser, &rp.app.at("/token"), &fields)).await
}

async fn userinfo(app: &TestApp, browser: &Browser, token: &str) -> u16 {
    let request = browser.request(Method::GET, &app.at("/userinfo"));
    browser.send(request.bearer_auth(token)).await.status.as_u16()
}

/// The registration of an application that is kept signed in.
fn kept() -> Value {
    json!({ "first_party": true, "grant_types": ["authorization_code", "refresh_token"] })
}

#[actix_web::test]
async fn a_refresh_token_is_told_to_its_client_alone_and_that_is_no_use_of_it() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let (rp, other) = (Rp::new(&app, kept()).await, Rp::new(&app, kept()).await);
    let browser = app.browser();
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let token = text(&tokens, "refresh_token");
    let said = claims(&tokens["access_token"]);
    let rows =
        || lines(&app.app.db, "SELECT generation || ' ' || used_at || ' ' || idle_end AS line FROM grants");
    let before = rows();
    let first = told(&rp, &browser, token).await;
    let expected = json!({ "active": true, "iss": app.issuer, "sub": ada.id, "client_id": rp.client_id, "scope": "openid",
        "exp": first["exp"], "iat": first["iat"], "auth_time": said["auth_time"], "acr": said["acr"],
        "amr": said["amr"] });
    assert_eq!(first, expected);
    let ends = first["exp"].as_i64().unwrap() - app.clock.now().unix_timestamp();
    assert!((7 * 3600..=8 * 3600).contains(&ends), "{ends}");
    assert_eq!((told(&rp, &browser, token).await, rows()), (expected, before));

    // Another client is told nothing, and its developer why; what is cut off or changed is none.
    assert_eq!(told(&other, &browser, token).await, inactive());
    let causes = failures(&app, &other.client_id, 1).await;
    let issued = format!("issued to {:?}", rp.client_id);
    assert!(causes[0].cause.to_string().contains(&issued), "{}", causes[0].cause);
    let mut changed = token.to_owned();
    changed.replace_range(40..41, if &token[40..41] == "A" { "B" } else { "A" });
    for wrong in
        [&token[..72], &token[3..], changed.as_str(), &format!("{token}A"), "rt_", &"rt_A".repeat(500)]
    {
        assert_eq!(told(&rp, &browser, wrong).await, inactive(), "{wrong}");
    }
    assert_eq!(refresh(&rp, &browser, token).await.status, 200, "nothing of this was a use");

    // One second before it ends unused, and at its end.
    let ends = told(&rp, &browser, token).await["exp"].as_i64().unwrap() - app.clock.now().unix_timestamp();
    app.clock.advance(Duration::seconds(ends - 1));
    assert_eq!(told(&rp, &browser, token).await["active"], json!(true));
    app.clock.advance(Duration::SECOND);
    assert_eq!(told(&rp, &browser, token).await, inactive());
    app.finish().await;
}

#[actix_web::test]
async fn a_revoked_refresh_token_takes_its_grant_along() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let (rp, other) = (Rp::new(&app, kept()).await, Rp::new(&app, kept()).await);
    let browser = app.browser();
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let (access, token) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    // An access token goes alone.
    let next = refresh(&rp, &browser, token).await.json();
    revoke(&rp, &browser, text(&next, "access_token")).await;
    assert_eq!(userinfo(&app, &browser, text(&next, "access_token")).await, 401);
    assert_eq!(
        (userinfo(&app, &browser, access).await, refresh(&rp, &browser, token).await.status.as_u16()),
        (200, 200)
    );
    // Another client's revocation is none, and neither is one of a token that was changed.
    revoke(&other, &browser, token).await;
    revoke(&rp, &browser, &token.replacen(&token[60..], &"A".repeat(13), 1)).await;
    assert_eq!(told(&rp, &browser, token).await["active"], json!(true));
    revoke(&rp, &browser, token).await;
    revoke(&rp, &browser, token).await;
    for gone in [access, token] {
        assert_eq!(told(&rp, &browser, gone).await, inactive());
    }
    assert_eq!(userinfo(&app, &browser, access).await, 401);
    assert_eq!(refusal(&refresh(&rp, &browser, token).await), (400, "invalid_grant".into()));
    let by = |line: &String| line.contains("grant.revoked") && line.contains(r#""why":"by_client""#);
    assert_eq!(trail(&app.app.db).iter().filter(|line| by(line)).count(), 1, "{:#?}", trail(&app.app.db));

    // Of a public client any token that was ever issued will do: it may have kept an old one.
    let metadata = json!({ "first_party": true, "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none", "application_type": "native" });
    let public = Rp::new(&app, metadata).await;
    let code = browser.get(&public.authorize(&[])).await.answered("code").unwrap();
    let first = public.redeem(&browser, &code, &[]).await.json();
    let second = refresh(&public, &browser, text(&first, "refresh_token")).await.json();
    revoke(&public, &browser, text(&first, "refresh_token")).await;
    let refused = refresh(&public, &browser, text(&second, "refresh_token")).await;
    assert_eq!(refusal(&refused), (400, "invalid_grant".into()));
    assert_eq!(userinfo(&app, &browser, text(&second, "access_token")).await, 401);
    app.finish().await;
}

const SECRET: &str = "a-secret-of-the-service-0123456789-abcdef";

/// The API has opaque tokens, and the client `rs` acts as it.
fn opaque() -> Options {
    let adjust = |config: &mut countersign::config::Config| {
        let acting = |mut resource: Resource| {
            resource.clients = vec!["rs".into()];
            resource.format = Format::Opaque;
            resource
        };
        config.resources = Resources::new(config.resources.iter().cloned().map(acting).collect()).unwrap();
    };
    Options { adjust, ..Options::default() }
}

#[actix_web::test]
async fn an_opaque_token_is_told_to_its_resource_and_removed_by_its_client() {
    let app = TestApp::start_with(opaque()).await;
    let ada = app.user("ada").await;
    let service = registered("rs", Some(SECRET), json!({}));
    clients::add(&app.app.db, &service, TEST, app.clock.now()).await.unwrap();
    let rs = Rp { app: &app, client_id: "rs".into(), secret: SECRET.into(), is_public: false };
    let (rp, other) = (Rp::new(&app, both()).await, Rp::new(&app, both()).await);
    let browser = app.browser();
    let for_api = [("resource", Some(API)), ("scope", Some("openid balances.read"))];
    let tokens = rp.tokens(&browser, "ada", &for_api).await;
    let token = text(&tokens, "access_token");
    assert!(token.starts_with("at_") && token.len() == 46, "{token}");
    let said = told(&rs, &browser, token).await;
    let facts = (&said["active"], &said["sub"], &said["client_id"], &said["aud"], &said["scope"]);
    assert_eq!(
        facts,
        (&json!(true), &json!(ada.id), &json!(rp.client_id), &json!(API), &json!("balances.read"))
    );
    assert!(!said.to_string().contains("urn:countersign:claim"), "{said}");
    assert_eq!(told(&rp, &browser, token).await, said);
    assert_eq!(told(&other, &browser, token).await, inactive());
    for wrong in
        [&token[..45], &token[3..], &token.replacen("at_", "at-", 1), &format!("at_{}", "A".repeat(43))]
    {
        assert_eq!(told(&rs, &browser, wrong).await, inactive(), "{wrong}");
    }
    assert_eq!(userinfo(&app, &browser, token).await, 401);

    // Its client alone gives it back, not the resource.
    revoke(&other, &browser, token).await;
    revoke(&rs, &browser, token).await;
    assert_eq!(told(&rs, &browser, token).await["active"], json!(true));
    let own = own_token(&rp, &browser).await;
    for given_back in [token, &own] {
        revoke(&rp, &browser, given_back).await;
        revoke(&rp, &browser, given_back).await;
        assert_eq!(told(&rs, &browser, given_back).await, inactive());
    }
    assert!(
        lines(&app.app.db, "SELECT jti AS line FROM dead_tokens").is_empty(),
        "it is removed, and not recorded"
    );

    // It ends with its time, and one of a person with the session as well.
    let code = browser.get(&rp.authorize(&for_api)).await.answered("code").unwrap();
    let token = text(&rp.redeem(&browser, &code, &[]).await.json(), "access_token").to_owned();
    let own = own_token(&rp, &browser).await;
    let home = browser.get(&app.at("/")).await;
    browser.submit(&home, &[]).await;
    assert_eq!(told(&rs, &browser, &token).await, inactive());
    let left = told(&rs, &browser, &own).await["exp"].as_i64().unwrap() - app.clock.now().unix_timestamp();
    app.clock.advance(Duration::seconds(left - 1));
    assert_eq!(told(&rs, &browser, &own).await["active"], json!(true));
    app.clock.advance(Duration::SECOND);
    assert_eq!(told(&rs, &browser, &own).await, inactive());
    app.finish().await;
}
