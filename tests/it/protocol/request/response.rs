//! `response_type` and `response_mode`: a code, in a mode that the address can take.

use serde_json::json;

use super::{app, table};

#[test]
fn only_a_code_is_issued_and_only_in_a_known_mode() {
    table(
        &app(&json!({})),
        &[
            (("response_type", ""), "invalid_request"),
            (("response_type", "token"), "unsupported_response_type"),
            (("response_type", "code id_token"), "unsupported_response_type"),
            (("response_type", "CODE"), "unsupported_response_type"),
            (("response_mode", "fragment"), "invalid_request"),
            (("response_mode", "jwt"), "invalid_request"),
            (("response_mode", "query"), "fine"),
            (("response_mode", ""), "fine"),
        ],
    );
}
