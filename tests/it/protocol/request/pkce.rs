//! `code_challenge`: S256, and required unless a confidential client was exempted.

use serde_json::json;

use super::{app, read, table};

#[test]
fn a_challenge_is_required_and_s256() {
    let bound = [
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
    ];
    let exempt = json!({ "require_pkce": false });
    let public = json!({ "require_pkce": false, "token_endpoint_auth_method": "none" });
    for metadata in [json!({}), exempt.clone(), public.clone()] {
        table(&app(&metadata), &bound);
    }
    let none = [("code_challenge", ""), ("code_challenge_method", "")];
    for (metadata, fine) in [(json!({}), false), (exempt, true), (public, false)] {
        let read = read(&app(&metadata), &none);
        assert_eq!(read.is_ok_and(|request| request.code_challenge.is_none()), fine, "{metadata}");
    }
}
