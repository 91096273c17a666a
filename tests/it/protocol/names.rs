//! Names: which characters they may have, and when two look alike.

use countersign::protocol::addresses::{check_address, fold_address};
use countersign::protocol::client::{Metadata, SigningAlg};
use countersign::protocol::names::{
    LoginFault, LoginName, check_shown, fold, is_hidden, skeletons, tables_version,
};
use countersign::protocol::registration::{self, Offered};
use countersign::protocol::scope::Scope;
use countersign::protocol::user::{User, UserFault, check_claims, clean_names};
use proptest::prelude::*;
use serde_json::{Map, json};

/// Skeletons are stored. Other tables make other ones, and a start with them makes all of them anew: when this
/// fails, see that `store/people.rs` still tries that, and change it.
#[test]
fn the_tables_are_those_of_this_version_of_unicode() {
    assert_eq!(tables_version(), "18.0.0");
}

#[test]
fn a_login_name_has_the_characters_of_identifiers() {
    for (typed, shown, folded) in [
        (" Ada ", "Ada", "ada"),
        (
            "ada.lovelace-1_x+y@example.com", "ada.lovelace-1_x+y@example.com",
            "ada.lovelace-1_x+y@example.com",
        ),
        ("o'brien", "o'brien", "o'brien"),
        ("\u{FF21}da", "Ada", "ada"),
        ("Straße", "Straße", "strasse"),
        ("E\u{301}va", "Éva", "éva"),
        ("Алиса", "Алиса", "алиса"),
        ("Οδυσσεύς", "Οδυσσεύς", "οδυσσεύσ"),
        ("さくらサクラ桜abc", "さくらサクラ桜abc", "さくらサクラ桜abc"),
        ("علي", "علي", "علي"),
        ("अदा", "अदा", "अदा"),
    ] {
        let name = LoginName::parse(typed).unwrap_or_else(|fault| panic!("{typed:?}: {fault}"));
        assert_eq!((name.shown(), name.folded()), (shown, folded), "{typed:?}");
    }
    for (typed, fault, said) in [
        ("", LoginFault::Length, "1 to 128"),
        (" \u{3000}", LoginFault::Length, "1 to 128"),
        ("a\u{AD}lice", LoginFault::Hidden('\u{AD}'), "U+00AD"),
        ("a\u{34F}lice", LoginFault::Hidden('\u{34F}'), "U+034F"),
        ("a\u{200D}lice", LoginFault::Hidden('\u{200D}'), "U+200D"),
        ("a\u{3164}lice", LoginFault::Hidden('\u{3164}'), "U+3164"),
        ("alice\u{FE0F}", LoginFault::Hidden('\u{FE0F}'), "U+FE0F"),
        ("alice\u{2800}", LoginFault::Hidden('\u{2800}'), "U+2800"),
        ("alice\u{E0041}", LoginFault::Hidden('\u{E0041}'), "U+E0041"),
        ("alice\u{202E}", LoginFault::Hidden('\u{202E}'), "U+202E"),
        ("ali\u{7}ce", LoginFault::Hidden('\u{7}'), "U+0007"),
        ("ada lovelace", LoginFault::Character(' '), "U+0020 (a space)"),
        ("ada/1", LoginFault::Character('/'), "U+002F (/)"),
        ("a\u{1F9A6}", LoginFault::Character('\u{1F9A6}'), "U+1F9A6"),
        ("<ada>", LoginFault::Character('<'), "U+003C (<)"),
        ("аda", LoginFault::Scripts, "scripts"),
        ("adaα", LoginFault::Scripts, "scripts"),
        ("ada@exаmple.com", LoginFault::Scripts, "scripts"),
    ] {
        let found = LoginName::parse(typed).expect_err(typed);
        assert_eq!(found, fault, "{typed:?}");
        assert!(found.to_string().contains(said), "{typed:?}: {found}");
    }
    LoginName::parse(&"a".repeat(128)).unwrap();
    assert_eq!(LoginName::parse(&"a".repeat(129)), Err(LoginFault::Length));
}

#[test]
fn names_that_look_alike_share_a_skeleton() {
    for (one, other) in [
        ("ada", "Ada"),
        ("alice", "аӏісе"),
        ("scope", "ѕсоре"),
        ("modern", "modem"),
        ("user1", "userl"),
        ("Ivan", "lvan"),
        ("user0", "userO"),
        ("alice", "AIice"),
        ("o'brien", "o\u{2019}brien"),
        ("alice", "a\u{AD}lice"),
    ] {
        assert!(!skeletons(one).is_disjoint(&skeletons(other)), "{one} {other}");
    }
    for (one, other) in [("ada", "eve"), ("user1", "user2"), ("ivan", "lvan"), ("алиса", "alisa")] {
        assert!(skeletons(one).is_disjoint(&skeletons(other)), "{one} {other}");
    }
}

fn offered() -> Offered {
    Offered {
        scopes: Scope::standard(),
        algorithms: vec![SigningAlg::RS256],
        development: false,
        accept_long_tokens: false,
    }
}

#[test]
fn what_is_hidden_is_in_no_name_that_people_are_shown() {
    let hidden = "\u{AD}\u{34F}\u{61C}\u{115F}\u{180E}\u{200B}\u{200D}\u{200F}\u{2028}\u{202E}\u{2060}\u{2066}\
        \u{2800}\u{3164}\u{FE0F}\u{FEFF}\u{FFA0}\u{FFF9}\u{E0001}\u{E0041}\u{E0100}\u{0}\u{1B}\u{7F}\u{9B}";
    for c in hidden.chars() {
        assert!(is_hidden(c), "U+{:04X}", u32::from(c));
        let (name, code) = (format!("A{c}B"), format!("U+{:04X}", u32::from(c)));
        assert!(check_shown(&name).unwrap_err().to_string().contains(&code));
        assert!(check_address(&format!("a{c}@example.com")).unwrap_err().to_string().contains(&code));
        // What would act on a terminal or hide other text is refused; what has no looks is left out, and it is said.
        let is_refused = c.is_control() || matches!(c, '\u{2028}' | '\u{FFF9}');
        for member in ["client_name", "client_name#de"] {
            let mut metadata =
                json!({ "client_name": "App", "redirect_uris": ["https://app.example/callback"] });
            metadata[member] = json!(name);
            let read = registration::read(metadata.as_object().unwrap().clone(), &offered());
            let stored: Metadata = serde_json::from_value(metadata).unwrap();
            if is_refused {
                let Err(fault) = read else { panic!("{member} {code}") };
                assert!(fault.to_string().contains(&code), "{fault}");
                continue;
            }
            let read = read.unwrap();
            assert_eq!(read.ignored, [format!("left out of {member} what is invisible: {code}")]);
            for kept in [read.metadata, stored] {
                assert_eq!(serde_json::to_value(kept).unwrap()[member], "AB", "{code}");
            }
        }
        for claim in ["name", "name#ja", "given_name", "family_name", "middle_name", "nickname"] {
            let mut claims = Map::from_iter([(claim.to_owned(), json!(name))]);
            assert!(check_claims(&claims).unwrap_err().to_string().contains(&code), "{claim} {code}");
            let said = clean_names(&mut claims);
            let expected = if is_refused { &name } else { "AB" };
            assert_eq!(
                (claims[claim].as_str(), said.is_empty()),
                (Some(expected), is_refused),
                "{claim} {code}"
            );
        }
    }
    for c in "aé ñ'\u{1F9A6}桜\u{301}\u{A0}".chars() {
        assert!(!is_hidden(c), "U+{:04X}", u32::from(c));
    }
}

#[test]
fn the_user_name_is_the_login_name() {
    let person = |login: &str, claims| {
        let claims = serde_json::from_value(claims).unwrap();
        User { id: "u".into(), login: login.into(), disabled: false, claims }
    };
    let ada = person("Ada", json!({}));
    assert_eq!(ada.claim("preferred_username"), Some(json!("Ada")));
    assert_eq!(ada.claims_named(&["preferred_username".into()])["preferred_username"], "Ada");
    assert_eq!(ada.claim("nickname"), None);
    person("Ada", json!({ "preferred_username": "ada" })).check().unwrap();
    let other = person("ada", json!({ "preferred_username": "grace" }));
    assert_eq!(other.check(), Err(UserFault::Username));
    assert!(other.contradicts_itself());
    // What was so before stays until it is changed.
    let renamed = User {
        claims: json!({ "preferred_username": "grace", "name": "A" }).as_object().unwrap().clone(),
        ..other.clone()
    };
    assert_eq!(renamed.check_change(&other), Ok(None));
    let worse = person("ada", json!({ "preferred_username": "eve" }));
    assert_eq!(worse.check_change(&other), Err(UserFault::Username));
    let old = person("a\u{AD}da", json!({ "name": "A\u{AD}" }));
    let told = person("a\u{AD}da", json!({ "name": "A\u{AD}", "email": "a@example.com" }));
    assert_eq!(told.check_change(&old), Ok(None), "a rule that is younger than the data refuses nobody");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn a_name_that_was_taken_would_be_taken_again(typed in "\\PC{0,20}") {
        if let Ok(name) = LoginName::parse(&typed) {
            let again = LoginName::parse(name.shown()).unwrap();
            prop_assert_eq!(&again, &name);
            prop_assert!(!name.shown().chars().any(is_hidden));
            prop_assert_eq!(fold(name.shown()), name.folded());
        }
        prop_assert_eq!(fold(&fold(&typed)), fold(&typed));
        if let Some(address) = fold_address(&typed) {
            prop_assert_eq!(fold_address(&address), Some(address.clone()));
        }
    }
}
