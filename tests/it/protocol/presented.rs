//! Tokens that clients present to introspection and revocation.

use countersign::protocol::presented::{Unusable, own};
use serde_json::json;

use super::client;

#[test]
fn a_client_revokes_its_own_tokens_alone() {
    let app = client(json!({}));
    assert_eq!(own("app", &app), Ok(()));
    for other in ["other", "APP", "app ", ""] {
        let why = own(other, &app).unwrap_err();
        let Unusable::Mistaken(cause) = why else { panic!("a mistake that can be mended: {why:?}") };
        assert!(cause.to_string().contains(&format!("issued to {other:?}")), "{cause}");
    }
}
