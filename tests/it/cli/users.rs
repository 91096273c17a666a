//! `countersign user`.

use std::os::unix::fs::PermissionsExt;

use countersign::app::open_drawers;
use countersign::clock::Clock;
use countersign::keys::fingerprint::instance_keys_for;
use countersign::password::{Password, PasswordVerifier};
use countersign::state::sessions::Authentication;
use countersign::store::users;
use serde_json::{Value, json};

use super::Shell;
use crate::store::execute;

const PASSWORD: &str = "correct horse battery";

async fn opens(shell: &Shell, login: &str, password: &str) -> bool {
    let found = users::by_login(&shell.db(), login).await.unwrap().unwrap();
    PasswordVerifier::default()
        .verify(Password::presented(password), found.password_hash, true)
        .await
        .unwrap()
}

#[actix_web::test]
async fn a_person_is_added_with_claims_and_password() {
    let shell = Shell::new();
    let claims =
        shell.file("claims.json", json!({ "groups": ["staff"], "email": "old@example.com" }).to_string());
    let words = [
        "user", "add", "  Ada ", "--email", "ada@example.com", "--name", "Ada Lovelace", "--claims", &claims,
        "--password-stdin", "--json",
    ];
    let ada = shell.feed(&words, format!("{PASSWORD}\r\nand more")).good().object();
    assert_eq!(ada["login"], "Ada");
    uuid::Uuid::parse_str(ada["sub"].as_str().unwrap()).unwrap();
    let expected = json!({
        "groups": ["staff"], "email": "ada@example.com", "name": "Ada Lovelace", "email_verified": false,
    });
    assert_eq!(ada["claims"], expected);
    assert!(!ada.contains_key("password"));
    assert!(opens(&shell, "ADA", PASSWORD).await && !opens(&shell, "ada", "wrong").await);
    for same in ["ada", "ADA", "Ａda"] {
        shell.feed(&["user", "add", same, "--password-stdin"], PASSWORD).bad("is taken");
    }
    shell.feed(&["user", "add", "аdа", "--password-stdin"], PASSWORD).bad("must not mix scripts");
    shell.feed(&["user", "add", "bаb", "--password-stdin"], PASSWORD).bad("must not mix scripts");
    shell.feed(&["user", "add", "ada", "--password-stdin"], PASSWORD).bad("is taken");
    let shown = shell.run(&["user", "show", "ada", "--json"]).good().object();
    assert_eq!((&shown["sub"], &shown["has_password"]), (&ada["sub"], &json!(true)));
    let verified =
        ["user", "add", "bob", "--email", "b@example.com", "--email-verified", "--password-stdin", "--json"];
    assert_eq!(shell.feed(&verified, PASSWORD).good().json()["claims"]["email_verified"], json!(true));
    let list = shell.run(&["user", "list", "--json"]).good().json();
    assert_eq!(
        list.as_array().unwrap().iter().map(|user| &user["login"]).collect::<Vec<_>>(),
        ["Ada", "bob"]
    );
}

#[test]
fn what_no_person_can_have_is_refused() {
    let shell = Shell::new();
    let long = "a".repeat(129);
    let cases: [(&[&str], &[u8], &str); 15] = [
        (&["x"], b"short", "at least 12"),
        (&["x"], b"", "no password"),
        (&["x"], b"\n", "no password"),
        (&["x"], &[b'x'; 5000], "at most 128"),
        (&["x"], b"aaaaaaaaaaaaaa", "attackers try"),
        (&["x"], b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\n", "cannot be read"),
        (&["x"], b"with a \x1b[31m in it", "control characters"),
        (&["  "], PASSWORD.as_bytes(), "1 to 128"),
        (&[&long], PASSWORD.as_bytes(), "1 to 128"),
        (&["a\u{202E}b"], PASSWORD.as_bytes(), "U+202E"),
        (&["ali\u{AD}ce"], PASSWORD.as_bytes(), "invisible character U+00AD"),
        (&["ada lovelace"], PASSWORD.as_bytes(), "must not contain U+0020 (a space)"),
        (&["x", "--name", "A\u{7}"], PASSWORD.as_bytes(), "invisible character U+0007"),
        (&["x", "--email", "nope"], PASSWORD.as_bytes(), "no e-mail address"),
        (&["x", "--email-verified"], PASSWORD.as_bytes(), "needs --email"),
    ];
    for (words, password, saying) in cases {
        let words = [&["user", "add", "--password-stdin"], words].concat();
        shell.feed(&words, password).bad(saying);
    }
    for (claims, saying) in [
        (json!({ "sub": "me" }), "sub is not a person's to set"),
        (json!({ "given_name": 5 }), "given_name"),
        (json!({ "email": 5 }), "email"),
        (json!({ "preferred_username": "y" }), "preferred_username must be the login name"),
        (json!([]), "JSON object"),
    ] {
        let file = shell.file("claims.json", claims.to_string());
        shell.feed(&["user", "add", "x", "--claims", &file, "--password-stdin"], PASSWORD).bad(saying);
    }
    shell.run(&["user", "add", "x"]).bad("--password-stdin");
    assert!(!shell.path("data").exists());
}

/// Joiners and the like are left out of names, and it is said; a login name with them is refused.
#[test]
fn what_is_invisible_is_left_out_of_names() {
    let shell = Shell::new();
    let claims =
        json!({ "nickname": "\u{645}\u{6CC}\u{200C}\u{631}\u{648}\u{645}", "given_name": "A\u{2800}" });
    let claims = shell.file("claims.json", claims.to_string());
    let words = [
        "user", "add", "ada", "--name", "A\u{200D}d\u{AD}a", "--claims", &claims, "--password-stdin",
        "--json",
    ];
    let added = shell.feed(&words, PASSWORD);
    assert_eq!(added.code, 0, "{}", added.err);
    for said in ["left out of name what is invisible: U+00AD, U+200D", "given_name", "nickname"] {
        assert!(added.err.contains(said), "{}", added.err);
    }
    let claims = added.object()["claims"].clone();
    let nickname = "\u{645}\u{6CC}\u{631}\u{648}\u{645}";
    assert_eq!(claims, json!({ "name": "Ada", "given_name": "A", "nickname": nickname }));
    let changed = shell.run(&["user", "update", "ada", "--name", "\u{3164}Eve", "--json"]);
    assert_eq!(changed.code, 0, "{}", changed.err);
    assert!(changed.err.contains("left out of name what is invisible: U+3164"), "{}", changed.err);
    assert_eq!(changed.object()["claims"]["name"], "Eve");
}

/// A word for a person whose old name folds to that of another person means neither the one nor the other by chance.
#[test]
fn a_person_is_found_by_the_exact_name_first() {
    let shell = Shell::new();
    shell.user("alice");
    let row = "INSERT INTO users (id, login, login_shown, claims, disabled, created_at, updated_at) VALUES \
        ('x', 'al\u{AD}ice', 'al\u{AD}ice', '{}', FALSE, 1, 1)";
    execute(&shell.db(), row).unwrap();
    let done = shell.run(&["user", "disable", "al\u{AD}ice", "--json"]).good().json();
    assert_eq!(done["sub"], "x");
    assert_eq!(shell.run(&["user", "show", "alice", "--json"]).good().json()["disabled"], json!(false));
    shell.run(&["user", "update", "al\u{AD}ice", "--name", "Al"]).good();
    let found = shell.run(&["doctor", "--offline", "--json"]).out;
    assert!(found.contains("(x)"), "the word that mends it needs the identifier: {found}");
    shell.run(&["user", "update", "x", "--login", "alicia"]).good();
}

#[test]
fn what_is_stored_cannot_act_on_a_terminal() {
    let shell = Shell::new();
    let claims = shell.file("claims.json", json!({ "motto": "\u{1b}[31m\u{9b}5m\u{202e}\nx" }).to_string());
    let words = ["user", "add", "eve", "--claims", &claims, "--password-stdin"];
    shell.feed(&words, PASSWORD).good();
    for words in [&["user", "show", "eve"][..], &["user", "show", "eve", "--json"]] {
        let out = shell.run(words).good().out;
        assert!(!out.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{out:?}");
    }
    let shown = shell.run(&["user", "show", "eve", "--json"]).good().json();
    assert_eq!(shown["claims"]["motto"], "\u{1b}[31m\u{9b}5m\u{202e}\nx");
}

#[actix_web::test]
async fn disabling_and_a_new_password_end_sessions() {
    let shell = Shell::new();
    let sub = shell.user("ada")["sub"].as_str().unwrap().to_owned();
    // As the first node does.
    instance_keys_for(&shell.db(), &shell.config().instance_key).unwrap();
    let state = open_drawers(&shell.config(), &shell.db()).unwrap();
    let (sessions, now) = (state.sessions, Clock::default().now());
    let login =
        Authentication { user_id: sub, browser: [7; 16], acr: String::new(), amr: vec![], remember: false };
    let mut cookies = vec![];
    for _ in 0..2 {
        cookies.push(sessions.begin(None, &login, now).await.unwrap().cookie);
    }
    let done = shell.run(&["user", "disable", "ADA", "--json"]).good().json();
    assert_eq!((&done["disabled"], &done["sessions_ended"]), (&json!(true), &json!(2)));
    for cookie in &cookies {
        assert!(
            sessions
                .open(cookie, &[7; 16], now)
                .await
                .unwrap()
                .is_none_or(|session| session.accounts.is_empty())
        );
    }
    assert!(shell.run(&["user", "disable", "ada"]).good().out.contains("already"));
    assert_eq!(shell.run(&["user", "show", "ada", "--json"]).good().json()["disabled"], json!(true));
    assert!(shell.run(&["user", "enable", "ada"]).good().out.contains("can sign in again"));
    assert!(shell.run(&["user", "enable", "ada"]).good().out.contains("already"));

    sessions.begin(None, &login, now).await.unwrap();
    let done = shell.feed(&["user", "set-password", "ada", "--password-stdin"], PASSWORD).good();
    assert!(done.out.contains("1 session was ended"), "{}", done.out);
    assert!(opens(&shell, "ada", PASSWORD).await);
    shell.feed(&["user", "set-password", "ada", "--password-stdin"], "short").bad("at least 12");
    assert!(opens(&shell, "ada", PASSWORD).await);
}

#[test]
fn when_sessions_cannot_be_ended_it_says_so() {
    let shell = Shell::new();
    shell.user("ada");
    let toml = shell.file("outage.toml", "state_url = \"redis://127.0.0.1:1\"");
    shell
        .run(&["user", "disable", "ada", "--config", &toml])
        .bad("is stored, but their sessions were not ended");
    assert_eq!(shell.run(&["user", "show", "ada", "--json"]).good().json()["disabled"], Value::Bool(true));
    let words = ["user", "set-password", "ada", "--password-stdin", "--config", &toml];
    shell.feed(&words, PASSWORD).bad("the change to ada is stored, but their sessions were not ended");
}

#[test]
fn an_unknown_person_names_the_nearest() {
    let shell = Shell::new();
    shell.user("ada.lovelace");
    for word in ["show", "disable", "enable", "set-password"] {
        shell.run(&["user", word, "ada.lovelase"]).bad("did you mean \"ada.lovelace\"?");
        shell.run(&["user", word, "zebedee"]).bad("there is no person");
    }
}

#[test]
fn the_data_is_for_its_owner_alone() {
    let shell = Shell::new();
    shell.user("ada");
    let mode = std::fs::metadata(shell.path("data")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
}
