//! Sectors: which clients know people by the same names, and the documents that say so.

use countersign::protocol::client::{Metadata, MetadataFault, SectorDocument};
use serde_json::{Value, json};

use crate::protocol::client;

const DOCUMENT: &str = "https://sector.example/clients.json";

/// The metadata of a client with pairwise names, with these members beside.
fn metadata(more: &Value) -> Metadata {
    let mut members = json!({ "client_name": "App", "subject_type": "pairwise" });
    members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(members).unwrap()
}

#[test]
fn a_sector_is_a_host_or_else_the_client_itself() {
    for (more, sector) in [
        (json!({ "redirect_uris": ["https://a.example/cb"] }), Some("a.example")),
        (
            json!({ "redirect_uris": ["https://A.example:8443/cb", "https://a.example/two"] }),
            Some("a.example"),
        ),
        (json!({ "redirect_uris": ["https://b\u{fc}cher.example/cb"] }), Some("xn--bcher-kva.example")),
        (json!({ "redirect_uris": ["http://localhost:3000/cb"] }), Some("localhost")),
        (
            json!({ "redirect_uris": ["https://a.example/cb", "https://b.example/cb"],
                "sector_identifier_uri": "https://Sector.example:8443/clients.json" }),
            Some("sector.example"),
        ),
        (
            json!({ "redirect_uris": ["https://a.example/cb"], "sector_identifier_uri": DOCUMENT }),
            Some("sector.example"),
        ),
        // The device of the person is nobody's host.
        (json!({ "application_type": "native", "redirect_uris": ["com.example.app:/cb"] }), Some("app")),
        (json!({ "application_type": "native", "redirect_uris": ["com.example.app://cb/"] }), Some("app")),
        (json!({ "application_type": "native", "redirect_uris": ["http://127.0.0.1/cb"] }), Some("app")),
        (
            json!({ "application_type": "native",
                "redirect_uris": ["http://[::1]/cb", "com.example.app:/cb", "https://a.example/cb"] }),
            Some("a.example"),
        ),
        (json!({ "redirect_uris": [] }), Some("app")),
        (json!({ "redirect_uris": ["https://a.example/cb"], "subject_type": "public" }), None),
    ] {
        let client = client(serde_json::to_value(metadata(&more)).unwrap());
        assert_eq!(client.sector().as_deref(), sector, "{more}");
    }
}

#[test]
fn several_hosts_need_a_document() {
    let several = ["https://a.example/cb", "https://b.example/cb"];
    let app = ["https://a.example/cb", "com.example.app:/cb", "http://127.0.0.1/cb"];
    for (more, fine) in [
        (json!({ "redirect_uris": several }), false),
        (json!({ "redirect_uris": several, "subject_type": "public" }), true),
        (json!({ "redirect_uris": several, "sector_identifier_uri": DOCUMENT }), true),
        (json!({ "redirect_uris": app, "application_type": "native" }), true),
    ] {
        assert_eq!(metadata(&more).check(false).is_ok(), fine, "{more}");
    }
    let fault = metadata(&json!({ "redirect_uris": several })).check(false).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "subject_type pairwise needs a sector_identifier_uri, because the redirect URIs have several hosts: \
         a.example, b.example"
    );
    let plain =
        json!({ "redirect_uris": several, "sector_identifier_uri": "http://sector.example/clients.json" });
    let fault = metadata(&plain).check(false).unwrap_err();
    assert!(fault.to_string().ends_with("must be an https address"), "{fault}");
}

#[test]
fn a_document_lists_every_redirect_uri_byte_for_byte() {
    let app = metadata(&json!({ "redirect_uris": ["https://a.example/cb", "https://b.example/cb?x=%2F"] }));
    let none = metadata(&json!({ "redirect_uris": [] }));
    let read = |body: &str| SectorDocument::read(DOCUMENT, body.as_bytes());
    let said =
        |body: &str| read(body).and_then(|document| document.check(&app)).map_err(|fault| fault.to_string());
    let missing = |uri: &str| {
        Err(format!("sector_identifier_uri: {DOCUMENT:?} does not list the redirect URI {uri:?}"))
    };
    let (a, b) = ("https://a.example/cb", "https://b.example/cb?x=%2F");
    for (listed, expected) in [
        (vec![a, b], Ok(())),
        (vec!["https://c.example/", b, a, b], Ok(())),
        (vec![b], missing(a)),
        (vec![a], missing(b)),
        (vec![a, "https://b.example/cb?x=%2f"], missing(b)),
        (vec!["https://a.example/cb/", "https://a.example", "https://A.example/cb", b], missing(a)),
        (vec![], missing(a)),
    ] {
        assert_eq!(said(&json!(listed).to_string()), expected, "{listed:?}");
    }
    let nested = "[".repeat(60_000);
    for body in [
        "", "{}", "null", "\"https://a.example/cb\"", "[1]", "[null]", "[[]]", "[\"a\"", "[\"a\"] x", &nested,
    ] {
        let said = said(body).unwrap_err();
        let expected = format!("sector_identifier_uri: {DOCUMENT:?} is not a JSON array of strings");
        assert_eq!(said, expected, "{body:.20}");
    }
    assert!(SectorDocument::read(DOCUMENT, b"[\"\xff\"]").is_err());
    assert_eq!(read("[]").unwrap().check(&none), Ok::<(), MetadataFault>(()));
    let document = read("[]").unwrap();
    assert!(document.is_of(DOCUMENT) && !document.is_of("https://sector.example/"));
}

#[test]
fn a_document_is_read_for_a_new_client_and_for_every_change_of_what_it_vouches_for() {
    let with = |uris: &[&str], document: Option<&str>| {
        metadata(&json!({ "redirect_uris": uris, "sector_identifier_uri": document }))
    };
    let (one, two) = (&["https://a.example/cb"][..], &["https://a.example/cb", "https://b.example/cb"][..]);
    let elsewhere = "https://other.example/clients.json";
    for (before, after, read) in [
        (None, with(one, Some(DOCUMENT)), Some(DOCUMENT)),
        (None, with(one, None), None),
        (Some(with(one, Some(DOCUMENT))), with(one, Some(DOCUMENT)), None),
        (Some(with(one, Some(DOCUMENT))), with(two, Some(DOCUMENT)), Some(DOCUMENT)),
        (Some(with(two, Some(DOCUMENT))), with(one, Some(DOCUMENT)), Some(DOCUMENT)),
        (Some(with(one, Some(DOCUMENT))), with(one, Some(elsewhere)), Some(elsewhere)),
        (Some(with(one, None)), with(one, Some(DOCUMENT)), Some(DOCUMENT)),
        (Some(with(one, Some(DOCUMENT))), with(two, None), None),
    ] {
        assert_eq!(after.sector_to_read(before.as_ref()), read, "{before:?} {after:?}");
    }
    // It vouches for the sector whatever the names are: they may become pairwise later.
    let public = metadata(
        &json!({ "redirect_uris": one, "sector_identifier_uri": DOCUMENT, "subject_type": "public" }),
    );
    assert_eq!(public.sector_to_read(None), Some(DOCUMENT));
}
