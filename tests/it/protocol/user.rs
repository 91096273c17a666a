//! People: their names, and what may be said about them.

use countersign::protocol::scope::Scope;
use countersign::protocol::user::{User, check_claims, fold_login};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn a_login_name_is_folded() {
    for (typed, folded) in [
        ("ada", "ada"),
        ("  Ada\t", "ada"),
        ("ADA@Example.COM", "ada@example.com"),
        ("Straße", "strasse"),
        ("\u{FF21}\u{FF44}\u{FF41}", "ada"),
        ("ﬁona", "fiona"),
        ("É", "é"),
        ("E\u{301}", "é"),
        ("\u{3000}ada\u{A0}", "ada"),
        ("Ὀδυσσεύς", "ὀδυσσεύσ"),
        ("İ", "i\u{307}"),
        ("\u{390}", "\u{390}"),
        ("\u{FE70}", "\u{64B}"),
        ("", ""),
    ] {
        assert_eq!(fold_login(typed), folded, "{typed:?}");
    }
    assert_ne!(fold_login("ada"), fold_login("аda"), "a Cyrillic letter is another letter");
}

#[test]
fn claims_have_the_form_that_the_standard_gives_them() {
    for (name, good, bad) in [
        ("name", &[json!("Ada")][..], &[json!(""), json!("  "), json!("null"), json!(1), json!(null)][..]),
        ("email", &[json!("a@b.example")], &[json!(["a@b.example"]), json!("")]),
        ("email_verified", &[json!(true), json!(false)], &[json!("true"), json!(1), json!(null)]),
        ("phone_number_verified", &[json!(true)], &[json!("yes")]),
        ("updated_at", &[json!(0), json!(1_900_000_000)], &[json!("now"), json!(-1), json!(1.5)]),
        (
            "birthdate",
            &[json!("1815-12-10"), json!("0000-12-10"), json!("1815")],
            &[
                json!("10.12.1815"),
                json!("1815-13-01"),
                json!("1815-00-01"),
                json!("1815-12-32"),
                json!("1815-1-1"),
                json!("181"),
                json!("1815-12"),
                json!(""),
                json!("１８１５"),
                json!(1815),
            ],
        ),
        ("locale", &[json!("en"), json!("de-AT")], &[json!("de_AT"), json!("")]),
        (
            "address",
            &[json!({ "country": "UK" })],
            &[json!({}), json!("London"), json!({ "country": "" }), json!({ "country": 1 })],
        ),
        ("roles", &[json!([]), json!(["a"])], &[json!("a"), json!([1]), json!([""])]),
        ("groups", &[json!(["a", "b"])], &[json!({})]),
        ("favourite_colour", &[json!("red"), json!(1), json!({ "a": [] }), json!("")], &[json!(null)]),
    ] {
        for value in good {
            assert_eq!(check_claims(&object(&json!({ name: value }))), Ok(()), "{name}: {value}");
        }
        for value in bad {
            let said = check_claims(&object(&json!({ name: value }))).expect_err(name);
            assert!(said.to_string().contains(name), "{said}");
        }
    }
    for reserved in [
        "sub", "iss", "aud", "exp", "iat", "nbf", "jti", "nonce", "azp", "auth_time", "acr", "amr", "sid",
        "client_id",
    ] {
        let said = check_claims(&object(&json!({ reserved: "x" }))).unwrap_err();
        assert!(said.to_string().contains(reserved), "{said}");
    }
}

#[test]
fn a_scope_releases_its_own_claims_only() {
    let claims =
        json!({ "name": "Ada", "email": "a@b.example", "phone_number": "1", "roles": ["x"], "other": 1 });
    let user = User { id: "u".into(), login: "ada".into(), disabled: false, claims: object(&claims) };
    for (scope, released) in [
        ("openid", json!({})),
        ("openid profile", json!({ "name": "Ada", "preferred_username": "ada" })),
        ("openid email", json!({ "email": "a@b.example" })),
        ("email phone", json!({ "email": "a@b.example", "phone_number": "1" })),
        ("openid roles other", json!({})),
    ] {
        assert_eq!(Value::Object(user.claims_for(&Scope::parse(scope))), released, "{scope}");
    }
    assert_eq!(user.display_name(), "Ada");
    assert_eq!(User { claims: Map::new(), ..user }.display_name(), "ada");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn folding_twice_is_folding_once(typed in "\\PC{0,20}") {
        let once = fold_login(&typed);
        prop_assert_eq!(fold_login(&once), once.clone());
        prop_assert_eq!(fold_login(&format!(" {typed}\u{3000}")), once);
    }
}
