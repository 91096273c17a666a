//! Scopes: how the text is read, and which one covers another.

use countersign::protocol::scope::{Scope, is_name};
use proptest::prelude::*;

#[test]
fn a_scope_is_a_sorted_set_of_names() {
    for (text, shown) in [
        ("openid", "openid"),
        ("profile openid email openid", "email openid profile"),
        ("", ""),
        ("   ", ""),
        ("  openid   email ", "email openid"),
        ("OpenID openid", "OpenID openid"),
        ("a\tb", ""),
        ("a\"b c\\d é x", "x"),
        ("https://api.example/read a:b", "a:b https://api.example/read"),
    ] {
        assert_eq!(Scope::parse(text).to_string(), shown, "{text:?}");
    }
    let (small, large) = (Scope::parse("openid email"), Scope::parse("openid email profile"));
    assert!(large.covers(&small) && !small.covers(&large) && small.covers(&Scope::default()));
    assert_eq!(small.union(&Scope::parse("phone")).to_string(), "email openid phone");
    assert_eq!(large.filter(|name| name != "email").to_string(), "openid profile");
    assert!(!is_name("") && !is_name("a b") && is_name("!#[]~") && !is_name("a\u{7F}"));
}

proptest! {
    #[test]
    fn equal_sets_are_equal_texts(names in prop::collection::vec("[a-z:./]{1,6}", 0..6), seed in any::<u64>()) {
        let mut shuffled = names.clone();
        shuffled.rotate_left(usize::try_from(seed % 7).unwrap().min(names.len()));
        let (one, two) = (Scope::parse(&names.join(" ")), Scope::parse(&shuffled.join("  ")));
        prop_assert_eq!(one.to_string(), two.to_string());
        prop_assert_eq!(Scope::parse(&one.to_string()), one.clone());
        prop_assert!(one.covers(&two) && one.union(&two) == one);
        let json = serde_json::to_value(&one).unwrap();
        prop_assert_eq!(serde_json::from_value::<Scope>(json).unwrap(), one);
    }

    #[test]
    fn any_text_is_read_as_some_scope(text in "\\PC{0,40}") {
        let scope = Scope::parse(&text);
        prop_assert!(scope.names().all(is_name));
    }
}
