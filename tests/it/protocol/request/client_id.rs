//! `client_id`: named once, and nothing that decides where an answer goes is ambiguous.

use countersign::protocol::request::{PARAMS, client_id};

use crate::protocol::params;

#[test]
fn the_client_is_named_and_its_place_is_not_ambiguous() {
    for (sent, expected) in [
        (&[("client_id", "app")][..], Ok("app")),
        (&[], Err("client_id is missing")),
        (&[("client_id", "")], Err("client_id is missing")),
        (&[("client_id", "app"), ("client_id", "app")], Err("client_id was sent more than once")),
        (&[("redirect_uri", "a"), ("redirect_uri", "b")], Err("redirect_uri was sent more than once")),
        (&[("request", "a"), ("request", "b")], Err("request was sent more than once")),
        (&[("request_uri", "a"), ("request_uri", "b")], Err("request_uri was sent more than once")),
        (&[("client_id", "app"), ("state", "a"), ("state", "b")], Ok("app")),
    ] {
        let said = client_id(&params(sent, &PARAMS)).map(str::to_owned).map_err(|fault| fault.to_string());
        assert_eq!(said.as_deref().map_err(String::as_str), expected, "{sent:?}");
    }
}
