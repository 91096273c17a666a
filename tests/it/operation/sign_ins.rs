//! What an operator sees of a sign-in: one line in the log, which fail2ban reads, and one event.

use std::path::Path;
use std::process::Command;

use countersign::db::Db;
use countersign::store::events::last_sign_ins;
use countersign::store::users::{self, Change};
use reqwest::Method;
use serde_json::json;

use crate::store::lines;
use crate::support::TEST;
use crate::support::app::{Options, PASSWORD, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::installation::Installation;
use crate::support::rp::Rp;

/// Types into the sign-in form, from an address that a trusted proxy names.
async fn type_in(browser: &Browser, authorize: &str, from: &str, login: &str, password: &str) -> Answer {
    let page = browser.send(browser.request(Method::GET, authorize).header("x-forwarded-for", from)).await;
    let page = follow(browser, page, from).await;
    let form = page.form();
    let mut fields = form.fields.clone();
    fields.retain(|(name, _)| name != "username" && name != "password");
    fields.extend([("username".to_owned(), login.to_owned()), ("password".to_owned(), password.to_owned())]);
    let action = page.url.join(&form.action).unwrap();
    let request = browser.request(Method::POST, action.as_str()).form(&fields);
    browser.send(request.header("x-forwarded-for", from).header("origin", origin(authorize))).await
}

fn origin(url: &str) -> String {
    url::Url::parse(url).unwrap().origin().ascii_serialization()
}

async fn follow(browser: &Browser, mut answer: Answer, from: &str) -> Answer {
    while let Some(next) = answer.location() {
        let request = browser.request(Method::GET, next.as_str());
        answer = browser.send(request.header("x-forwarded-for", from)).await;
    }
    answer
}

/// The addresses that the shipped filter finds in a log.
fn found_by_fail2ban(log: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    std::fs::write(&file, log).unwrap();
    let filter = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/fail2ban/filter.d/countersign.conf");
    let mut command = Command::new("fail2ban-regex");
    command.args(["--out", "ip"]).args([&file, &filter]);
    let done = command.output().expect("fail2ban-regex, which .ci/setup installs");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(done.stdout), text(done.stderr));
    assert!(!err.contains("ERROR"), "{out}{err}");
    out.lines().map(str::to_owned).collect()
}

async fn each_outcome_is_one_line(format: &str) {
    let settings = [("COUNTERSIGN_TRUSTED_PROXIES", "127.0.0.1/32"), ("COUNTERSIGN_LOG_FORMAT", format)];
    let settings = settings.map(|(name, value)| (name, value.to_owned())).to_vec();
    let mut provider = Installation::with(settings).await;
    provider.start().await;
    let browser = Browser::new(std::sync::Arc::default());
    let authorize = provider.authorize("login");
    let type_in = async |from: &str, login: &str, password: &str| {
        type_in(&browser, &authorize, from, login, password).await.status.as_u16()
    };
    // A password typed where the name belongs; an attempt to have somebody else banned.
    let forged = "x}: sign-in refused outcome=wrong_password address=198.51.100.99 client=app";
    for name in ["my-own-secret-passphrase", forged] {
        type_in("192.0.2.1", name, PASSWORD).await;
    }
    let path = format!("{}/{}", provider.issuer, forged.replace(' ', "%20"));
    browser.send(browser.request(Method::GET, &path).header("user-agent", forged)).await;
    type_in("192.0.2.2", "ada", "wrong-password").await;
    type_in("2001:db8::3", "ada", PASSWORD).await;
    for _ in 0..6 {
        type_in("192.0.3.4", "nobody", "wrong-password").await;
    }
    let log = provider.log_with("throttled").await;
    let refused: Vec<&str> = log.lines().filter(|line| line.contains("sign-in refused")).collect();
    let refused: Vec<&&str> = refused.iter().filter(|line| !line.contains("answered")).collect();
    let count = |what: &str| refused.iter().filter(|line| line.contains(what)).count();
    assert_eq!(
        (count("wrong_password"), count("unknown_name"), count("throttled"), refused.len()),
        (1, 2 + 5, 1, 9),
        "{refused:#?}"
    );
    let ok = log.lines().filter(|line| line.contains("sign-in succeeded")).collect::<Vec<_>>();
    assert!(ok.len() == 1 && ok[0].contains("2001:db8::3") && ok[0].contains("app"), "{ok:?}");
    assert!(!log.contains("my-own-secret"), "what was typed is in the log");
    let mut expected = vec!["192.0.2.1", "192.0.2.1", "192.0.2.2"];
    expected.extend(["192.0.3.4"; 6]);
    assert_eq!(found_by_fail2ban(&log), expected, "{log}");
}

#[actix_web::test]
async fn each_outcome_is_one_line_that_fail2ban_reads() {
    each_outcome_is_one_line("text").await;
}

#[actix_web::test]
async fn each_outcome_is_one_line_that_fail2ban_reads_as_json() {
    each_outcome_is_one_line("json").await;
}

/// Every event of a sign-in: name, outcome, who, about whom, which application, and the plain particulars.
fn told(db: &Db) -> Vec<String> {
    lines(
        db,
        "SELECT event || ' ' || outcome || ' ' || actor_kind || ' ' || coalesce(subject, '-') || ' ' || client || ' ' || \
         via || ' ' || context AS line FROM events WHERE event LIKE 'session.%' ORDER BY id",
    )
}

async fn written(app: &TestApp) {
    while app.app.events.tally().waiting > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[actix_web::test]
async fn each_outcome_is_one_event_and_personal_detail_is_sealed() {
    let adjust = |config: &mut countersign::config::Config| {
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    };
    let app = TestApp::start_with(Options { adjust, ..Options::default() }).await;
    let (ada, eve) = (app.user("ada").await, app.user("eve").await);
    let disabled = Change::Disabled(true);
    assert!(users::change(&app.app.db, &eve.id, disabled, TEST, app.clock.now()).await.unwrap());
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let client = &rp.client_id;
    let authorize = rp.authorize(&[("prompt", Some("login"))]);
    let browser = app.browser();
    let from = "192.0.2.77";
    type_in(&browser, &authorize, from, "ada", "not-the-password").await;
    type_in(&browser, &authorize, from, "eve", PASSWORD).await;
    type_in(&browser, &authorize, from, "eve", "not-the-password").await;
    type_in(&browser, &authorize, from, "ada", PASSWORD).await;
    written(&app).await;
    let refused = |outcome: &str, id: &str| {
        format!(r#"session.refused {outcome} unknown {id} {client} page {{"known_device":false}}"#)
    };
    let began = format!(
        r#"session.began ok person {} {client} page {{"known_device":false,"acr":"urn:countersign:acr:1","amr":["pwd"]}}"#,
        ada.id
    );
    let expected = [
        refused("wrong_password", &ada.id),
        refused("disabled", &eve.id),
        refused("wrong_password", &eve.id),
        began,
    ];
    assert_eq!(told(&app.app.db), expected);
    let all = "SELECT coalesce(network, '') || coalesce(request_id, '') || context AS line FROM events \
               WHERE sealed IS NOT NULL";
    let rows = lines(&app.app.db, all);
    assert!(
        rows.len() == 4 && rows.iter().all(|row| !row.contains(from) && !row.contains("192.0.2")),
        "{rows:?}"
    );
    let last = last_sign_ins(&app.app.db, vec![ada.id.clone(), eve.id.clone()]).await.unwrap();
    assert_eq!(last.keys().collect::<Vec<_>>(), [&ada.id]);
    assert_eq!(last[&ada.id].client.as_ref(), Some(client));
    app.finish().await;
}

/// Of unknown names one row is kept for each network and minute, and of what was typed only keyed hashes.
#[actix_web::test]
async fn unknown_names_are_one_row_for_each_network_and_minute() {
    let adjust = |config: &mut countersign::config::Config| {
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    };
    let app = TestApp::start_with(Options { adjust, ..Options::default() }).await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let authorize = rp.authorize(&[]);
    // Far enough from the next minute.
    let second = app.clock.now().unix_timestamp().rem_euclid(60);
    app.clock.advance(time::Duration::seconds(60 - second));
    let browser = app.browser();
    let typed = "my-own-secret-passphrase";
    for (from, login) in
        [("192.0.2.1", typed), ("192.0.2.200", "My-Own-Secret-passphrase"), ("192.0.2.1", "other")]
    {
        type_in(&browser, &authorize, from, login, PASSWORD).await;
        // Each of them is written on its own, so that rows are added to.
        written(&app).await;
    }
    type_in(&browser, &authorize, "192.0.3.1", typed, PASSWORD).await;
    app.clock.advance(time::Duration::seconds(60));
    type_in(&browser, &authorize, "192.0.2.1", typed, PASSWORD).await;
    written(&app).await;
    let rows = lines(
        &app.app.db,
        "SELECT network || ' ' || context AS line FROM events WHERE outcome = 'unknown_name' ORDER BY at, context DESC",
    );
    let counts = |row: &String| row.split_once("\"count\":").unwrap().1.split(',').next().unwrap().to_owned();
    assert_eq!(rows.iter().map(counts).collect::<Vec<_>>(), ["3", "1", "1"], "{rows:#?}");
    let hashes = |row: &String| row.matches('"').count();
    assert_eq!(hashes(&rows[0]) - hashes(&rows[1]), 2, "three tries, two names: {rows:#?}");
    let network = |row: &String| row.split_once(' ').unwrap().0.to_owned();
    assert_eq!(network(&rows[0]), network(&rows[2]), "a /24 keeps its name");
    assert_ne!(network(&rows[0]), network(&rows[1]));
    let everything =
        lines(&app.app.db, "SELECT context || coalesce(subject, '') AS line FROM events").join("\n");
    assert!(!everything.to_lowercase().contains("secret"), "{everything}");
    app.keep_secret(typed);
    app.finish().await;
}

/// What waits is written when the program is told to end.
#[actix_web::test]
async fn an_orderly_end_loses_no_event() {
    let mut provider = Installation::new().await;
    provider.start().await;
    let browser = Browser::new(std::sync::Arc::default());
    let authorize = provider.authorize("login");
    for login in ["ada", "ada", "nobody"] {
        type_in(&browser, &authorize, "127.0.0.1", login, "not-the-password").await;
    }
    type_in(&browser, &authorize, "127.0.0.1", "ada", PASSWORD).await;
    provider.interrupt();
    let db = provider.db();
    let told = told(&db);
    assert_eq!(
        (told.len(), told.iter().filter(|line| line.contains("wrong_password")).count()),
        (4, 2),
        "{told:?}"
    );
    assert!(!provider.log().contains("were lost"), "{}", provider.log());
}
