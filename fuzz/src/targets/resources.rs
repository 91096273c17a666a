//! Resource indicators: only what is declared is ever the audience of a token.

use countersign::protocol::resource::{Resource, Resources};
use countersign::protocol::scope::Scope;
use url::Url;

use crate::input::texts;

const ISSUER: &str = "https://id.example";

/// The input is four lines: two declared identifiers, scopes, and what is asked for, one a line.
pub fn run(input: &[u8]) {
    let Some([first, second, scopes, asked]) = texts::<4>(input) else { return };
    let declared = vec![resource(first, "one", true), resource(second, "two", false)];
    let Ok(resources) = Resources::new(declared) else { return };
    for sent in asked.lines().chain([first, second]) {
        let Some(found) = resources.find(sent) else { continue };
        assert!(found.uri.eq_ignore_ascii_case(sent), "{sent:?} is taken for {:?}", found.uri);
        // Another spelling has to be the same address for a parser that is not ours.
        let (declared, sent) = (Url::parse(&found.uri).expect("declared"), Url::parse(sent).expect("found"));
        assert_eq!(declared, sent);
    }
    assert!(resources.find(first).is_some_and(|found| found.uri == first), "{first:?}");
    assert!(resources.find(second).is_some_and(|found| found.uri == second), "{second:?}");
    let requested = resources.resolve(asked.lines());
    assert_eq!(requested.is_ok(), asked.lines().all(|uri| resources.find(uri).is_some()));
    let requested = requested.unwrap_or_default();
    let scopes = Scope::parse(scopes).filter(|name| resources.all_scopes().has(name));
    if let Ok((audience, carried)) = resources.target(ISSUER, &requested, &scopes) {
        assert!(!audience.is_empty() && scopes.covers(&carried));
        assert!(audience.iter().all(|of| of == ISSUER || of == first || of == second), "{audience:?}");
        assert!(requested.is_empty() || audience == requested, "{audience:?}");
        // A token for one API never carries what only another understands.
        assert!(!carried.has("two.read") || audience.iter().any(|of| of == second), "{carried}");
        assert!(!carried.has("one.read") || audience.iter().any(|of| of == first), "{carried}");
        assert_eq!(
            resources.token_claims(&audience).count(),
            audience.iter().filter(|of| *of == first).count()
        );
    }
}

fn resource(uri: &str, name: &str, default: bool) -> Resource {
    Resource {
        uri: uri.into(),
        name: None,
        scopes: vec![format!("{name}.read"), format!("{name}.write")],
        default,
        claims: if default { vec!["roles".into()] } else { vec![] },
        descriptions: [].into(),
    }
}
