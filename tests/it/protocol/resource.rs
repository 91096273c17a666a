//! The APIs that tokens are for.

use countersign::protocol::refusal::Refusal;
use countersign::protocol::resource::{Format, Resource, Resources, Target, TargetFault};
use countersign::protocol::scope::Scope;
use countersign::protocol::signing_alg::SigningAlg;
use serde_json::{Value, json};
use time::Duration;

const ISSUER: &str = "https://id.example";
const API: &str = "https://api.example";
const PAY: &str = "https://pay.example/v1";

fn declared(resources: Value) -> Result<Resources, String> {
    let resources: Vec<Resource> = serde_json::from_value(resources).map_err(|error| error.to_string())?;
    let algorithms = [SigningAlg::RS256, SigningAlg::ES256, SigningAlg::EdDSA];
    for resource in &resources {
        resource.check(ISSUER, &algorithms).map_err(|fault| fault.to_string())?;
    }
    Resources::new(resources).map_err(|fault| fault.to_string())
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
    let needs = |scope: &str| TargetFault::NeedsResource(scope.into());
    for (requested, scope, expected) in [
        (&[][..], "openid email", Ok((&[ISSUER][..], "email openid"))),
        (&[], "", Ok((&[ISSUER], ""))),
        (&[], "openid read", Ok((&[ISSUER, API], "openid read"))),
        (&[], "openid write read", Ok((&[ISSUER, API], "openid read write"))),
        (&[], "openid pay", Err(needs("pay"))),
        (&[], "openid read pay", Err(needs("pay"))),
        (&[], "openid gone", Err(needs("gone"))),
        (&["https://gone.example"], "openid", Err(TargetFault::Unknown("https://gone.example".into()))),
        (&[API], "openid read write pay", Ok((&[API], "read write"))),
        (&[PAY], "openid read check pay", Ok((&[PAY], "check pay"))),
        (&[API, PAY], "openid read pay", Ok((&[API, PAY], "pay read"))),
        (&[PAY], "openid", Ok((&[PAY], ""))),
    ] {
        let requested: Vec<String> = requested.iter().map(|uri| (*uri).to_owned()).collect();
        let target = resources().target(ISSUER, &requested, &Scope::parse(scope));
        let target = target.map(|Target { audience, scope, .. }| (audience, scope.to_string()));
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
    assert_eq!(
        resources.resolve([API, "https://x.example"].into_iter()),
        Err(TargetFault::Unknown("https://x.example".into()))
    );
    let all = resources.all_scopes().to_string();
    assert_eq!(all, "address check email offline_access openid pay phone profile read write");
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
        (json!([{ "uri": "HTTPS://ID.example", "scopes": [] }]), "issuer itself"),
        (json!([{ "uri": API, "scopes": ["offline_access"] }]), "OpenID Connect itself"),
        (json!([{ "uri": API, "scopes": [], "format": "paper" }]), "paper"),
        (json!([{ "uri": API, "scopes": [], "format": "opaque", "default": true }]), "takes JWTs"),
        (json!([{ "uri": API, "scopes": [], "format": "opaque", "alg": "ES256" }]), "not signed"),
        (json!([{ "uri": API, "scopes": [], "alg": "PS256" }]), "no key signs with PS256"),
        (json!([{ "uri": API, "scopes": [], "alg": "HS256" }]), "HS256"),
        (json!([{ "uri": API, "scopes": [], "alg": "none" }]), "none"),
        (json!([{ "uri": API, "scopes": [], "lifetime": "61m" }]), "accept_long_tokens"),
        (json!([{ "uri": API, "scopes": [], "lifetime": "9s" }]), "at least 10s"),
        (json!([{ "uri": API, "scopes": [], "lifetime": "31d", "accept_long_tokens": true }]), "at most 30d"),
        (json!([{ "uri": API, "scopes": [], "lifetime": 600 }]), "string"),
        (json!([{ "uri": API, "scopes": [], "name": "A\u{202e}PI" }]), "its name"),
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

fn several() -> Resources {
    declared(json!([
        { "uri": "https://a.example", "scopes": ["a"], "default": true, "lifetime": "5m" },
        { "uri": "https://b.example", "scopes": ["b"], "default": true, "lifetime": "2m" },
        { "uri": "https://plain.example", "scopes": ["plain"] },
        { "uri": "https://ed.example", "scopes": ["ed"], "default": true, "alg": "Ed25519" },
        { "uri": "https://es.example", "scopes": ["es"], "alg": "ES256" },
        { "uri": "https://o.example", "scopes": ["o"], "format": "opaque", "lifetime": "1h" },
        { "uri": "https://p.example", "scopes": ["p"], "format": "opaque" },
        { "uri": "https://long.example", "scopes": ["l"], "lifetime": "30d", "accept_long_tokens": true },
    ]))
    .unwrap()
}

/// Tokens that differ in form or algorithm are not one token; of several lifetimes the shortest counts.
#[test]
fn how_a_token_is_issued_follows_from_its_resources() {
    use Format::{Jwt, Opaque};
    use SigningAlg::{ES256, EdDSA};
    let minutes = |minutes| Duration::minutes(minutes);
    for (named, scope, expected) in [
        (&[][..], "openid", Some((Jwt, ES256, minutes(10)))),
        (&[], "openid a", Some((Jwt, ES256, minutes(5)))),
        (&[], "openid a b", Some((Jwt, ES256, minutes(2)))),
        (&[], "openid ed", Some((Jwt, EdDSA, minutes(10)))),
        (&[], "openid a ed", None),
        (&["a", "b", "plain"], "a", Some((Jwt, ES256, minutes(2)))),
        (&["plain"], "", Some((Jwt, ES256, minutes(10)))),
        (&["plain", "es"], "es plain", Some((Jwt, ES256, minutes(10)))),
        (&["ed"], "ed", Some((Jwt, EdDSA, minutes(10)))),
        (&["plain", "ed"], "ed", None),
        (&["o"], "o", Some((Opaque, ES256, minutes(60)))),
        (&["o", "p"], "o", Some((Opaque, ES256, minutes(10)))),
        (&["o", "es"], "o", None),
        (&["long"], "l", Some((Jwt, ES256, minutes(30 * 24 * 60)))),
        (&["long", "plain"], "l", Some((Jwt, ES256, minutes(10)))),
        (&["long", "a"], "l", Some((Jwt, ES256, minutes(5)))),
    ] {
        let named: Vec<String> = named.iter().map(|name| format!("https://{name}.example")).collect();
        let target = several().target(ISSUER, &named, &Scope::parse(scope));
        let fault = target.as_ref().err().cloned();
        let target = target.map(|target| (target.format, target.alg, target.lifetime(minutes(10))));
        assert_eq!(target.ok(), expected, "{named:?} {scope}");
        assert_eq!(matches!(fault, Some(TargetFault::Mixed(..))), expected.is_none(), "{fault:?}");
    }
    for fault in [
        TargetFault::Unknown("u".into()),
        TargetFault::NeedsResource("s".into()),
        TargetFault::Mixed("a".into(), "b".into()),
    ] {
        let Refusal { error, cause, .. } = fault.clone().refusal();
        assert_eq!(error.code, "invalid_target", "{fault:?}");
        assert!(cause.is_some_and(|cause| cause.remedy.is_some()), "{fault:?}");
    }
}

/// The file wins, and of two rows the older one.
#[test]
fn a_row_that_another_resource_excludes_is_not_in_force() {
    let row = |uri: &str, scopes: &[&str]| Resource {
        uri: uri.into(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        ..Resource::default()
    };
    let place = Some("countersign.toml, line 7".to_owned());
    let file = Resources::new(vec![Resource { place: place.clone(), ..row(API, &["read"]) }]).unwrap();
    let all = file.and(vec![
        row("HTTPS://API.example", &["other"]),
        row("https://one.example", &["one", "read"]),
        row("https://two.example", &["two"]),
        row("https://three.example", &["two", "three"]),
        row("https://four.example", &["four"]),
    ]);
    let uris: Vec<&str> = all.iter().map(|resource| resource.uri.as_str()).collect();
    assert_eq!(uris, [API, "https://two.example", "https://four.example"]);
    let shadowed =
        all.shadowed().iter().map(|row| (row.uri.as_str(), row.by.scope.as_deref(), row.by.place.clone()));
    let expected = [
        ("HTTPS://API.example", None, place.clone()),
        ("https://one.example", Some("read"), place),
        ("https://three.example", Some("two"), None),
    ];
    assert_eq!(shadowed.collect::<Vec<_>>(), expected);
    assert!(all.shadowed()[0].by.to_string().contains("countersign.toml, line 7"));
    assert!(!all.all_scopes().has("one") && !all.all_scopes().has("three") && all.all_scopes().has("four"));
}

#[test]
fn a_token_is_shown_to_who_acts_as_one_of_its_resources() {
    let all = declared(json!([
        { "uri": API, "scopes": [], "clients": ["api", "gateway"] }, { "uri": PAY, "scopes": [], "clients": ["pay"] },
    ]));
    let all = all.unwrap();
    for (client, audience, is_for) in [
        ("api", &[API][..], true),
        ("gateway", &[API], true),
        ("pay", &[API], false),
        ("pay", &[API, PAY], true),
        ("pay", &["HTTPS://PAY.example/v1"], true),
        ("api", &[ISSUER], false),
        ("api", &[], false),
        ("", &[API, PAY], false),
    ] {
        let audience: Vec<String> = audience.iter().map(|uri| (*uri).to_owned()).collect();
        assert_eq!(all.is_for(client, &audience), is_for, "{client} {audience:?}");
    }
}

/// What a row keeps is what the file would say, and a change names the members that differ.
#[test]
fn a_declaration_is_kept_as_it_was_said() {
    let resource = several().find("https://long.example").unwrap().clone();
    let kept = json!({ "uri": "https://long.example", "scopes": ["l"], "default": false, "format": "jwt",
        "lifetime": "30d", "accept_long_tokens": true });
    assert_eq!(serde_json::to_value(&resource).unwrap(), kept);
    assert_eq!(serde_json::from_value::<Resource>(kept).unwrap(), resource);
    let other = Resource { name: Some("Long".into()), lifetime: None, ..resource.clone() };
    assert_eq!(resource.changed(&other), ["lifetime", "name"]);
    assert_eq!(resource.changed(&resource), [] as [&str; 0]);
}
