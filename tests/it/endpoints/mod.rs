//! Each endpoint by itself: request → status, error, and the headers that matter.
#![expect(clippy::type_complexity, reason = "the columns of a table are its type")]

mod authorize; // validation: page or redirect, and in what order
mod authorize_post;
mod authorize_prompt; // against who is signed in
mod client_credentials; // tokens of a client for itself
mod claims; // asked for one by one
mod consent;
mod device;
mod device_authorization;
mod discovery;
mod end_session;
mod form_post; // the answer as a form
mod hint; // id_token_hint, good and bad
mod home;
mod hs256; // ID Tokens with a MAC
mod introspect;
mod jwks;
mod language;
mod login;
mod pairwise; // the `sub` of a person, wherever it is told or sent
pub mod refresh; // tokens for a refresh token
mod presented; // refresh tokens and opaque ones, introspected and revoked
mod request_object; // refused, and where that is said
mod resources; // added while the provider runs
mod revoke;
mod robustness;
mod select; // which of several accounts
mod silent; // what prompt=none may tell
mod token;
mod token_assertion; // by a signed statement
mod token_auth; // client authentication
mod userinfo;
mod userinfo_signed;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use countersign::state::failures::Failure;

use crate::support::app::TestApp;
use crate::support::browser::Answer;

/// What an authorization request led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Code,
    Error(String),
    Login,
    Select,
    Consent,
    Page(u16),
}

impl Outcome {
    pub fn error(code: &str) -> Outcome {
        Outcome::Error(code.into())
    }
}

/// Reads an answer; one that goes to the client must carry what every authorization response carries.
pub fn outcome(app: &TestApp, answer: &Answer) -> Outcome {
    let ours = answer.url.origin();
    let to = match answer.location() {
        Some(to) => to,
        None if answer.body.contains("http-equiv=\"refresh\"") => answer.destination(),
        None if answer.form_post().is_some() => answer.destination(),
        None => answer.url.clone(),
    };
    if to.origin() == ours {
        return match to.path().rsplit('/').next() {
            Some("login") if answer.status.as_u16() < 400 => Outcome::Login,
            Some("select") if answer.status.as_u16() < 400 => Outcome::Select,
            Some("consent") if answer.status.as_u16() < 400 => Outcome::Consent,
            _ => Outcome::Page(answer.status.as_u16()),
        };
    }
    assert_eq!(answer.answered("iss"), Some(app.issuer.clone()), "{to}");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    let names = names(&to);
    match answer.answered("error") {
        None => {
            assert!(names.iter().all(|name| ["code", "iss", "state"].contains(&name.as_str())), "{to}");
            assert!(answer.answered("code").is_some_and(|code| code.len() >= 43), "{to}");
            Outcome::Code
        }
        Some(error) => {
            let fits =
                |name: &String| ["error", "error_description", "iss", "state"].contains(&name.as_str());
            assert!(names.iter().all(fits), "{to}");
            assert_describes(&answer.answered("error_description").unwrap());
            Outcome::Error(error)
        }
    }
}

/// The names in a query, each once.
pub fn names(url: &url::Url) -> Vec<String> {
    let mut names: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    names.sort();
    let before = names.len();
    names.dedup();
    assert_eq!(names.len(), before, "a parameter is repeated in {url}");
    names
}

/// A description may use only certain characters.
pub fn assert_describes(description: &str) {
    let fits = |b: u8| matches!(b, 0x20 | 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    assert!(!description.is_empty() && description.bytes().all(fits), "{description:?}");
}

/// An error page: its status, its heading, and the code it names, which may be none.
pub fn shown(answer: &Answer) -> (u16, String, String) {
    let (status, to) = (answer.status.as_u16(), answer.header("location"));
    assert!(status >= 400 && to.is_empty(), "not refused: {status} {to} {}", answer.body);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    let first = |part: &str| answer.text(&format!("footer dl div:first-child {part}"));
    let code = if first("dt") == "Error code" { first("dd") } else { String::new() };
    (status, answer.text("h1"), code)
}

/// A JSON error: its status and its code, with the headers every one of them carries.
pub fn refusal(answer: &Answer) -> (u16, String) {
    assert!(answer.status.as_u16() >= 400, "not refused: {} {}", answer.status, answer.body);
    assert_eq!(answer.header("cache-control"), "no-store", "{}", answer.url);
    assert_eq!(answer.header("pragma"), "no-cache", "{}", answer.url);
    assert_eq!(answer.header("content-type"), "application/json", "{}", answer.body);
    let json = answer.json();
    assert_describes(json["error_description"].as_str().unwrap());
    (answer.status.as_u16(), json["error"].as_str().unwrap().to_owned())
}

/// What a client's developer is told, once there is as much: it is written down a moment later.
pub async fn failures(app: &TestApp, client_id: &str, count: usize) -> Vec<Failure> {
    let begun = Instant::now();
    loop {
        let told = app.app.state.failures.list(client_id, app.clock.now()).await.unwrap();
        if told.len() >= count {
            assert_eq!(told.len(), count, "{told:#?}");
            return told;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{count} are not there: {told:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Sends bytes that no well-meant client would send; answers what came back, up to the end of the body.
pub fn raw(app: &TestApp, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", app.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(1500))).unwrap();
    // A server that has already refused may close before everything was written.
    let _refused_early = stream.write_all(bytes);
    let mut answer = vec![];
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        answer.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}
