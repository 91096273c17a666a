//! Where an answer goes and how it travels.

use countersign::protocol::refusal::OAuthError;
use countersign::protocol::reply::{ModeFault, Response, ResponseMode};
use countersign::protocol::request::{PARAMS, reply_to};
use proptest::prelude::*;
use serde_json::json;

use super::{client, params};

const SITE: &str = "https://app.example/cb";
const QUERY: &str = "https://app.example/cb?at=home";
const PRIVATE: &str = "com.example.app:/cb";

/// The answer to a request with these parameters, successful.
fn answer(redirect_uri: &str, more: &[(&str, &str)]) -> Response {
    let client = client(json!({ "client_name": "App", "application_type": "native",
        "redirect_uris": [SITE, QUERY, PRIVATE] }));
    let pairs = [&[("client_id", "app"), ("redirect_uri", redirect_uri), ("state", "s")], more].concat();
    reply_to(&params(&pairs, &PARAMS), &client, "https://id.example").unwrap().success("c")
}

#[test]
fn only_a_known_mode_that_the_address_can_take_is_used() {
    for (name, redirect_uri, mode) in [
        ("query", SITE, Ok(ResponseMode::Query)),
        ("query", PRIVATE, Ok(ResponseMode::Query)),
        ("form_post", SITE, Ok(ResponseMode::FormPost)),
        ("form_post", "http://127.0.0.1:3000/cb", Ok(ResponseMode::FormPost)),
        ("form_post", PRIVATE, Err(ModeFault::NoForm)),
        ("form_post", "httpsx:/cb", Err(ModeFault::NoForm)),
        ("fragment", SITE, Err(ModeFault::Fragment)),
        ("query.jwt", SITE, Err(ModeFault::Unknown)),
        ("Query", SITE, Err(ModeFault::Unknown)),
        ("form_post ", SITE, Err(ModeFault::Unknown)),
        ("", SITE, Err(ModeFault::Unknown)),
    ] {
        assert_eq!(ResponseMode::parse(name, redirect_uri), mode, "{name:?} {redirect_uri}");
    }
}

#[test]
fn a_query_is_added_to_and_a_form_adds_nothing_to_the_address() {
    let redirect = |url: &str| Response::Redirect(url.into());
    let iss = "iss=https%3A%2F%2Fid.example";
    assert_eq!(answer(SITE, &[]), redirect(&format!("{SITE}?code=c&state=s&{iss}")));
    assert_eq!(answer(QUERY, &[]), redirect(&format!("{QUERY}&code=c&state=s&{iss}")));
    for to in [SITE, QUERY] {
        let fields = [("code", "c"), ("state", "s"), ("iss", "https://id.example")];
        let fields = fields.map(|(name, value)| (name, value.to_owned())).into();
        let posted = Response::FormPost { to: to.into(), fields };
        assert_eq!(answer(to, &[("response_mode", "form_post")]), posted);
    }
    // What cannot be told, or cannot be done, is answered in the query.
    for more in [&[("response_mode", "fragment")][..], &[("response_mode", "form_post"); 2]] {
        assert_eq!(answer(SITE, more), answer(SITE, &[]), "{more:?}");
    }
    assert_eq!(answer(PRIVATE, &[("response_mode", "form_post")]), answer(PRIVATE, &[]));
}

proptest! {
    #[test]
    fn both_modes_carry_the_same(state in "\\PC{0,40}", mode in prop::sample::select(vec!["query", "form_post"])) {
        let client = client(json!({ "client_name": "App", "redirect_uris": [QUERY] }));
        let pairs = [("client_id", "app"), ("redirect_uri", QUERY), ("state", &state), ("response_mode", mode)];
        let reply_to = reply_to(&params(&pairs, &PARAMS), &client, "https://id.example").unwrap();
        let mut expected = vec![("error", "access_denied"), ("error_description", "no")];
        expected.extend((!state.is_empty()).then_some(("state", state.as_str())));
        expected.push(("iss", "https://id.example"));
        let carried: Vec<(String, String)> = match reply_to.error(&OAuthError::new("access_denied", "no")) {
            Response::Redirect(url) => {
                let query = url.strip_prefix(&format!("{QUERY}&")).unwrap();
                url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
            }
            Response::FormPost { to, fields } => {
                prop_assert_eq!(to, QUERY);
                fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            }
        };
        let carried: Vec<(&str, &str)> = carried.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        prop_assert_eq!(carried, expected);
    }
}
