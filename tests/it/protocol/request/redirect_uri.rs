//! `redirect_uri`: until it is proven, every failure is a page.

use serde_json::json;

use super::{REDIRECT, app, table};

#[test]
fn before_the_place_is_proven_a_failure_is_a_page() {
    let long = "x".repeat(8193);
    table(
        &app(&json!({ "application_type": "web" })),
        &[
            (("redirect_uri", ""), "page redirect-uri-missing"),
            (("redirect_uri", "https://app.example/cb/"), "page redirect-uri-mismatch"),
            (("redirect_uri", "https://APP.example/cb"), "page redirect-uri-mismatch"),
            (("redirect_uri", REDIRECT), "fine"),
            (("state", &long), "page too-large"),
        ],
    );
}
