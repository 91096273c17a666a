//! `id_token_hint`: whom it is about, if it was issued to the client that sends it.

use countersign::protocol::cause::Cause;
use countersign::protocol::hint::Hint;
use countersign::protocol::request::id_token_hint::subject;
use serde_json::json;

use super::app;

#[test]
fn a_hint_is_for_the_client_it_was_issued_to() {
    let client = app(&json!({}));
    let hint = |client_id: &str| Ok(Hint { sub: "ada".into(), client_id: client_id.into(), sid: None });
    assert_eq!(subject(hint("app"), &client).unwrap(), "ada");
    for verified in [hint("other"), hint(""), Err(Cause::new("its signature does not hold"))] {
        assert_eq!(subject(verified, &client).unwrap_err().error.code, "invalid_request");
    }
}
