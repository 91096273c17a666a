//! All parameters: each at most once, none over its limit, and unknown ones are ignored.

use serde_json::json;

use super::{REDIRECT, app, read, table};

#[test]
fn repeated_and_endless_parameters_are_refused() {
    let long = "x".repeat(1025);
    table(
        &app(&json!({})),
        &[
            (("nonce", &long), "invalid_request"),
            (("nonce", &long[1..]), "fine"),
            (("claims_locales", &long), "invalid_request"),
            (("claims_locales", "de fr"), "fine"),
            (("display", "wap"), "fine"),
            (("unheard_of", "x"), "fine"),
        ],
    );
    for name in ["nonce", "scope", "prompt", "code_challenge", "display"] {
        let twice = [("redirect_uri", REDIRECT), (name, "x"), (name, "x")];
        let refusal = read(&app(&json!({})), &twice).unwrap_err();
        assert_eq!(refusal.error.description, "a parameter was sent more than once", "{name}");
    }
}
