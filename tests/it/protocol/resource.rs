//! The APIs that tokens are for.

use countersign::protocol::resource::{Resource, Resources, TargetFault};
use countersign::protocol::scope::Scope;
use serde_json::{Value, json};

const ISSUER: &str = "https://id.example";
const API: &str = "https://api.example";
const PAY: &str = "https://pay.example/v1";

fn declared(resources: Value) -> Result<Resources, String> {
    let resources: Vec<Resource> = serde_json::from_value(resources).map_err(|error| error.to_string())?;
    Resources::new(resources)
}

fn resources() -> Resources {
    declared(json!([
        { "uri": API, "scopes": ["read", "write"], "default": true, "claims": ["roles"] },
        { "uri": PAY, "scopes": ["pay", "check"], "claims": ["groups", "entitlements"] },
    ]))
    .unwrap()
}

#[test]
fn the_audience_and_what_a_token_may_do_there() {
    use TargetFault::NeedsResource;
    for (requested, scope, expected) in [
        (&[][..], "openid email", Ok((&[ISSUER][..], "email openid"))),
        (&[], "", Ok((&[ISSUER], ""))),
        (&[], "openid read", Ok((&[ISSUER, API], "openid read"))),
        (&[], "openid write read", Ok((&[ISSUER, API], "openid read write"))),
        (&[], "openid pay", Err(NeedsResource)),
        (&[], "openid read pay", Err(NeedsResource)),
        (&[API], "openid read write pay", Ok((&[API], "read write"))),
        (&[PAY], "openid read check pay", Ok((&[PAY], "check pay"))),
        (&[API, PAY], "openid read pay", Ok((&[API, PAY], "pay read"))),
        (&[PAY], "openid", Ok((&[PAY], ""))),
    ] {
        let requested: Vec<String> = requested.iter().map(|uri| (*uri).to_owned()).collect();
        let target = resources().target(ISSUER, &requested, &Scope::parse(scope));
        let target = target.map(|(audience, scope)| (audience, scope.to_string()));
        let expected = expected.map(|(audience, scope): (&[&str], &str)| {
            (audience.iter().map(|uri| (*uri).to_owned()).collect::<Vec<_>>(), scope.to_owned())
        });
        assert_eq!(target, expected, "{requested:?} {scope}");
    }
}

#[test]
fn a_resource_is_found_by_its_identifier() {
    let resources = resources();
    for (sent, found) in [
        (API, Some(API)),
        ("HTTPS://API.example", Some(API)),
        (PAY, Some(PAY)),
        ("https://PAY.example/v1", Some(PAY)),
        ("https://pay.example/V1", None),
        ("https://pay.example/v1/", None),
        ("https://pay.example", None),
        ("https://api.example.evil.example", None),
        ("", None),
    ] {
        assert_eq!(resources.find(sent).map(|resource| resource.uri.as_str()), found, "{sent}");
    }
    let own_scheme = declared(json!([{ "uri": "tps://O/Path", "scopes": [] }])).unwrap();
    for (sent, found) in [
        ("TPS://o/Path", Some("tps://O/Path")),
        ("tps://O/path", None),
        ("tps://O/Path/", None),
        ("tps:O/Path", None),
    ] {
        assert_eq!(own_scheme.find(sent).map(|resource| resource.uri.as_str()), found, "{sent}");
    }
    let urns = declared(
        json!([{ "uri": "urn:example:Api", "scopes": [] }, { "uri": "urn:example:api", "scopes": [] }]),
    );
    let urns = urns.unwrap();
    for (sent, found) in [
        ("urn:example:Api", Some("urn:example:Api")),
        ("URN:example:api", Some("urn:example:api")),
        ("urn:example:API", None),
    ] {
        assert_eq!(urns.find(sent).map(|resource| resource.uri.as_str()), found, "{sent}");
    }
    assert_eq!(resources.resolve(["HTTPS://api.example", API].into_iter()).unwrap(), [API], "named once");
    assert_eq!(resources.resolve([API, "https://x.example"].into_iter()), Err(TargetFault::Unknown));
    let all = resources.all_scopes().to_string();
    assert_eq!(all, "address check email openid pay phone profile read write");
    let claims = |audience: &[&str]| {
        let audience: Vec<String> = audience.iter().map(|uri| (*uri).to_owned()).collect();
        resources.token_claims(&audience).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(claims(&[ISSUER]), [] as [&str; 0]);
    assert_eq!(claims(&[ISSUER, API]), ["roles"]);
    assert_eq!(claims(&[PAY]), ["groups", "entitlements"]);
}

#[test]
fn a_bad_declaration_is_named() {
    for (resource, said) in [
        (json!([{ "uri": "api", "scopes": [] }]), "\"api\""),
        (json!([{ "uri": "https://api.example#x", "scopes": [] }]), "fragment"),
        (json!([{ "uri": "https://User@api.example", "scopes": [] }]), "user name"),
        (json!([{ "uri": "https://api.example\\Orders", "scopes": [] }]), "character"),
        (json!([{ "uri": "https://api\t.example", "scopes": [] }]), "character"),
        (json!([{ "uri": API, "scopes": [] }, { "uri": API, "scopes": [] }]), "declared twice"),
        (
            json!([{ "uri": API, "scopes": [] }, { "uri": "HTTPS://API.example", "scopes": [] }]),
            "declared twice",
        ),
        (
            json!([{ "uri": "tps://Host/a", "scopes": [] }, { "uri": "tps://hOST/a", "scopes": [] }]),
            "declared twice",
        ),
        (json!([{ "uri": API, "scopes": ["a", "b"] }, { "uri": PAY, "scopes": ["b"] }]), PAY),
        (json!([{ "uri": API, "scopes": ["a b"] }]), "a b"),
        (json!([{ "uri": API, "scopes": [""] }]), "cannot be the name"),
        (json!([{ "uri": API, "scopes": ["openid"] }]), "OpenID Connect itself"),
        (json!([{ "uri": API, "scopes": [], "claims": ["email"] }]), "email"),
        (json!([{ "uri": API, "scopes": ["a"], "descriptions": { "b": "x" } }]), "none of its scopes"),
        (json!([{ "uri": API, "scopes": ["a"], "descriptions": { "b#de": "x" } }]), "none of its scopes"),
        (json!([{ "uri": API, "scopes": ["a"], "descriptions": { "a#d e": "x" } }]), "no language tag"),
        (json!([{ "uri": API, "scopes": ["a"], "descriptions": { "a#": "x" } }]), "no language tag"),
        (json!([{ "uri": API, "scopes": [], "colour": "red" }]), "colour"),
        (json!([{ "scopes": [] }]), "uri"),
    ] {
        let refused = declared(resource.clone()).unwrap_err();
        assert!(refused.contains(said), "{resource}: {refused}");
    }
}

#[test]
fn a_scope_is_described_in_the_language_of_the_page() {
    let descriptions = json!({ "read": "Read", "read#de": "Lesen", "read#fr-CA": "Lire", "write#de": "Schreiben",
        "pay#de": "A scope", "pay#de#en": "A scope in English" });
    let scopes = json!(["read", "write", "pay#de", "bare"]);
    let resources =
        declared(json!([{ "uri": API, "scopes": scopes, "descriptions": descriptions }])).unwrap();
    let api = resources.find(API).unwrap();
    for (scope, lang, words) in [
        ("read", "en", Some("Read")),
        ("read", "de", Some("Lesen")),
        ("read", "de-AT", Some("Lesen")),
        ("read", "fr", Some("Lire")),
        ("write", "de", Some("Schreiben")),
        ("write", "en", None),
        ("pay#de", "de", Some("A scope")),
        ("pay#de", "en", Some("A scope in English")),
        ("pay", "de", None),
        ("bare", "de", None),
    ] {
        assert_eq!(api.describe(scope, lang), words, "{scope} in {lang}");
    }
}
