//! The terminal of the demo is signed in as a device, and knows the person afterwards.
//!
//! Holds `demo/terminal.rs`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use countersign::clock::Clock;
use countersign::demo::{self, Options, Ports, SignedIn};

use crate::support::browser::{Answer, Browser};
use crate::support::log;

/// Signs in and answers the question, in a browser of its own.
async fn decide(link: &str, login: &str, password: &str, decision: &str) -> Answer {
    let browser = Browser::new(Arc::default());
    let page = browser.open(link).await;
    let page = browser.submit(&page, &[("username", login), ("password", password)]).await;
    let question = browser.submit(&page, &[]).await;
    browser.submit(&question, &[("decision", decision)]).await
}

#[actix_web::test]
async fn a_person_signs_the_terminal_in() {
    log::start();
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, keys_dir) = (folder.path().join("data"), folder.path().join("keys"));
    let ports = Ports { provider: 0, bank: 0, fund: 0, api: 0 };
    let demo = demo::start(Options { data_dir, keys_dir, ports, clock: Clock::default() }).await.unwrap();
    let ada = &demo.people[0];
    for (decision, expected) in
        [("approve", SignedIn::As(ada.name.clone())), ("deny", SignedIn::Not("access_denied".into()))]
    {
        let codes = demo.terminal.ask().await.unwrap();
        assert!(codes.verification_uri_complete.ends_with(&codes.user_code));
        let picture = codes.picture();
        let widths: Vec<usize> = picture.lines().map(|line| line.chars().count()).collect();
        assert!(widths.len() > 15 && widths.iter().all(|width| *width == widths[0]), "{picture}");
        let decided = decide(&codes.verification_uri_complete, &ada.login, &ada.password, decision);
        let (decided, end) = tokio::join!(decided, demo.terminal.wait(&codes));
        assert_eq!(decided.status, 200, "{}", decided.body);
        assert_eq!(end.unwrap(), expected);
    }
    demo.stop().await;
}

/// What stands behind a word on the next line that has it.
fn after(lines: &mut impl Iterator<Item = String>, word: &str) -> String {
    let found = lines.find_map(|line| Some(line.split_once(word)?.1.trim().to_owned()));
    found.unwrap_or_else(|| panic!("it never said {word:?}"))
}

/// The program itself: Enter, a code, the name of the person.
#[actix_web::test]
async fn enter_asks_for_a_code() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(["demo", "--port=0", "--bank-port=0", "--fund-port=0", "--api-port=0"]);
    command.current_dir(folder.path()).env_clear();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let ada = after(&mut lines, "Sign in as");
    let mut words = ada.split_whitespace();
    let (login, password) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
    after(&mut lines, "Press Enter");
    child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    let link = after(&mut lines, "or open");
    let done = decide(&link, &login, &password, "approve").await;
    assert_eq!(done.text("h1"), "Your device is signed in", "{}", done.body);
    let end = after(&mut lines, "This terminal is ");
    assert!(end.starts_with("signed in as Ada"), "{end}");
    child.kill().unwrap();
    child.wait().unwrap();
}
