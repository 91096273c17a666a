//! The language files are complete: what a template asks for exists, and faults are named as they must be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use countersign::protocol::redirect_uri::Difference;
use countersign::protocol::scope::{STANDARD, Scope};
use countersign::texts::Texts;
use countersign::web::permissions::ScopeLine;
use time::macros::datetime;
use time::{Date, Month};

use super::sample_pages::{failures, sample_pages};

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
        assert_eq!(texts.errors(), [] as [String; 0], "{}", texts.lang());
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
        for prefix in [
            "error-", "login-", "select-", "consent-", "device-", "sign-out-", "signed-out-", "home-",
            "detail-", "page-title",
        ] {
            let id = shown.split_whitespace().find(|word| word.starts_with(prefix));
            assert_eq!(id, None, "{name} shows an id instead of words");
        }
    }
}

/// The names of all ways in which two addresses can differ: a new one does not compile before it is here.
fn differences() -> impl Iterator<Item = &'static str> {
    use Difference as D;
    let all = std::iter::successors(Some(D::Scheme), |difference| {
        Some(match difference {
            D::Scheme => D::Localhost,
            D::Localhost => D::Host,
            D::Host => D::Port,
            D::Port => D::Case,
            D::Case => D::TrailingSlash,
            D::TrailingSlash => D::Path,
            D::Path => D::Query,
            D::Query => D::DoubleSlash,
            D::DoubleSlash => D::Fragment,
            D::Fragment => D::UserInfo,
            D::UserInfo => D::Encoding,
            D::Encoding => D::NotAbsolute,
            D::NotAbsolute => D::SchemeMissing,
            D::SchemeMissing => D::NotAscii,
            D::NotAscii => D::DoubleEncoded,
            D::DoubleEncoded => return None,
        })
    });
    all.map(Difference::name)
}

/// The ids that are put together from a name and a part.
fn composed_ids() -> BTreeSet<String> {
    let errors = failures()
        .flat_map(|failure| ["title", "what", "next"].map(|part| format!("error-{}-{part}", failure.name())));
    let problems = ["credentials", "missing", "busy", "state-down", "too-many"];
    let problems =
        problems.iter().flat_map(|kind| ["title", "next"].map(|part| format!("login-{kind}-{part}")));
    let standard = Scope::standard();
    let scopes = standard.names().flat_map(|name| [format!("scope-{name}"), format!("scope-{name}-detail")]);
    let claims = STANDARD.iter().flat_map(|(_, claims)| *claims).filter(|claim| **claim != "sub");
    let claims = claims.map(|claim| format!("claim-{claim}"));
    let differs = differences().map(|name| format!("differs-{name}"));
    let codes = ["missing", "character", "length", "unknown", "expired", "decided", "too-many"];
    let codes = codes.iter().flat_map(|kind| ["title", "next"].map(|part| format!("device-{kind}-{part}")));
    let ends = ["approved", "denied"];
    let ends =
        ends.iter().flat_map(|end| ["title", "what", "next"].map(|part| format!("device-{end}-{part}")));
    let way_back = "error-ticket-expired-next-client".to_owned();
    let of_devices = codes.chain(ends);
    errors
        .chain(problems)
        .chain(of_devices)
        .chain(scopes)
        .chain(claims)
        .chain(differs)
        .chain([way_back])
        .collect()
}

#[test]
fn every_failure_problem_scope_and_difference_has_its_words() {
    for id in composed_ids() {
        assert!(Texts::all().all(|texts| texts.has(&id)), "{id}");
    }
}

/// The messages of a language file, each as it is written.
fn messages(lang: &str) -> BTreeMap<String, String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("templates/locales/{lang}.ftl"));
    let (source, mut found) = (fs::read_to_string(file).unwrap(), Vec::<(String, String)>::new());
    for line in source.lines() {
        if line.starts_with(|first: char| first.is_ascii_lowercase()) {
            let (id, text) = line.split_once(" =").unwrap();
            found.push((id.to_owned(), text.to_owned()));
        } else if line.starts_with(' ') {
            found.last_mut().unwrap().1 += line;
        }
    }
    assert!(found.len() > 100, "the search has lost its way: {found:?}");
    let several = found.len();
    let found: BTreeMap<_, _> = found.into_iter().collect();
    assert_eq!(found.len(), several, "{lang}: a message is there twice");
    found
}

#[test]
fn no_text_is_left_that_nothing_asks_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut sources, composed) = (String::new(), composed_ids());
    for folder in ["templates", "src"] {
        collect(&root.join(folder), &mut sources);
    }
    let messages = messages("en");
    let idle = messages.keys().filter(|id| {
        let named = sources.contains(&format!("\"{id}\"")) || sources.contains(&format!("{{ {id} }}"));
        !named && !composed.contains(*id)
    });
    assert_eq!(idle.collect::<Vec<_>>(), [] as [&String; 0]);
}

/// What stands between braces, and every word of the standards: a translation must keep them all.
fn kept(text: &str) -> BTreeSet<&str> {
    let variables = text.split('$').skip(1).map(|rest| rest.split([' ', '}']).next().unwrap());
    let references = text.split("{ ").skip(1).map(|rest| rest.split(' ').next().unwrap());
    let terms =
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| word.contains('_'));
    variables.chain(references).chain(terms).collect()
}

#[test]
fn every_language_has_the_same_texts_with_the_same_places_to_fill() {
    let english = messages("en");
    // What is the same word in both.
    let shared = ["product", "page-title", "page-title-problem"];
    for lang in Texts::languages().into_iter().filter(|lang| *lang != "en") {
        let other = messages(lang);
        let ids = |messages: &BTreeMap<String, String>| messages.keys().cloned().collect::<BTreeSet<_>>();
        let differ: Vec<_> = ids(&english).symmetric_difference(&ids(&other)).cloned().collect();
        assert_eq!(differ, [] as [String; 0], "{lang}: missing, or of no use");
        for (id, text) in &english {
            assert_eq!(kept(text), kept(&other[id]), "{lang}: {id}");
            assert!(*text != other[id] || shared.contains(&id.as_str()), "{lang}: {id} is not translated");
        }
    }
}

#[test]
fn every_file_of_a_language_is_spoken() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/locales");
    let names = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<_> = names.map(|name| name.trim_end_matches(".ftl").to_owned()).collect();
    assert_eq!(files, Texts::languages().map(str::to_owned).into());
}

/// Reads every file of a folder into one text.
fn collect(path: &Path, into: &mut String) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), into);
        }
    } else if let Ok(source) = fs::read_to_string(path) {
        into.push_str(&source);
    }
}

#[test]
fn the_fault_is_named_in_the_words_of_the_standards() {
    let table = [
        ("redirect-uri-missing", "redirect_uri is missing"),
        ("redirect-uri-mismatch", "redirect_uri does not match"),
        ("client-id-missing", "client_id is missing"),
        ("client-unknown", "client_id"),
        ("request-not-supported", "request_uri"),
    ];
    for (kind, words) in table {
        let what = Texts::english().with(&format!("error-{kind}-what"), &[]);
        assert!(what.contains(words), "error-{kind}-what: {what}");
    }
}

#[test]
fn numbers_choose_the_plural_and_names_stay_as_they_are() {
    let texts = Texts::english();
    let paused = |minutes| texts.with("error-rate-limited-what", &[("minutes", minutes)]);
    assert!(paused("1").ends_with("for 1 minute."), "{}", paused("1"));
    assert!(paused("30").ends_with("for 30 minutes."), "{}", paused("30"));
    assert!(paused("1000").ends_with("for 1000 minutes."), "{}", paused("1000"));
    let german = Texts::of("de").unwrap();
    let paused = |minutes| german.with("error-rate-limited-what", &[("minutes", minutes)]);
    assert!(paused("1").contains("für 1 Minute nicht"), "{}", paused("1"));
    assert!(paused("30").contains("für 30 Minuten nicht"), "{}", paused("30"));
    for name in ["007", "1.0", "+1", "4294967296", "{ $client }", "-x"] {
        let title = texts.with("login-title", &[("client", name)]);
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
    for scope in ["openid", "profile", "email", "phone", "address"] {
        assert!(known(scope).is_some_and(|line| line.detail.is_some()), "{scope}");
    }
    assert!(known("invoices.delete").is_none());
    assert!(known("openid-detail").is_none());
    assert!(known("").is_none());
}

#[test]
fn dates_are_written_as_the_language_writes_them() {
    let at = |lang, instant| Texts::of(lang).unwrap().at("home-since", instant);
    let march = datetime!(2026-03-07 09:05 UTC);
    assert_eq!(at("en", march), "Since 7 March 2026, 09:05 UTC");
    assert_eq!(at("de", march), "Seit 7. März 2026, 09:05 Uhr (UTC)");
    assert_eq!(at("de", datetime!(2026-12-31 23:30 -01:00)), "Seit 1. Januar 2027, 00:30 Uhr (UTC)");
    let months = (1..=12).map(|month| {
        let first = Date::from_calendar_date(2026, Month::try_from(month).unwrap(), 1).unwrap();
        at("de", first.midnight().assume_utc()).split(' ').nth(2).unwrap().to_owned()
    });
    let german = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember";
    assert_eq!(months.collect::<Vec<_>>().join(" ").replace(',', ""), german);
}
