//! `resource`: declared APIs alone, and named where a scope needs it.

use serde_json::json;

use super::{API, app, read, table};

#[test]
fn a_resource_is_declared_and_named_where_a_scope_needs_it() {
    let client = app(&json!({ "scope": "openid read" }));
    table(
        &client,
        &[
            (("resource", "https://unknown.example"), "invalid_target"),
            (("resource", "nonsense"), "invalid_target"),
            (("scope", "openid read"), "invalid_target"),
            (("resource", API), "fine"),
        ],
    );
    let request = read(&client, &[("scope", "openid read"), ("resource", "HTTPS://API.example")]).unwrap();
    assert_eq!(request.resources, [API], "the declared spelling");
}
