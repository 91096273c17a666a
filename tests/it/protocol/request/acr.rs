//! `acr_values` and the claim `acr`: which of them counts.

use countersign::protocol::acr::Levels;
use serde_json::json;

use super::{app, read, table};

#[test]
fn what_must_be_counts_before_what_is_wished_for_and_the_request_before_the_registration() {
    let (plain, wishing) = (app(&json!({})), app(&json!({ "default_acr_values": ["registered"] })));
    let must = ("claims", r#"{"id_token":{"acr":{"essential":true,"value":"must"}}}"#);
    let may = ("claims", r#"{"id_token":{"acr":{"values":["may","other"]}}}"#);
    let wished = ("acr_values", " one  two ");
    for (client, changes, any_of, essential) in [
        (&plain, &[][..], &[][..], false),
        (&plain, &[wished], &["one", "two"], false),
        (&wishing, &[], &["registered"], false),
        (&wishing, &[wished], &["one", "two"], false),
        (&wishing, &[wished, may], &["may", "other"], false),
        (&wishing, &[wished, must], &["must"], true),
    ] {
        let expected = Levels { essential, ..Levels::voluntary(any_of.iter().copied()) };
        assert_eq!(read(client, changes).unwrap().levels, expected, "{changes:?}");
    }
}

#[test]
fn its_length_is_bounded() {
    table(&app(&json!({})), &[(("acr_values", &"x".repeat(1025)), "invalid_request")]);
}
