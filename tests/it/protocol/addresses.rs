//! E-mail addresses: what can be one, and when two are the same.

use countersign::protocol::addresses::{check_address, fold_address};

#[test]
fn an_address_is_folded() {
    for (typed, folded) in [
        ("ada@example.com", "ada@example.com"),
        (" Ada@EXAMPLE.Com ", "ada@example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@XN--BCHER-KVA.example", "ada@xn--bcher-kva.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("Jürgen@example.com", "jürgen@example.com"),
        ("\u{FF41}da@example.com", "ada@example.com"),
        ("\"a@b\"@example.com", "\"a@b\"@example.com"),
        ("ada@[192.0.2.1]", "ada@[192.0.2.1]"),
        ("\u{1FBF}@example.com", "\u{313}@example.com"),
        ("ada@ex%61mple.com", "ada@ex%61mple.com"),
    ] {
        assert_eq!(fold_address(typed).as_deref(), Some(folded), "{typed}");
    }
    for none in ["", "ada", "@", "ada@", "@example.com", " @ ", "ada@\u{FE6B}", "ada@example\u{FF20}com"] {
        assert_eq!(fold_address(none), None, "{none:?}");
    }
    for good in ["ada@example.com", "ada@bücher.example", "ada@localhost"] {
        check_address(good).unwrap();
    }
    for bad in [
        "",
        "ada",
        "ada@",
        "ada@example\u{FF20}com",
        "a da@example.com",
        &format!("{}@example.com", "a".repeat(320)),
    ] {
        assert!(check_address(bad).is_err(), "{bad}");
    }
}
