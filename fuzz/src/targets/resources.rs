//! Resource indicators: only declared resources are ever the audience of a token.

use countersign::protocol::resource::{Resource, Resources, Target};
use countersign::protocol::scope::Scope;
use countersign::protocol::signing_alg::SigningAlg;
use url::Url;

use crate::input::texts;

const ISSUER: &str = "https://id.example";

/// The input is two declared identifiers, scopes, and then the requested resources, one a line.
pub fn run(input: &[u8]) {
    let Some([first, second, scopes, asked]) = texts::<4>(input) else { return };
    let declared = vec![resource(first, "one", true), resource(second, "two", false)];
    if declared.iter().any(|resource| resource.check(ISSUER, &SigningAlg::ALL).is_err()) {
        return;
    }
    let Ok(resources) = Resources::new(declared) else { return };
    for sent in asked.lines().chain([first, second]) {
        let Some(found) = resources.find(sent) else { continue };
        assert!(found.uri.eq_ignore_ascii_case(sent), "{sent:?} is taken for {:?}", found.uri);
        assert_eq!(parts(&found.uri), parts(sent));
    }
    assert!(resources.find(first).is_some_and(|found| found.uri == first), "{first:?}");
    assert!(resources.find(second).is_some_and(|found| found.uri == second), "{second:?}");
    let requested = resources.resolve(asked.lines());
    assert_eq!(requested.is_ok(), asked.lines().all(|uri| resources.find(uri).is_some()));
    let requested = requested.unwrap_or_default();
    let scopes = Scope::parse(scopes).filter(|name| resources.all_scopes().has(name));
    if let Ok(Target { audience, scope: carried, .. }) = resources.target(ISSUER, &requested, &scopes) {
        assert!(!audience.is_empty() && scopes.covers(&carried));
        assert!(audience.iter().all(|of| of == ISSUER || of == first || of == second), "{audience:?}");
        assert!(requested.is_empty() || audience == requested, "{audience:?}");
        // A token for one API never carries the scopes of another.
        assert!(!carried.has("two.read") || audience.iter().any(|of| of == second), "{carried}");
        assert!(!carried.has("one.read") || audience.iter().any(|of| of == first), "{carried}");
        assert_eq!(
            resources.token_claims(&audience).count(),
            audience.iter().filter(|of| *of == first).count()
        );
    }
}

/// An identifier as a parser that is not ours reads it. That parser lower-cases the hosts of the schemes it knows;
/// RFC 3986 §6.2.2.1 makes no such difference, so the others are lower-cased here.
fn parts(uri: &str) -> (Url, Option<String>) {
    let mut url = Url::parse(uri).expect("an identifier that is declared or found is a URL");
    let host = url.host_str().map(str::to_ascii_lowercase);
    if host.is_some() {
        url.set_host(host.as_deref()).expect("a host in lower case is a host");
    }
    (url, host)
}

fn resource(uri: &str, name: &str, default: bool) -> Resource {
    Resource {
        uri: uri.into(),
        scopes: vec![format!("{name}.read"), format!("{name}.write")],
        default,
        claims: if default { vec!["roles".into()] } else { vec![] },
        ..Resource::default()
    }
}
