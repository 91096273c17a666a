//! Sets of public keys: what is read, and what is never taken in.

use countersign::protocol::client::{JwkSet, JwkSetFault};
use serde_json::{Value, json};

const PUBLIC: &str = r#"{"kty":"EC","crv":"P-256","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}"#;

#[test]
fn a_set_holds_public_keys_alone() {
    let public: Value = serde_json::from_str(PUBLIC).unwrap();
    let with = |name: &str| {
        let mut key = public.clone();
        key[name] = json!("AQAB");
        json!({ "keys": [public, key] })
    };
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert_eq!(JwkSet::read(&with(private)), Err(JwkSetFault::Private), "{private}");
    }
    for (set, fault) in [
        (json!(null), JwkSetFault::NoSet),
        (json!([public]), JwkSetFault::NoSet),
        (public.clone(), JwkSetFault::NoSet),
        (json!({ "keys": public }), JwkSetFault::NoSet),
        (json!({ "keys": [] }), JwkSetFault::Empty),
        (json!({ "keys": ["x"] }), JwkSetFault::NoKey),
        (json!({ "keys": [{ "crv": "P-256" }] }), JwkSetFault::NoKey),
        (json!({ "keys": [{ "kty": 7 }] }), JwkSetFault::NoKey),
        (json!({ "keys": vec![public.clone(); 31] }), JwkSetFault::TooMany),
    ] {
        assert_eq!(JwkSet::read(&set), Err(fault), "{set:.80}");
    }
    let set = json!({ "keys": [public, { "kty": "unheard-of", "kid": "a" }] });
    let read = JwkSet::read(&set).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), set, "kept as it was written");
    assert_eq!(serde_json::from_value::<JwkSet>(set).unwrap(), read);
}
