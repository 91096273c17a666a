//! `countersign client debug`: what went wrong for an application, in the words that mend it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use countersign::protocol::client::SigningAlg;
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration as Span;

use crate::support::app::{Options, REDIRECT, State, TestApp};
use crate::support::browser::Browser;
use crate::support::rp::{CHALLENGE, Rp};
use crate::support::{log, redis};

/// The program, on the stores of a running provider.
pub fn command(app: &TestApp, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(words).current_dir(app.folder.path()).env_clear().env("COUNTERSIGN_ISSUER", &app.issuer);
    command.env("COUNTERSIGN_STATE_URL", if is_redis(app) { redis::url() } else { "sql".into() });
    command
}

fn is_redis(app: &TestApp) -> bool {
    app.app.config.state != countersign::config::StateUrl::Sql
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What is known of a client's failures once there are as many: they are written down a moment later.
pub(super) async fn failures(app: &TestApp, client_id: &str, count: usize) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let words = ["client", "debug", client_id, "--json"];
        let said: Value = serde_json::from_str(&printed(&command(app, &words).output().unwrap())).unwrap();
        let failures = said["failures"].as_array().unwrap().clone();
        if failures.len() >= count {
            assert_eq!(failures.len(), count, "{failures:#?}");
            return failures;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{count} are not there: {failures:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(super) fn particular<'a>(failure: &'a Value, name: &str) -> &'a str {
    let all = failure["particulars"].as_array().unwrap();
    let found = all.iter().find(|fact| fact["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}: {failure:#}"))["value"].as_str().unwrap()
}

/// Goes through the mistakes that developers make, and reads what each is told.
async fn every_mistake_is_explained(state: State) {
    let app = TestApp::start_with(Options { state, ..Options::default() }).await;
    app.user("ada").await;
    let by_header = json!({ "first_party": true, "token_endpoint_auth_method": "client_secret_basic" });
    let rp = Rp::new(&app, by_header).await;
    let browser = app.browser();
    rp.code(&browser, "ada", &[]).await;
    let token = app.at("/token");
    let fresh = async || browser.get(&rp.authorize(&[])).await.answered("code").unwrap();

    let slash = format!("{REDIRECT}/");
    for _ in 0..3 {
        assert_eq!(browser.get(&rp.authorize(&[("redirect_uri", Some(&slash))])).await.status, 400);
    }
    browser.get(&rp.authorize(&[("scope", Some("adress"))])).await;
    let stranger = app.browser();
    stranger.get(&rp.authorize(&[("prompt", Some("none"))])).await;
    rp.redeem(&browser, &fresh().await, &[("code_verifier", Some(CHALLENGE))]).await;
    rp.redeem(&browser, &fresh().await, &[("redirect_uri", Some("http://localhost:9/callback"))]).await;
    let code = fresh().await;
    for _ in 0..2 {
        rp.redeem(&browser, &code, &[]).await;
    }
    let late = fresh().await;
    app.clock.advance(Span::seconds(67));
    rp.redeem(&browser, &late, &[]).await;
    rp.redeem(&browser, "cut-off", &[]).await;
    rp.redeem(&browser, &fresh().await, &[("grant_type", Some("password"))]).await;
    for spoilt in [format!("{}\n", rp.secret), format!("\"{}\"", rp.secret), "quite-wrong".into()] {
        let request = browser.request(Method::POST, &token).basic_auth(&rp.client_id, Some(spoilt));
        browser.send(request.form(&[("grant_type", "authorization_code")])).await;
    }
    let post = [("client_id", rp.client_id.as_str()), ("client_secret", rp.secret.as_str())];
    browser.send(browser.request(Method::POST, &token).form(&post)).await;
    // Nobody's client leaves nothing behind.
    browser
        .send(browser.request(Method::POST, &token).basic_auth("nobody", Some("x")).form(&[("a", "b")]))
        .await;

    let found = failures(&app, &rp.client_id, 12).await;
    let newest_first = found.iter().map(|failure| failure["cause"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(
        newest_first,
        [
            "this client authenticates by another method than the registered one",
            "the client_secret is wrong",
            "the client_secret is wrong",
            "the client_secret is wrong",
            "this grant_type is not supported",
            "the code does not look like one of ours: it was cut off, or encoded twice",
            "the code has expired",
            "the code was redeemed before; what was issued then is revoked",
            "redirect_uri is not the one the code was issued for",
            "code_verifier does not match the code_challenge of the request",
            "none of the requested scopes can be granted to this client",
            "redirect_uri is not registered",
        ]
    );
    assert_eq!(particular(&found[0], "sent"), "client_secret_post");
    assert_eq!(particular(&found[0], "the secret itself is"), "right");
    assert!(particular(&found[2], "differs").contains("quotation marks"), "{:#}", found[2]);
    assert!(particular(&found[3], "differs").contains("white space"), "{:#}", found[3]);
    assert_eq!(particular(&found[4], "sent"), "password");
    let too_late: u64 = particular(&found[6], "too late by").trim_end_matches(" s").parse().unwrap();
    assert!((7..40).contains(&too_late), "{too_late}");
    assert_eq!(particular(&found[8], "differs"), "localhost");
    assert!(particular(&found[9], "differs").contains("code_challenge itself"), "{:#}", found[9]);
    assert_eq!(particular(&found[10], "sent"), "adress");
    let mismatch = &found[11];
    assert_eq!(
        (&mismatch["endpoint"], &mismatch["error"]),
        (&json!("/authorize"), &json!("invalid_request"))
    );
    assert_eq!((particular(mismatch, "sent"), particular(mismatch, "nearest")), (slash.as_str(), REDIRECT));
    assert_eq!((particular(mismatch, "differs"), &mismatch["count"]), ("trailing-slash", &json!(3)));
    assert!(mismatch["request_id"].as_str().is_some_and(|id| id.len() > 10));

    // For people: aligned, with an arrow where the two addresses part; and never a secret.
    let text = printed(&command(&app, &["client", "debug", &rp.client_id]).output().unwrap());
    let arrow = text.lines().find(|line| line.contains("^ One ends with a slash")).expect("an arrow");
    let sent =
        text.lines().find(|line| line.trim_start().starts_with("sent") && line.ends_with(&slash)).unwrap();
    assert_eq!(arrow.find('^').unwrap(), sent.len() - 1, "{text}");
    assert!(text.contains("3 times"), "{text}");
    for secret in [rp.secret.as_str(), &code, &late] {
        assert!(!text.contains(secret) && !format!("{found:?}").contains(secret), "a secret is shown");
    }
    app.finish().await;
}

#[actix_web::test]
async fn every_mistake_is_explained_with_sql_state() {
    every_mistake_is_explained(State::Sql).await;
}

#[actix_web::test]
async fn every_mistake_is_explained_with_redis_state() {
    every_mistake_is_explained(State::Redis).await;
}

/// What is granted in part is told once, with what was asked for, and what not and why; nothing else is.
#[actix_web::test]
async fn a_request_that_is_narrowed_says_so_once() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true, "scope": "openid profile phone" })).await;
    let browser = app.browser();
    rp.code(&browser, "ada", &[]).await;
    let claims = r#"{"id_token":{"auth_time":null,"email":null,"name":null},"userinfo":{"shoe_size":null,"sub":null},"idtoken":{}}"#;
    let requests: [&[(&str, Option<&str>)]; 6] = [
        &[],
        &[("scope", Some("openid profile email offline_access adress"))],
        &[("scope", Some("profile"))],
        &[("prompt", Some("nonsense"))],
        &[("claims", Some(claims))],
        &[
            ("claims", Some(r#"{"id_token":{"acr":null,"sub":null,"name#de":null}}"#)),
            ("scope", Some("openid phone")),
        ],
    ];
    let mut ids = vec![];
    for _ in 0..5 {
        for request in requests {
            let answer = browser.get(&rp.authorize(request)).await;
            assert!(answer.answered("code").is_some(), "{request:?}");
            ids.push(answer.header("x-request-id").to_owned());
        }
    }
    let found = failures(&app, &rp.client_id, 4).await;
    let said = |failure: &Value| {
        let facts = failure["particulars"].as_array().unwrap().iter();
        let facts = facts.map(|fact| format!("{}: {}", fact["name"], fact["value"]).replace('"', ""));
        (failure["cause"].as_str().unwrap().to_owned(), facts.collect::<Vec<_>>())
    };
    let expected: [(&str, &[&str]); 4] = [
        (
            "a part of the claims parameter is not granted",
            &[
                "asked for: auth_time email name shoe_size sub idtoken",
                "granted: auth_time name sub",
                "because: members beside id_token and userinfo: idtoken",
                "because: not known here: shoe_size",
                "because: of a scope that is not allowed to this client: email",
            ],
        ),
        (
            "a part of the prompt is ignored",
            &["asked for: nonsense", "granted: ", "because: not known here: nonsense"],
        ),
        (
            "no ID Token is issued",
            &[
                "asked for: profile",
                "granted: profile (an access token only)",
                "because: openid is missing from the scope",
            ],
        ),
        (
            "a part of the scope is not granted",
            &[
                "asked for: openid profile email offline_access adress",
                "granted: openid profile",
                "because: not known here: adress",
                "because: offline_access: this client has no refresh_token grant",
                "because: not allowed to this client: email",
            ],
        ),
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (failure, (cause, facts)) in found.iter().zip(expected) {
        assert_eq!(said(failure), (cause.to_owned(), facts.iter().map(|fact| (*fact).to_owned()).collect()));
        assert_eq!((&failure["error"], &failure["count"]), (&json!("narrowed"), &json!(1)), "{failure:#}");
    }
    let lines = log::of_requests(&ids);
    let warned: Vec<_> = lines.iter().filter(|line| line.contains(" WARN ")).collect();
    assert_eq!(warned.len(), 4, "{warned:#?}");
    assert!(warned.iter().all(|line| line.contains("asked for")), "{warned:#?}");
    let text = printed(&command(&app, &["client", "debug", &rp.client_id]).output().unwrap());
    assert!(text.contains("granted less than they asked for in 4 ways"), "{text}");
    // The same thing is told again on another day, and by then counted.
    app.clock.advance(Span::hours(25));
    rp.code(&browser, "ada", &[("prompt", Some("nonsense"))]).await;
    let begun = Instant::now();
    while failures(&app, &rp.client_id, 4).await[0]["count"] != json!(2) {
        assert!(begun.elapsed() < Duration::from_secs(20), "it is not told again");
    }
    app.finish().await;
}

/// What a silent check ends with is an answer and no failure; a contradiction of the client's own is one.
#[actix_web::test]
async fn an_ordinary_outcome_is_no_failure() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({})).await;
    let browser = app.browser();
    let silent = [("prompt", Some("none"))];
    let mut ids = vec![];
    let nobody = browser.get(&rp.authorize(&silent)).await;
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let more = browser.get(&rp.authorize(&[silent[0], ("scope", Some("openid email"))])).await;
    for (answer, error) in [(nobody, "login_required"), (more, "consent_required")] {
        assert_eq!(answer.answered("error").as_deref(), Some(error));
        ids.push(answer.header("x-request-id").to_owned());
    }
    for scanned in
        ["/.env", "/authorize", "/authorize?client_id=invented", "/continue?t=x", "/authorize?state=%zz"]
    {
        ids.push(browser.get(&app.at(scanned)).await.header("x-request-id").to_owned());
    }
    let lines = log::of_requests(&ids);
    assert!(lines.iter().any(|line| line.contains("refused")), "{lines:#?}");
    let loud: Vec<_> =
        lines.iter().filter(|line| line.contains(" WARN ") || line.contains(" ERROR ")).collect();
    assert!(loud.is_empty(), "{loud:#?}");

    let hint = tokens["id_token"].as_str();
    let claims = r#"{"id_token":{"sub":{"value":"somebody-else"}}}"#;
    let contradiction =
        browser.get(&rp.authorize(&[silent[0], ("id_token_hint", hint), ("claims", Some(claims))])).await;
    assert_eq!(contradiction.answered("error").as_deref(), Some("login_required"));
    let missing = [("code_challenge", None), ("code_challenge_method", None)];
    let without = browser.get(&rp.authorize(&missing)).await;
    // The description goes over the wire and the cause into the log; neither is there twice.
    let lines = log::of_requests(&[without.header("x-request-id").to_owned()]);
    let refused = lines.iter().find(|line| line.contains("refused")).unwrap();
    assert_eq!(refused.matches("code_challenge is missing").count(), 1, "{refused}");
    assert!(refused.contains(" WARN "), "{refused}");
    let found = failures(&app, &rp.client_id, 2).await;
    let causes: Vec<_> = found.iter().map(|failure| failure["cause"].as_str().unwrap()).collect();
    assert_eq!(
        causes,
        [
            "code_challenge is missing: this client must use PKCE",
            "id_token_hint and claims name different persons",
        ]
    );
    assert!(found[0]["remedy"].as_str().unwrap().contains("--no-require-pkce"), "{:#}", found[0]);
    app.finish().await;
}

/// What the application got wrong about a sign-out is told to its developer, though the person is signed out.
#[actix_web::test]
async fn a_sign_out_that_cannot_lead_back_is_explained() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let there = format!("{REDIRECT}/bye");
    let rp = Rp::new(&app, json!({ "first_party": true, "post_logout_redirect_uris": [there] })).await;
    let browser = app.browser();
    let tokens = rp.tokens(&browser, "ada", &[]).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let sent = format!("{there}/");
    let ask = async |params: &[(&str, &str)]| {
        let url = url::Url::parse_with_params(&app.at("/end_session"), params).unwrap();
        browser.open(url.as_str()).await
    };
    ask(&[("id_token_hint", hint), ("post_logout_redirect_uri", &sent)]).await;
    ask(&[("id_token_hint", "e30.e30.e30"), ("client_id", &rp.client_id)]).await;
    let found = failures(&app, &rp.client_id, 2).await;
    assert!(
        found[0]["cause"].as_str().unwrap().starts_with("id_token_hint cannot be accepted"),
        "{found:#?}"
    );
    assert_eq!(found[1]["cause"], "post_logout_redirect_uri is not registered");
    let told = ["sent", "nearest", "differs"].map(|name| particular(&found[1], name));
    assert_eq!(told, [&sent, &there, "trailing-slash"]);
    assert!(found.iter().all(|failure| failure["endpoint"] == "/end_session"), "{found:#?}");
    app.finish().await;
}

#[actix_web::test]
async fn a_flood_of_failures_is_no_flood_of_writes_and_pushes_nothing_else_out() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let hostile = "http://127.0.0.1:9/\u{1b}[2J\nfaked line";
    browser.get(&rp.authorize(&[("redirect_uri", Some(hostile))])).await;
    rp.redeem(&browser, "cut-off", &[]).await;
    failures(&app, &rp.client_id, 2).await;
    let text = printed(&command(&app, &["client", "debug", &rp.client_id]).output().unwrap());
    assert!(!text.contains('\u{1b}') && !text.contains("\nfaked"), "{text:?}");
    assert!(text.contains("\\u001b[2J\\u000afaked line"), "{text}");

    for number in 0..200 {
        let other = format!("{REDIRECT}/{number}");
        browser.get(&rp.authorize(&[("redirect_uri", Some(&other))])).await;
        browser.get(&app.at(&format!("/authorize?client_id=invented-{number}"))).await;
    }
    let begun = Instant::now();
    while particular(&failures(&app, &rp.client_id, 11).await[0], "sent") != format!("{REDIRECT}/199") {
        assert!(begun.elapsed() < Duration::from_secs(20), "the last one is not there");
    }
    let kept = failures(&app, &rp.client_id, 11).await;
    assert_eq!(kept[10]["endpoint"], "/token", "what is of another kind is still there");
    app.clock.advance(Span::days(8));
    assert!(app.app.state.failures.list(&rp.client_id, app.clock.now()).await.unwrap().is_empty());
    app.finish().await;
}

/// The name of an application is public.
#[actix_web::test]
async fn a_stranger_does_not_push_out_what_the_developer_looks_for() {
    let app = TestApp::start().await;
    let rp = Rp::new(&app, json!({})).await;
    let fail = async |browser: &Browser, path: &str| {
        browser.get(&rp.authorize(&[("redirect_uri", Some(&format!("{REDIRECT}{path}")))])).await;
    };
    let developer = app.browser();
    for number in 0..3 {
        fail(&developer, &format!("/mine/{number}")).await;
    }
    let stranger = Browser::at([127, 0, 1, 1].into());
    for number in 0..30 {
        fail(&stranger, &format!("/{number}")).await;
    }
    fail(&developer, "/mine/3").await;
    let found = failures(&app, &rp.client_id, 14).await;
    let mine = found.iter().filter(|failure| particular(failure, "sent").contains("/mine/")).count();
    assert_eq!(mine, 4, "{found:#?}");
    assert!(found.iter().all(|failure| failure.get("network").is_none()), "{found:#?}");
    app.finish().await;
}

#[actix_web::test]
async fn following_shows_a_failure_as_it_happens() {
    let app = TestApp::start().await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let mut child = command(&app, &["client", "debug", &rp.client_id, "--follow"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reader = std::thread::spawn(move || {
        let mut lines = lines.map(Result::unwrap);
        lines.find(|line| line.contains("redirect_uri is not registered"))
    });
    let browser = app.browser();
    browser.get(&rp.authorize(&[("redirect_uri", Some("https://elsewhere.example/"))])).await;
    let begun = Instant::now();
    while !reader.is_finished() {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing is shown");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(reader.join().unwrap().is_some());
    app.finish().await;
}

#[actix_web::test]
async fn who_has_no_trouble_is_told_so() {
    let app = TestApp::start().await;
    let rp = Rp::new(&app, json!({ "client_name": "Album" })).await;
    let text = printed(&command(&app, &["client", "debug", &rp.client_id]).output().unwrap());
    assert!(text.starts_with("Nothing went wrong for Album"), "{text}");
    let unknown = command(&app, &["client", "debug", "Albun"]).output().unwrap();
    assert!(!unknown.status.success());
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("there is no client"), "{unknown:?}");
    app.finish().await;
}

/// Its algorithm was taken away: nobody is asked for a password in vain, and the cause says so.
#[actix_web::test]
async fn an_application_nobody_can_sign_for_learns_why() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true, "id_token_signed_response_alg": "PS256" })).await;
    let refused = app.browser().get(&rp.authorize(&[])).await;
    assert_eq!(refused.answered("error").as_deref(), Some("unauthorized_client"));
    let why = "no key signs with the algorithm this client is registered for";
    for failure in failures(&app, &rp.client_id, 1).await {
        assert_eq!((&failure["cause"], &failure["error"]), (&json!(why), &json!("unauthorized_client")));
        assert_eq!(particular(&failure, "id_token_signed_response_alg"), "PS256");
        assert!(failure["remedy"].as_str().unwrap().contains("under [keys]"), "{failure:#}");
    }
    app.finish().await;
}

/// Where the algorithm is configured and its key is gone, the fault is ours, and passes.
#[actix_web::test]
async fn a_key_that_is_missing_for_a_moment_is_no_fault_of_the_application() {
    let app = TestApp::start_with(Options {
        adjust: |config| config.keys.algorithms = SigningAlg::ALL.to_vec(),
        ..Options::default()
    })
    .await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true, "id_token_signed_response_alg": "PS256" })).await;
    let browser = app.browser();
    rp.tokens(&browser, "ada", &[]).await;
    let code = browser.get(&rp.authorize(&[])).await.answered("code").unwrap();
    crate::store::execute(&app.app.db, "DELETE FROM signing_keys WHERE alg = 'PS256'").unwrap();
    app.app.keys.refresh(&app.app.db).unwrap();
    let refused = rp.redeem(&browser, &code, &[]).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "5"));
    for who in [&browser, &app.browser()] {
        let refused = who.get(&rp.authorize(&[])).await;
        assert_eq!(refused.answered("error").as_deref(), Some("temporarily_unavailable"));
    }
    app.stop().await;
}
