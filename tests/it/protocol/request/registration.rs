//! `registration`: not offered.

use serde_json::json;

use super::{app, table};

#[test]
fn a_client_does_not_describe_itself_in_a_request() {
    table(
        &app(&json!({})),
        &[
            (("registration", "{}"), "registration_not_supported"),
            (("registration", "x"), "registration_not_supported"),
            (("registration", ""), "fine"),
        ],
    );
}
