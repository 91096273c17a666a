//! Languages: what is liked, and what there is.

use countersign::protocol::locales::{accepted, lookup};

#[test]
fn an_accept_language_header_is_read_by_its_weights() {
    let table: [(&str, &[&str]); 20] = [
        ("", &[""]),
        ("de", &["de"]),
        ("de-AT, de;q=0.9, en;q=0.8", &["de-AT", "de", "en"]),
        ("en;q=0.2,de;q=0.9, fr;q=0.5", &["de", "fr", "en"]),
        ("en, de", &["en", "de"]),
        ("en;q=0.5, de;q=0.5", &["en", "de"]),
        ("en ; q=0.5 , de", &["de", "en"]),
        ("de;Q=0.3, en;q=0.4", &["en", "de"]),
        ("de;q=0, en;q=0.1", &["en"]),
        ("de;q=0.000, en", &["en"]),
        ("*, de;q=0.5", &["*", "de"]),
        ("de;q=1.001, en", &["en"]),
        ("de;q=2, en", &["en"]),
        ("de;q=inf, en", &["en"]),
        ("de;q=NaN, en", &["en"]),
        ("de;q=-1, en", &["en"]),
        ("de;q=1e0, en", &["en"]),
        ("de;q=, en", &["en"]),
        ("de;level=1, en", &["en"]),
        (";;;,,;q=1", &["", ""]),
    ];
    for (header, ranges) in table {
        let found = accepted(header);
        assert_eq!(found, ranges, "{header}");
    }
    let endless = "xx,".repeat(10_000) + "de";
    assert!(accepted(&endless).len() < 100);
}

#[test]
fn the_best_match_is_the_first_wanted_one_in_its_nearest_form() {
    let spoken = ["en", "de", "zh-Hant", "pt-BR"];
    let table: [(&str, Option<&str>); 26] = [
        ("de", Some("de")),
        ("DE", Some("de")),
        ("de-AT", Some("de")),
        ("de-ch-1996", Some("de")),
        ("de-x-private", Some("de")),
        ("de-DE-u-co-phonebk", Some("de")),
        ("fr de", Some("de")),
        ("fr-CH en-GB de", Some("en")),
        ("zh-hant-TW", Some("zh-Hant")),
        ("zh", None),
        ("zh-Hans", None),
        ("pt", None),
        ("pt-br", Some("pt-BR")),
        ("deu", None),
        ("d", None),
        ("*", None),
        ("", None),
        ("-", None),
        ("de-", Some("de")),
        ("-de", None),
        ("de_DE", Some("de")),
        ("de_AT", Some("de")),
        ("fr_FR zh_Hant_TW", Some("zh-Hant")),
        ("_de", None),
        ("en_", Some("en")),
        ("<script> ../../etc/passwd de-DE", Some("de")),
    ];
    for (wanted, found) in table {
        assert_eq!(lookup(wanted.split(' '), &spoken), found, "{wanted}");
    }
    let endless = "x-".repeat(100_000);
    assert_eq!(lookup([endless.as_str()], &spoken), None);
}
