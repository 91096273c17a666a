//! The authorization request: tables for each rule, and where a refusal is answered.

mod acr;
pub mod claims;
mod client_id;
mod device;
mod id_token_hint;
mod max_age;
mod object;
mod parameters;
mod pkce;
mod prompt;
mod redirect_uri;
mod registration;
mod resource;
mod response;
mod scope;
mod unanswerable;

use countersign::protocol::client::Client;
use countersign::protocol::refusal::Refusal;
use countersign::protocol::reply::Response;
use countersign::protocol::request::{PARAMS, Request, reply_to};
use countersign::protocol::resource::Resources;
use countersign::secret::Key;
use serde_json::{Value, json};

use super::{client, params};
use crate::support::rp::{self, changed};

const REDIRECT: &str = "https://app.example/cb";
const API: &str = "https://api.example";

/// An application with these metadata beside the usual ones.
fn app(more: &Value) -> Client {
    let mut metadata = json!({ "client_name": "App", "redirect_uris": [REDIRECT] });
    metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client(metadata)
}

/// One API whose scope needs its name.
fn resources() -> Resources {
    let declared = json!([{ "uri": API, "scopes": ["read"] }]);
    Resources::new(serde_json::from_value(declared).unwrap()).unwrap()
}

/// Reads the usual request with these changes.
fn read(client: &Client, changes: &[(&str, &str)]) -> Result<Request, Refusal> {
    let params = params(&changed(rp::request("app", REDIRECT), changes), &PARAMS);
    Request::read(&params, client, &resources(), REDIRECT, &Key::new([7; 32]))
}

/// Names what becomes of the usual request with one change: `fine`, the error at the redirect URI, or the page.
fn said(client: &Client, change: (&str, &str)) -> String {
    let usual = rp::request("app", REDIRECT).into_iter().chain([("state", "s")]);
    let params = params(&changed(usual, &[change]), &PARAMS);
    let reply_to = match reply_to(&params, client, "https://id.example") {
        Ok(reply_to) => reply_to,
        Err(unanswerable) => return format!("page {}", unanswerable.row().0),
    };
    let key = Key::new([7; 32]);
    let Err(refusal) = Request::read(&params, client, &resources(), reply_to.redirect_uri(), &key) else {
        return "fine".into();
    };
    let Response::Redirect(home) = reply_to.error(&refusal.error) else { panic!("no redirect") };
    assert!(home.starts_with(&format!("{REDIRECT}?error={}", refusal.error.code)), "{home}");
    assert!(home.contains("&state=s&iss=https%3A%2F%2Fid.example"), "{home}");
    refusal.error.code.into()
}

/// Rows of one change to the usual request, and what becomes of it.
fn table(client: &Client, rows: &[((&str, &str), &str)]) {
    for (change, expected) in rows {
        let value = change.1.chars().take(40).collect::<String>();
        assert_eq!(said(client, *change), *expected, "{} = {value}", change.0);
    }
}
