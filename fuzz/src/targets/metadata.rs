//! Client metadata and claims of people: JSON from outside.

use countersign::protocol::client::{Client, Metadata, Secrets};
use countersign::protocol::redirect_uri::RedirectUri;
use countersign::protocol::scope::{STANDARD, Scope};
use countersign::protocol::user::{User, check_claims, fold_login};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use url::Url;

/// The input is a JSON object: a client's metadata, or a person's claims.
pub fn run(input: &[u8]) {
    if let Ok(metadata) = serde_json::from_slice::<Metadata>(input) {
        for development in [false, true] {
            if metadata.check(development).is_ok() {
                is_sound(&metadata, development);
            }
        }
    }
    if let Ok(claims) = serde_json::from_slice::<Map<String, Value>>(input) {
        of_a_person(claims);
    }
    if let Ok(login) = std::str::from_utf8(input) {
        let folded = fold_login(login);
        assert_eq!(fold_login(&folded), folded, "folding is done at once: {login:?}");
    }
}

fn is_sound(metadata: &Metadata, development: bool) {
    let written = serde_json::to_vec(metadata).expect("JSON");
    let again: Metadata = serde_json::from_slice(&written).expect("as written");
    assert_eq!(serde_json::to_vec(&again).expect("JSON"), written);
    assert_eq!(again.check(development), Ok(()), "what is stored stays acceptable");
    for uri in metadata.redirect_uris.iter().chain(&metadata.post_logout_redirect_uris) {
        let registered = RedirectUri::register(uri.as_str(), metadata.application_type, development);
        assert_eq!(registered.as_ref(), Ok(uri));
    }
    for page in [&metadata.client_uri, &metadata.policy_uri, &metadata.tos_uri, &metadata.initiate_login_uri]
    {
        let Some(url) = page.as_ref().map(|page| Url::parse(page).expect("an address")) else { continue };
        assert!(url.scheme() == "https" || development && url.scheme() == "http", "{url}");
    }
    assert!(!metadata.is_public() || metadata.require_pkce != Some(false));
    let client = Client {
        id: "app".into(),
        secrets: Secrets::default(),
        disabled: false,
        registered_at: OffsetDateTime::UNIX_EPOCH,
        metadata: again,
    };
    assert!(!client.is_public() || client.needs_pkce());
    for origin in ["null", "*", "", "https://evil.example"] {
        let named = metadata.allowed_cors_origins.iter().flatten().any(|allowed| allowed == origin);
        let of_a_site =
            metadata.redirect_uris.iter().any(|uri| uri.as_str().starts_with("https://evil.example"));
        assert!(!client.allows_origin(origin) || named || of_a_site, "{origin:?} may read");
    }
    let _words = (client.host(), client.way_back("de"), client.allowed_scopes());
}

fn of_a_person(claims: Map<String, Value>) {
    if check_claims(&claims).is_err() {
        return;
    }
    assert!(["sub", "iss", "aud", "exp", "client_id"].iter().all(|name| !claims.contains_key(*name)));
    let user = User { id: "1".into(), login: "ann".into(), disabled: false, claims };
    for (scope, names) in STANDARD {
        let released = user.claims_for(&Scope::parse(scope));
        assert!(released.iter().all(|(name, value)| names.contains(&name.as_str()) && !value.is_null()));
    }
    assert!(user.claims_for(&Scope::default()).is_empty());
}
