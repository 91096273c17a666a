//! RP-initiated logout: which hint to believe, and where people go afterwards.

use countersign::protocol::hint::Hint;
use countersign::protocol::logout::{Afterwards, PARAMS, Stay, accept, afterwards};
use serde_json::json;

use super::{client, params};

const HOME: &str = "https://app.example/bye";

/// What is sent, and what comes of it: the way to go on, and the address.
type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

/// Names a way to go on, with the address if there is one.
fn named(afterwards: Afterwards) -> (&'static str, String) {
    match afterwards {
        Afterwards::Here => ("here", String::new()),
        Afterwards::There(to) => ("there", to),
        Afterwards::Stay(stay) => (stay.name(), String::new()),
    }
}

#[test]
fn people_are_sent_only_where_the_registration_allows() {
    let client = client(json!({ "client_name": "App", "redirect_uris": ["https://app.example/cb"],
        "post_logout_redirect_uris": [HOME, "https://app.example/bye?x=1", "http://localhost:3000/"],
        "application_type": "native" }));
    let long = "x".repeat(8193);
    let to = |uri| ("post_logout_redirect_uri", uri);
    let rows: &[Row<'_>] = &[
        (&[], "here", ""),
        (&[("state", "s")], "here", ""),
        (&[to(HOME)], "there", HOME),
        (&[to(HOME), ("state", "a b&c")], "there", "https://app.example/bye?state=a+b%26c"),
        (
            &[to("https://app.example/bye?x=1"), ("state", "s")],
            "there",
            "https://app.example/bye?x=1&state=s",
        ),
        // Not registered: byte for byte, and no exception for loopback ports.
        (&[to("https://app.example/bye/")], "unregistered", ""),
        (&[to("https://app.example/cb")], "unregistered", ""),
        (&[to("http://localhost:3001/")], "unregistered", ""),
        (&[to("https://app.example/bye?x=1&state=s")], "unregistered", ""),
        // Which of two is meant is never guessed.
        (&[to(HOME), to("https://evil.example")], "unclear", ""),
        (&[to(HOME), ("state", "1"), ("state", "2")], "unclear", ""),
        (&[to(HOME), ("state", &long)], "unclear", ""),
    ];
    for (sent, expected, address) in rows {
        let said = named(afterwards(&params(sent, &PARAMS), Some(&client)));
        assert_eq!(said, (*expected, (*address).to_owned()), "{sent:?}");
    }
    let unknown = afterwards(&params(&[to(HOME)], &PARAMS), None);
    assert_eq!(unknown, Afterwards::Stay(Stay::Unnamed));
}

#[test]
fn a_hint_belongs_to_the_client_that_is_named_beside_it() {
    let hint = || Hint { sub: "ada".into(), client_id: "app".into(), sid: None };
    assert_eq!(accept(hint(), &params(&[], &PARAMS)), Ok(hint()));
    assert_eq!(accept(hint(), &params(&[("client_id", "app")], &PARAMS)), Ok(hint()));
    let cause = accept(hint(), &params(&[("client_id", "other")], &PARAMS)).unwrap_err();
    assert!(cause.to_string().contains("another client"), "{cause}");
}
