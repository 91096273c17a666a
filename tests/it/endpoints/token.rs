//! `/token`: the request itself, and redeeming a code.
//!
//! Holds `web/around/cors.rs`, `web/extract.rs`, `web/failure/token.rs`.

use std::io::{Read, Write};
use std::net::TcpStream;

use countersign::protocol::client::{NamedAlg, SigningAlg};
use countersign::protocol::resource::{Resource, Resources};
use countersign::store::clients;
use countersign::store::users::{self, Change};
use countersign_verifier::{Check, KeySet, verify};
use data_encoding::BASE64;
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use super::{outcome, refusal};
use crate::store::{execute, lines};
use crate::support::TEST;
use crate::support::app::{API, Options, REDIRECT, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::{Rp, VERIFIER, claims, header};

async fn userinfo(app: &TestApp, tokens: &Value) -> u16 {
    let browser = app.browser();
    let token = tokens["access_token"].as_str().unwrap();
    let answer = browser.send(browser.request(Method::GET, &app.at("/userinfo")).bearer_auth(token)).await;
    answer.status.as_u16()
}

/// A code for somebody who is signed in already.
async fn fresh(rp: &Rp<'_>, browser: &Browser, changed: &[(&str, Option<&str>)]) -> String {
    let answer = browser.get(&rp.authorize(changed)).await;
    assert_eq!(outcome(rp.app, &answer), super::Outcome::Code, "{}", answer.body);
    answer.answered("code").unwrap()
}

fn is_granted(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json()
}

pub fn bad(error: &str) -> (u16, String) {
    (400, error.into())
}

#[actix_web::test]
async fn the_request_is_read_strictly() {
    let app = TestApp::start().await;
    let rp = Rp::new(&app, json!({})).await;
    let browser = app.browser();
    let form = Some("application/x-www-form-urlencoded");
    let usual = "grant_type=authorization_code&code=c";
    let invalid = (400, "invalid_request");
    let unsupported = (400, "unsupported_grant_type");
    let large = format!("{usual}&x={}", "a".repeat(70_000));
    let full = format!("{usual}&x={}", "a".repeat(60_000));
    let many = format!("{usual}{}", "&resource=https://a.example".repeat(21));
    #[rustfmt::skip]
    let rows = [
        ("", form, "code=c", invalid),
        ("", form, "grant_type=&code=c", invalid),
        ("", form, "grant_type=password&username=a&password=b", unsupported),
        ("", form, "grant_type=implicit", unsupported),
        ("", form, "grant_type=urn:example:other&refresh_token=x", unsupported),
        ("", form, "grant_type=client_credentials", (400, "unauthorized_client")),
        ("", form, "grant_type=authorization_code", invalid),
        ("", form, "grant_type=authorization_code&code=", invalid),
        ("", form, usual, (400, "invalid_grant")),
        ("", Some("application/x-www-form-urlencoded;charset=utf-8"), usual, (400, "invalid_grant")),
        ("", form, "grant_type=authorization_code&code=c&code=c", invalid),
        ("", form, "grant_type=authorization_code&grant_type=authorization_code&code=c", invalid),
        ("", form, "grant_type=authorization_code&code=c&code_verifier=a&code_verifier=a", invalid),
        ("", form, "grant_type=authorization_code&code=c&extra=1&extra=1", (400, "invalid_grant")),
        ("", form, "grant_type=authorization_code&code=%zz", invalid),
        ("", form, "grant_type=authorization_code&code=%ff", invalid),
        ("", form, "grant_type=authorization_code&code=%00", invalid),
        ("", form, &many, invalid),
        ("", form, &large, (413, "invalid_request")),
        ("", form, &full, (400, "invalid_grant")),
        ("", None, usual, (400, "invalid_request")),
        ("", Some("application/json"), "{\"grant_type\":\"authorization_code\"}", (400, "invalid_request")),
        ("", Some("text/plain"), usual, (400, "invalid_request")),
        // What is secret does not belong where it is logged; the rest of a query is nothing to us.
        ("?client_secret=x", form, usual, invalid),
        ("?access_token=x", form, usual, invalid),
        ("?refresh_token=x", form, usual, invalid),
        ("?code=x", form, usual, invalid),
        ("?client_assertion=x", form, usual, invalid),
        ("?code=x&broken=%zz", form, usual, invalid),
        ("?grant_type=nonsense&redirect_uri=x", form, usual, (400, "invalid_grant")),
    ];
    for (query, content_type, body, (status, error)) in rows {
        let request = browser.request(Method::POST, &app.at(&format!("/token{query}")));
        let mut request = request.basic_auth(&rp.client_id, Some(&rp.secret)).body(body.to_owned());
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let answer = browser.send(request).await;
        let shown = &body[..body.len().min(80)];
        assert_eq!(refusal(&answer), (status, error.into()), "{query} {content_type:?} {shown}");
    }
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
        let answer = browser.send(browser.request(method.clone(), &app.at("/token?code=x"))).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST, OPTIONS"), "{method}");
        if method != Method::HEAD {
            assert_eq!(refusal(&answer), (405, "invalid_request".into()));
        }
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_code_is_redeemed_once_by_who_asked_for_it() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let own = json!({ "first_party": true });
    let rp = Rp::new(&app, own.clone()).await;
    let other = Rp::new(&app, own).await;
    let lax = Rp::new(&app, json!({ "first_party": true, "require_pkce": false })).await;
    let browser = app.browser();
    rp.code(&browser, "ada", &[]).await;

    let tokens = is_granted(&rp.redeem(&browser, &fresh(&rp, &browser, &[]).await, &[]).await);
    let mut members: Vec<&str> = tokens.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["access_token", "expires_in", "id_token", "scope", "token_type"]);
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert_eq!(tokens["scope"], "openid");

    let no_pkce = [("code_challenge", None), ("code_challenge_method", None)];
    let tampered = VERIFIER.replace('p', "q");
    let too_long = "v".repeat(129);
    #[rustfmt::skip]
    let rows: [(&str, &Rp, &[(&str, Option<&str>)], &[(&str, Option<&str>)]); 10] = [
        ("wrong verifier", &rp, &[], &[("code_verifier", Some(&tampered))]),
        ("verifier cut short", &rp, &[], &[("code_verifier", Some(&VERIFIER[1..]))]),
        ("verifier too short to be one", &rp, &[], &[("code_verifier", Some("short"))]),
        ("verifier too long to be one", &rp, &[], &[("code_verifier", Some(&too_long))]),
        ("the challenge as verifier", &rp, &[], &[("code_verifier", Some(crate::support::rp::CHALLENGE))]),
        ("missing verifier", &rp, &[], &[("code_verifier", None)]),
        ("verifier without a challenge", &lax, &no_pkce, &[]),
        ("wrong redirect_uri", &rp, &[], &[("redirect_uri", Some("http://127.0.0.1:9/callback/"))]),
        ("missing redirect_uri without PKCE", &lax, &no_pkce, &[("redirect_uri", None), ("code_verifier", None)]),
        ("a code with one letter more", &rp, &[], &[]),
    ];
    for (what, rp, asked, changed) in rows {
        let code = fresh(rp, &browser, asked).await;
        let sent = if what.contains("one letter more") { format!("{code}x") } else { code.clone() };
        assert_eq!(refusal(&rp.redeem(&browser, &sent, changed).await), bad("invalid_grant"), "{what}");
        // The attempt was the one attempt, except where the code itself was another one.
        if sent == code {
            let again = rp.redeem(&browser, &code, &[]).await;
            assert_eq!(refusal(&again), bad("invalid_grant"), "{what}");
        } else {
            is_granted(&rp.redeem(&browser, &code, &[]).await);
        }
    }

    // What is optional.
    let code = fresh(&rp, &browser, &[]).await;
    is_granted(&rp.redeem(&browser, &code, &[("redirect_uri", None)]).await);
    let code = fresh(&lax, &browser, &no_pkce).await;
    is_granted(&lax.redeem(&browser, &code, &[("code_verifier", None)]).await);
    let code = fresh(&rp, &browser, &[("scope", Some("email"))]).await;
    let plain = is_granted(&rp.redeem(&browser, &code, &[]).await);
    assert_eq!((plain.get("id_token"), &plain["scope"]), (None, &json!("email")));
    assert_eq!(userinfo(&app, &plain).await, 403);

    // A stranger's attempt burns nothing.
    let code = fresh(&rp, &browser, &[]).await;
    assert_eq!(refusal(&other.redeem(&browser, &code, &[]).await), bad("invalid_grant"));
    is_granted(&rp.redeem(&browser, &code, &[]).await);
    app.finish().await;
}

#[actix_web::test]
async fn a_replay_revokes_only_if_it_could_have_been_the_first() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let other = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let code = rp.code(&browser, "ada", &[]).await;
    let tokens = is_granted(&rp.redeem(&browser, &code, &[]).await);
    let unrelated = rp.tokens(&app.browser(), "ada", &[]).await;
    assert_eq!(userinfo(&app, &tokens).await, 200);

    let impostor =
        Rp { app: &app, client_id: rp.client_id.clone(), secret: "wrong".into(), is_public: false };
    let wrong_verifier = [("code_verifier", Some("wrong-verifier_0123456789-ABCDEFGHIJKLMNOPQR"))];
    let grant = || bad("invalid_grant");
    #[rustfmt::skip]
    let rows: [(&str, &Rp, &[(&str, Option<&str>)], (u16, String), u16); 6] = [
        ("wrong verifier", &rp, &wrong_verifier, grant(), 200),
        ("no verifier", &rp, &[("code_verifier", None)], grant(), 200),
        ("wrong redirect_uri", &rp, &[("redirect_uri", Some("https://evil.example"))], grant(), 200),
        ("wrong secret", &impostor, &[], (401, "invalid_client".into()), 200),
        ("another client", &other, &[], grant(), 200),
        ("everything right", &rp, &[], grant(), 401),
    ];
    for (what, rp, changed, refused, afterwards) in rows {
        assert_eq!(refusal(&rp.redeem(&browser, &code, changed).await), refused, "{what}");
        assert_eq!(userinfo(&app, &tokens).await, afterwards, "{what}");
    }
    assert_eq!(userinfo(&app, &unrelated).await, 200, "only what came of this code");
    let reused =
        "SELECT actor_kind || ' ' || actor || ' ' || client AS line FROM events WHERE event = 'grant.reused'";
    assert_eq!(lines(&app.app.db, reused), [format!("client {0} {0}", rp.client_id)]);

    // The certification's half minute later, and an hour later.
    let code = fresh(&rp, &browser, &[]).await;
    let tokens = is_granted(&rp.redeem(&browser, &code, &[]).await);
    app.clock.advance(Duration::seconds(31));
    assert_eq!(refusal(&rp.redeem(&browser, &code, &[]).await), grant());
    assert_eq!(userinfo(&app, &tokens).await, 401);
    app.clock.advance(Duration::hours(1));
    assert_eq!(refusal(&rp.redeem(&browser, &code, &[]).await), grant());
    app.finish().await;
}

/// What a node holds of a client may be a second old: its codes are refused from the moment on.
#[actix_web::test]
async fn a_client_that_was_just_removed_redeems_nothing() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    rp.tokens(&browser, "ada", &[]).await;
    let withdraw = async |client_id: &str, at| app.app.state.codes.withdraw(client_id, at).await.unwrap();
    // One of this name was removed before this one was registered, and another one just now.
    withdraw(&rp.client_id, app.clock.now() - Duration::seconds(30)).await;
    withdraw("another", app.clock.now()).await;
    let code = fresh(&rp, &browser, &[]).await;
    is_granted(&rp.redeem(&browser, &code, &[]).await);
    withdraw(&rp.client_id, app.clock.now()).await;
    let code = fresh(&rp, &browser, &[]).await;
    assert_eq!(refusal(&rp.redeem(&browser, &code, &[]).await), bad("invalid_grant"));
    assert_eq!(
        refusal(&rp.redeem(&browser, &code, &[]).await),
        bad("invalid_grant"),
        "it was spent all the same"
    );
    // Enabled again, it need not wait until that is forgotten.
    app.app.state.codes.readmit(&rp.client_id, app.clock.now()).await.unwrap();
    let code = fresh(&rp, &browser, &[]).await;
    is_granted(&rp.redeem(&browser, &code, &[]).await);
    // That it was registered later than it was removed is not believed of a year ahead.
    let ahead = app.clock.now() + Duration::days(365);
    let set = format!("UPDATE clients SET created_at = {}", ahead.unix_timestamp());
    execute(&app.app.db, &set).unwrap();
    for disabled in [true, false] {
        let id = &rp.client_id;
        assert!(clients::set_disabled(&app.app.db, id, disabled, TEST, app.clock.now()).await.unwrap());
    }
    app.app.look_for_changes().await.unwrap();
    withdraw(&rp.client_id, app.clock.now()).await;
    let code = fresh(&rp, &browser, &[]).await;
    assert_eq!(refusal(&rp.redeem(&browser, &code, &[]).await), bad("invalid_grant"));
    app.finish().await;
}

#[actix_web::test]
async fn a_code_dies_with_its_minute_its_session_and_its_person() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    rp.code(&browser, "ada", &[]).await;

    let code = fresh(&rp, &browser, &[]).await;
    app.clock.advance(Duration::seconds(50));
    is_granted(&rp.redeem(&browser, &code, &[]).await);
    let code = fresh(&rp, &browser, &[]).await;
    app.clock.advance(Duration::seconds(60));
    assert_eq!(refusal(&rp.redeem(&browser, &code, &[]).await), bad("invalid_grant"), "after a minute");

    let code = fresh(&rp, &browser, &[]).await;
    let home = browser.get(&app.at("/")).await;
    browser.submit(&home, &[]).await;
    assert_eq!(refusal(&rp.redeem(&browser, &code, &[]).await), bad("invalid_grant"), "after signing out");

    let code = rp.code(&browser, "ada", &[]).await;
    let now = app.clock.now();
    assert!(users::change(&app.app.db, &ada.id, Change::Disabled(true), TEST, now).await.unwrap());
    app.app.state.sessions.end_user(&ada.id, now).await.unwrap();
    assert_eq!(refusal(&rp.redeem(&browser, &code, &[]).await), bad("invalid_grant"), "after being disabled");
    app.finish().await;
}

/// A body may take seconds to arrive; the code is judged by the instant at which all of it is there.
#[actix_web::test]
async fn a_code_that_expires_while_the_body_arrives_is_refused() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    rp.code(&browser, "ada", &[]).await;
    for (wait, status) in [(Duration::ZERO, "200"), (Duration::seconds(60), "400")] {
        let code = fresh(&rp, &browser, &[]).await;
        let body = format!(
            "grant_type=authorization_code&code={code}&code_verifier={VERIFIER}&redirect_uri={REDIRECT}"
        );
        let credentials = BASE64.encode(format!("{}:{}", rp.client_id, rp.secret).as_bytes());
        let head = format!(
            "POST /token HTTP/1.1\r\nHost: h\r\nAuthorization: Basic {credentials}\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", app.port())).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        // The server sends it once it waits for the body.
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        app.clock.advance(wait);
        stream.write_all(body.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert_eq!(answer.contains("invalid_grant"), status == "400", "{answer}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_token_is_for_the_resources_that_were_authorized() {
    const LEDGER: &str = "https://ledger.example/v1";
    let app = TestApp::start_with(Options {
        adjust: |config| {
            let resource = |uri: &str, scope: &str, claims: &[&str]| Resource {
                uri: uri.into(),
                scopes: vec![scope.into()],
                claims: claims.iter().map(|claim| (*claim).to_owned()).collect(),
                ..Resource::default()
            };
            let declared =
                vec![resource(API, "balances.read", &["roles"]), resource(LEDGER, "ledger.write", &[])];
            config.resources = Resources::new(declared).unwrap();
        },
        ..Options::default()
    })
    .await;
    app.user("ada").await;
    let rp =
        Rp::new(&app, json!({ "first_party": true, "scope": "openid email balances.read ledger.write" }))
            .await;
    let browser = app.browser();
    rp.code(&browser, "ada", &[]).await;
    let all = "openid email balances.read ledger.write";
    let (scope, both, neither) = (Some(all), json!([API, LEDGER]), Value::Null);
    let target = Some("invalid_target");
    #[rustfmt::skip]
    let rows: [(&str, &[&str], &[&str], Option<&str>, &Value, &str); 11] = [
        ("all that was authorized", &[API, LEDGER], &[], None, &both, "balances.read ledger.write"),
        ("one of two", &[API, LEDGER], &[API], None, &json!(API), "balances.read"),
        ("the other", &[API, LEDGER], &[LEDGER], None, &json!(LEDGER), "ledger.write"),
        ("both by name", &[API, LEDGER], &[API, LEDGER], None, &both, "balances.read ledger.write"),
        ("one twice", &[API, LEDGER], &[API, API], None, &json!(API), "balances.read"),
        ("host in other case", &[API], &["HTTPS://Api.Example"], None, &json!(API), "balances.read"),
        ("path in other case", &[LEDGER], &["https://ledger.example/V1"], target, &neither, ""),
        ("not authorized", &[API], &[LEDGER], target, &neither, ""),
        ("one of them not authorized", &[API], &[API, LEDGER], target, &neither, ""),
        ("unknown", &[API], &["https://unknown.example"], target, &neither, ""),
        ("none was authorized", &[], &[API], target, &neither, ""),
    ];
    for (what, authorized, requested, refused, audience, carried) in rows {
        let repeated = authorized.iter().fold(String::new(), |query, uri| query + "&resource=" + uri);
        let asked = if authorized.is_empty() { Some("openid") } else { scope };
        let url = rp.authorize(&[("scope", asked)]) + &repeated;
        let code = browser.get(&url).await.answered("code").unwrap_or_else(|| panic!("{what}"));
        let narrowed: Vec<(&str, Option<&str>)> =
            requested.iter().map(|uri| ("resource", Some(*uri))).collect();
        let answer = rp.redeem(&browser, &code, &narrowed).await;
        if let Some(error) = refused {
            assert_eq!(refusal(&answer), bad(error), "{what}");
            continue;
        }
        let tokens = is_granted(&answer);
        let access = claims(&tokens["access_token"]);
        assert_eq!((&access["aud"], access["scope"].as_str().unwrap()), (audience, carried), "{what}");
        assert_eq!(tokens["scope"], carried, "{what}");
        assert_eq!(header(&tokens["access_token"])["typ"], "at+jwt");
        let has_roles = audience.to_string().contains(API);
        assert_eq!(access.get("roles").is_some(), has_roles, "{what}");
        assert!(access.get("email").is_none(), "{what}");
        assert_eq!(claims(&tokens["id_token"])["aud"], rp.client_id, "{what}");
        assert_eq!(userinfo(&app, &tokens).await, 401, "{what}: a token for others is none for us");
    }
    app.finish().await;
}

/// Ed25519 has two names; a client that knows one of them refuses the other.
#[actix_web::test]
async fn an_id_token_is_signed_and_hashed_by_the_registered_algorithm_under_its_registered_name() {
    let app = TestApp::start_with(Options {
        adjust: |config| config.keys.algorithms = SigningAlg::ALL.to_vec(),
        ..Options::default()
    })
    .await;
    app.user("ada").await;
    let jwks = app.browser().get(&app.at("/.well-known/jwks.json")).await;
    let keys = KeySet::from_json(jwks.body.as_bytes()).unwrap();
    for alg in NamedAlg::all() {
        let metadata = json!({ "first_party": true, "id_token_signed_response_alg": alg.name() });
        let rp = Rp::new(&app, metadata).await;
        let tokens = rp.tokens(&app.browser(), "ada", &[]).await;
        let (id_token, access_token) =
            (tokens["id_token"].as_str().unwrap(), tokens["access_token"].as_str());
        let head = header(&tokens["id_token"]);
        assert_eq!(head["alg"], alg.name());
        let key =
            jwks.json()["keys"].as_array().unwrap().iter().find(|key| key["kid"] == head["kid"]).cloned();
        let named = key.unwrap().get("alg").cloned();
        assert_eq!(named, (alg.alg() != SigningAlg::EdDSA).then(|| json!(alg.name())), "{}", alg.name());
        // By the verifier's own hash.
        let check = Check::id_token(app.issuer.clone(), rp.client_id.clone());
        let claims = verify(id_token, &keys, &check, app.clock.now()).unwrap();
        claims.require_access_token(access_token.unwrap()).unwrap();
        let signed = claims.raw["at_hash"].as_str().unwrap().len();
        assert_eq!(signed, if alg.alg() == SigningAlg::EdDSA { 43 } else { 22 }, "{}", alg.name());
    }
    app.finish().await;
}

#[actix_web::test]
async fn scripts_of_the_clients_own_origins_may_read_the_answer() {
    let app = TestApp::start().await;
    let https = json!({ "redirect_uris": ["https://app.example/cb", REDIRECT] });
    let by_redirect = Rp::new(&app, https.clone()).await;
    let mut listed = https;
    listed["allowed_cors_origins"] = json!(["https://spa.example"]);
    let by_list = Rp::new(&app, listed).await;
    let nobody = Rp { app: &app, client_id: "nobody".into(), secret: String::new(), is_public: false };
    let (granted, refused) = ("unsupported_grant_type", "invalid_request");
    #[rustfmt::skip]
    let rows = [
        (&by_redirect, Some("https://app.example"), granted, true),
        (&by_redirect, Some("https://app.example:8443"), refused, true),
        (&by_redirect, Some("http://app.example"), refused, true),
        (&by_redirect, Some("https://evil.example"), refused, true),
        (&by_redirect, Some(app.app.config.origin.as_str()), granted, true),
        // Native shells have no site.
        (&by_redirect, Some("null"), granted, false),
        (&by_redirect, Some("capacitor://localhost"), granted, false),
        (&by_redirect, None, granted, false),
        (&by_list, Some("https://spa.example"), granted, true),
        (&by_list, Some("https://app.example"), refused, true),
        // Until a client is known, a script may read its own mistake.
        (&nobody, Some("https://anywhere.example"), "invalid_client", true),
        (&nobody, Some("null"), "invalid_client", false),
    ];
    let browser = app.browser();
    let check = |answer: &Answer, origin: Option<&str>, readable: bool| {
        let echoed = origin.filter(|_| readable).unwrap_or_default();
        assert_eq!(answer.header("access-control-allow-origin"), echoed, "{origin:?}");
        assert!(answer.headers.get_all("vary").iter().any(|vary| vary == "Origin"), "{origin:?}");
        assert!(!answer.headers.contains_key("access-control-allow-credentials"));
        let exposed = answer.header("access-control-expose-headers");
        assert_eq!(exposed.contains("WWW-Authenticate"), readable, "{origin:?}");
    };
    for (rp, origin, error, readable) in rows {
        let request = browser.request(Method::POST, &app.at("/token"));
        let mut request =
            request.basic_auth(&rp.client_id, Some(&rp.secret)).form(&[("grant_type", "nonsense")]);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let answer = browser.send(request).await;
        assert_eq!(
            refusal(&answer),
            (if rp.client_id == "nobody" { 401 } else { 400 }, error.into()),
            "{origin:?}"
        );
        check(&answer, origin, readable);
    }
    let anywhere = "https://anywhere.example";
    for (content_type, body) in [("text/plain", "x"), ("application/x-www-form-urlencoded", "a=%zz")] {
        let request = browser.request(Method::POST, &app.at("/token")).header("content-type", content_type);
        check(&browser.send(request.header("origin", anywhere).body(body)).await, Some(anywhere), true);
    }
    // Whatever headers tracing adds are allowed: no credentials are.
    let tracing = "authorization, content-type, sentry-trace, traceparent, x-requested-with";
    for (path, methods) in [("/token", "POST"), ("/userinfo", "GET, POST")] {
        let preflight = browser.request(Method::OPTIONS, &app.at(path)).header("origin", anywhere);
        let preflight = preflight.header("access-control-request-method", "POST");
        let answer = browser.send(preflight.header("access-control-request-headers", tracing)).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (204, ""), "{path}");
        check(&answer, Some(anywhere), true);
        assert_eq!(answer.header("access-control-allow-methods"), methods);
        assert_eq!(answer.header("access-control-allow-headers"), tracing);
    }
    // Pages are for nobody's scripts.
    for path in ["/authorize", "/login", "/consent", "/end_session", "/"] {
        let answer =
            browser.send(browser.request(Method::GET, &app.at(path)).header("origin", anywhere)).await;
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{path}");
    }
    app.finish().await;
}

/// A browser throws an answer away that its script may not read; the code in it would be lost.
#[actix_web::test]
async fn a_foreign_origin_is_refused_before_the_code_is_spent() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let code = rp.code(&browser, "ada", &[]).await;
    let send = async |origin: &str| {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        let request = browser.request(Method::POST, &app.at("/token")).header("origin", origin).form(&form);
        browser.send(request.basic_auth(&rp.client_id, Some(&rp.secret))).await
    };
    let refused = send("https://evil.example").await;
    assert_eq!(refusal(&refused), (400, "invalid_request".into()));
    assert_eq!(refused.header("access-control-allow-origin"), "https://evil.example", "it can be read");
    let told = app.app.state.failures.list(&rp.client_id, app.clock.now());
    let mut told = told.await.unwrap();
    for _ in 0..500 {
        if !told.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        told = app.app.state.failures.list(&rp.client_id, app.clock.now()).await.unwrap();
    }
    assert!(told[0].cause.to_string().contains("origin \"https://evil.example\""), "{}", told[0].cause);
    let granted = send("null").await;
    assert_eq!((granted.status.as_u16(), granted.header("access-control-allow-origin")), (200, ""));
    app.finish().await;
}
