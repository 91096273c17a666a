//! RP-initiated logout: whom to believe, and where to send people.

use countersign::protocol::failure::PageFailure;
use countersign::protocol::hint::Hint;
use countersign::protocol::logout::{LogoutRequest, PARAMS, validate};
use serde_json::json;

use super::{client, params};

const HOME: &str = "https://app.example/bye";

type Row<'a> = (&'a [(&'a str, &'a str)], bool, Result<Option<&'a str>, &'a str>);

#[test]
fn people_are_sent_only_where_a_hint_and_the_registration_allow() {
    let client = client(json!({ "client_name": "App", "redirect_uris": ["https://app.example/cb"],
        "post_logout_redirect_uris": [HOME, "https://app.example/bye?x=1", "http://localhost:3000/"],
        "application_type": "native" }));
    let hint = Hint { sub: "ada".into(), client_id: "app".into(), sid: None };
    let long = "x".repeat(8193);
    let rows: &[Row<'_>] = &[
        (&[], false, Ok(None)),
        (&[], true, Ok(None)),
        (&[("post_logout_redirect_uri", HOME)], true, Ok(Some(HOME))),
        (
            &[("post_logout_redirect_uri", HOME), ("state", "a b&c")],
            true,
            Ok(Some("https://app.example/bye?state=a+b%26c")),
        ),
        (
            &[("post_logout_redirect_uri", "https://app.example/bye?x=1"), ("state", "s")],
            true,
            Ok(Some("https://app.example/bye?x=1&state=s")),
        ),
        (&[("post_logout_redirect_uri", HOME), ("client_id", "app")], true, Ok(Some(HOME))),
        // Nobody vouches for it.
        (&[("post_logout_redirect_uri", HOME)], false, Ok(None)),
        (&[("post_logout_redirect_uri", HOME), ("client_id", "app")], false, Ok(None)),
        (&[("post_logout_redirect_uri", "https://evil.example")], false, Ok(None)),
        (&[("state", "s")], true, Ok(None)),
        // Not registered: byte for byte, and no exception for loopback ports.
        (&[("post_logout_redirect_uri", "https://app.example/bye/")], true, Err("post-logout-mismatch")),
        (&[("post_logout_redirect_uri", "https://app.example/cb")], true, Err("post-logout-mismatch")),
        (&[("post_logout_redirect_uri", "http://localhost:3001/")], true, Err("post-logout-mismatch")),
        (&[("client_id", "other")], true, Err("hint-invalid")),
        (&[("state", "1"), ("state", "2")], true, Err("parameter-repeated")),
        (&[("state", &long)], true, Err("too-large")),
    ];
    for (sent, hinted, expected) in rows {
        let said = validate(&params(sent, &PARAMS), hinted.then_some(&hint), Some(&client));
        let said =
            said.as_ref().map(|LogoutRequest { redirect }| redirect.as_deref()).map_err(PageFailure::name);
        assert_eq!(said, *expected, "{sent:?} {hinted}");
    }
    let unknown = validate(&params(&[("post_logout_redirect_uri", HOME)], &PARAMS), Some(&hint), None);
    assert_eq!(unknown.unwrap().redirect, None);
}
