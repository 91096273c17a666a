//! `scope`: what exists and is allowed is granted; nothing left is a refusal.

use serde_json::json;

use super::{app, read, table};

#[test]
fn what_exists_and_is_allowed_is_granted() {
    let client = app(&json!({ "scope": "openid email" }));
    table(
        &client,
        &[
            (("scope", ""), "invalid_scope"),
            (("scope", "unheard-of"), "invalid_scope"),
            (("scope", "profile"), "invalid_scope"),
            (("scope", "openid unheard-of"), "fine"),
        ],
    );
    for (asked, granted, narrowed) in [
        ("openid email", "email openid", ""),
        ("openid profile", "openid", "not allowed to this client: profile"),
        ("openid unheard-of", "openid", "not known here: unheard-of"),
        ("openid offline_access", "openid", "offline_access: this client has no refresh_token grant"),
        ("email", "email", "openid is missing from the scope"),
    ] {
        let request = read(&client, &[("scope", asked)]).unwrap();
        assert_eq!(request.scope.to_string(), granted, "{asked}");
        let said: Vec<String> = request.narrowed.iter().map(ToString::to_string).collect();
        let is_said = said.iter().any(|said| said.contains(narrowed));
        assert!(if narrowed.is_empty() { said.is_empty() } else { is_said }, "{asked}: {said:?}");
    }
}
