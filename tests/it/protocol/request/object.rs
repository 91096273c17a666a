//! Refused request objects: what is read of them, and what is not.

use countersign::protocol::request::object::{ReplyParams, reply_params};
use data_encoding::BASE64URL_NOPAD;
use proptest::prelude::*;
use serde_json::json;

use super::{app, table};

fn object(payload: &str) -> String {
    format!("e30.{}.c2ln", BASE64URL_NOPAD.encode(payload.as_bytes()))
}

fn of(response_mode: Option<&str>, state: Option<&str>) -> ReplyParams {
    ReplyParams { response_mode: response_mode.map(Into::into), state: state.map(Into::into) }
}

#[test]
fn only_the_way_back_is_read_and_only_from_a_plain_object() {
    let long = "s".repeat(8193);
    let (too_long, longest) =
        (format!(r#"{{"state":"{long}"}}"#), format!(r#"{{"state":"{}"}}"#, &long[1..]));
    let bulky = format!(r#"{{"state":"s","x":"{}"}}"#, "x".repeat(16 * 1024));
    let deep = format!(r#"{{"state":"s","x":{}1{}}}"#, "[".repeat(2000), "]".repeat(2000));
    for (payload, expected) in [
        (r#"{"response_mode":"form_post","state":"a b"}"#, of(Some("form_post"), Some("a b"))),
        (
            r#"{"state":"s","redirect_uri":"https://evil.example","nested":{"state":"t"}}"#,
            of(None, Some("s")),
        ),
        (longest.as_str(), of(None, Some(&long[1..]))),
        (r#"{"state":7,"response_mode":["query"]}"#, of(None, None)),
        (r#"{"state":"","response_mode":null}"#, of(None, None)),
        (r#"{"state":"a\u0000b"}"#, of(None, None)),
        (r#"{"state":"a","state":"b"}"#, of(None, None)),
        (r#"{"state":"a","x":1,"x":2}"#, of(None, None)),
        (r#"{"state":"a"}x"#, of(None, None)),
        (r#"["state","a"]"#, of(None, None)),
        ("", of(None, None)),
        (too_long.as_str(), of(None, None)),
        (bulky.as_str(), of(None, None)),
        (deep.as_str(), of(None, None)),
    ] {
        assert_eq!(reply_params(&object(payload)), expected, "{}", &payload[..payload.len().min(60)]);
    }
    let good = object(r#"{"state":"s"}"#);
    let unsigned = good.replace("c2ln", "");
    assert_eq!(reply_params(&unsigned), of(None, Some("s")));
    // Encrypted, cut off, padded, or no JWT at all.
    for text in
        [format!("{good}.x.y"), "e30.e30".into(), format!("e30.{}==.x", "e30"), "..".into(), String::new()]
    {
        assert_eq!(reply_params(&text), ReplyParams::default(), "{text}");
    }
}

#[test]
fn an_object_and_a_reference_are_refused() {
    table(
        &app(&json!({})),
        &[
            (("request", "x"), "request_not_supported"),
            (("request_uri", "x"), "request_uri_not_supported"),
            (("request", ""), "fine"),
        ],
    );
}

proptest! {
    #[test]
    fn nothing_that_is_sent_can_make_it_fail(text in "\\PC{0,40}", payload in "\\PC{0,40}") {
        reply_params(&text);
        reply_params(&object(&payload));
    }
}
