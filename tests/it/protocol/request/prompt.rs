//! `prompt`: which values are known, and which contradict one another.

use countersign::protocol::request::Prompt;
use serde_json::json;

use super::{app, table};

#[test]
fn prompt_reads_what_it_knows_and_refuses_a_contradiction() {
    let is = |none, login, consent| Ok(Prompt { none, login, consent, select_account: false });
    let contradiction = Prompt::parse(Some("none login"));
    assert!(contradiction.is_err());
    for (text, expected) in [
        (None, is(false, false, false)),
        (Some(""), is(false, false, false)),
        (Some("none"), is(true, false, false)),
        (Some("none none"), is(true, false, false)),
        (Some("login"), is(false, true, false)),
        (Some("consent login"), is(false, true, true)),
        (Some(" login  consent "), is(false, true, true)),
        (Some("login select_account"), Ok(Prompt { login: true, select_account: true, ..Prompt::default() })),
        (Some("none select_account"), contradiction),
        (Some("Login"), is(false, false, false)),
        (Some("unheard-of login"), is(false, true, false)),
        (Some("login none"), contradiction),
        (Some("none consent"), contradiction),
        (Some("none unheard-of"), contradiction),
    ] {
        assert_eq!(Prompt::parse(text), expected, "{text:?}");
    }
}

#[test]
fn a_contradiction_is_refused() {
    table(
        &app(&json!({})),
        &[
            (("prompt", "none login"), "invalid_request"),
            (("prompt", "none"), "fine"),
            (("prompt", "unheard-of"), "fine"),
        ],
    );
}
