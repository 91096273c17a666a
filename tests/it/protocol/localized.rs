//! What is said of a client in the language of a page.

use serde_json::json;

use super::client;

#[test]
fn the_nearest_language_is_chosen_and_the_plain_member_serves_the_others() {
    let rows = [
        (json!({}), "de", "Plain"),
        (json!({ "client_name#de": "A" }), "de", "A"),
        (json!({ "client_name#DE": "A" }), "de", "A"),
        (json!({ "client_name#de": "A" }), "en", "Plain"),
        (json!({ "client_name#de": "A", "client_name#de-AT": "B" }), "de", "A"),
        (json!({ "client_name#de-AT": "B", "client_name#den": "C" }), "de", "B"),
        (json!({ "client_name#de": "A" }), "de-AT", "A"),
        (json!({ "client_name#de": "A", "client_name#de-AT": "B" }), "de-AT", "B"),
        (json!({ "client_name#deu": "A" }), "de", "Plain"),
        (json!({ "client_uri#de": "https://a.example/" }), "de", "Plain"),
    ];
    for (members, lang, name) in rows {
        let mut all = json!({ "client_name": "Plain", "redirect_uris": ["https://a.example/cb"] });
        all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        assert_eq!(client(all).metadata.name_in(lang), name, "{members} in {lang}");
    }
}

#[test]
fn members_of_versions_to_come_stop_nobody() {
    let stored = json!({ "client_name": "Plain", "client_name#de": "A", "client_name#fr": 5, "unheard_of": { "keys": [] },
        "contacts": ["ada@example.com"], "logo_uri#de": "https://a.example/logo" });
    let metadata = client(stored).metadata;
    let kept: Vec<_> = metadata.localized.iter().collect();
    assert_eq!(kept, [("client_name", "de", "A")]);
    assert_eq!(serde_json::to_value(&metadata).unwrap()["client_name#de"], "A");
}
