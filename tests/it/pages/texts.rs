//! The language files are complete: what a template asks for exists, and faults are named as they must be.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use countersign::web::texts::Texts;
use countersign::web::views::ScopeLine;

use super::sample_pages::{ERROR_KINDS, sample_pages};

/// Collects the first string of every call `name("…"` in a folder or file.
fn ids_asked_for(path: &Path, ids: &mut BTreeSet<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            ids_asked_for(&entry.unwrap().path(), ids);
        }
        return;
    }
    let Ok(source) = fs::read_to_string(path) else { return };
    for call in ["shell.get(\"", "shell.with(\"", "texts.get(\"", "texts.with(\""] {
        for rest in source.split(call).skip(1) {
            ids.insert(rest.split('"').next().unwrap().to_owned());
        }
    }
}

#[test]
fn the_language_files_have_no_faults() {
    assert_eq!(Texts::english().lang(), "en");
    for texts in Texts::all() {
        assert_eq!(texts.faults(), [] as [String; 0], "{}", texts.lang());
    }
}

#[test]
fn every_text_a_page_asks_for_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut ids = BTreeSet::new();
    for folder in ["templates", "src"] {
        ids_asked_for(&root.join(folder), &mut ids);
    }
    assert!(ids.len() > 30, "the search has lost its way: {ids:?}");
    for texts in Texts::all() {
        let missing: Vec<_> = ids.iter().filter(|id| !texts.has(id)).collect();
        assert!(missing.is_empty(), "{}: {missing:?}", texts.lang());
    }
}

#[test]
fn no_page_shows_an_id_or_an_unfilled_place() {
    for (name, html) in sample_pages() {
        let shown = scraper::Html::parse_document(&html).root_element().text().collect::<String>();
        assert!(!shown.contains("{$") && !shown.contains("{ $"), "{name} shows an unfilled place");
        for prefix in ["error-", "login-", "consent-", "sign-out-", "home-", "detail-", "page-title"] {
            let id = shown.split_whitespace().find(|word| word.starts_with(prefix));
            assert_eq!(id, None, "{name} shows an id instead of words");
        }
    }
}

#[test]
fn every_kind_of_error_says_what_happened_and_what_to_do() {
    for (kind, _, _) in ERROR_KINDS {
        for id in ["title", "what", "next"].map(|part| format!("error-{kind}-{part}")) {
            assert!(Texts::all().all(|texts| texts.has(&id)), "{id}");
        }
    }
}

#[test]
fn the_fault_is_named_in_the_words_of_the_standards() {
    let table = [
        ("redirect-uri-missing", "redirect_uri is missing"),
        ("redirect-uri-mismatch", "redirect_uri does not match"),
        ("client-id-missing", "client_id is missing"),
        ("client-unknown", "client_id"),
        ("response-type", "response_type is missing"),
        ("request-uri-invalid", "request_uri"),
        ("hint-invalid", "id_token_hint"),
        ("post-logout-mismatch", "post_logout_redirect_uri does not match"),
    ];
    for (kind, words) in table {
        let what = Texts::english().with(&format!("error-{kind}-what"), &[]);
        assert!(what.contains(words), "error-{kind}-what: {what}");
    }
}

#[test]
fn numbers_choose_the_plural_and_names_stay_as_they_are() {
    let texts = Texts::english();
    let paused = |seconds| texts.with("error-rate-limited-what", &[("seconds", seconds)]);
    assert!(paused("1").ends_with("for 1 second."), "{}", paused("1"));
    assert!(paused("30").ends_with("for 30 seconds."), "{}", paused("30"));
    assert!(paused("1000").ends_with("for 1000 seconds."), "{}", paused("1000"));
    for name in ["007", "1.0", "+1", "4294967296", "{ $client }", "-x"] {
        let title = texts.with("login-title-client", &[("client", name)]);
        assert_eq!(title, format!("Sign in to {name}"));
    }
}

#[test]
fn a_missing_text_shows_its_id() {
    assert!(!Texts::english().has("no-such-text"));
    assert_eq!(Texts::english().get("no-such-text"), "no-such-text");
}

#[test]
fn standard_scopes_have_words_and_others_do_not() {
    let known = |scope| ScopeLine::standard(Texts::english(), scope);
    for scope in ["openid", "profile", "email", "phone", "address", "offline_access"] {
        assert!(known(scope).is_some_and(|line| line.detail.is_some()), "{scope}");
    }
    assert!(known("invoices.delete").is_none());
    assert!(known("openid-detail").is_none());
    assert!(known("").is_none());
}
