//! Parameters: all parsers find the same, and encoding changes nothing.

use countersign::protocol::params::{Params, decode};
use countersign::protocol::pkce::CodeChallenge;
use countersign::protocol::request::PARAMS;
use countersign::protocol::request::Prompt;
use countersign::protocol::scope::{Scope, is_name};
use url::form_urlencoded;

/// The input is a query string or a form body.
pub fn run(input: &[u8]) {
    if let Ok(text) = decode(input) {
        assert!(!text.contains('\0'));
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        assert_eq!(decode(encoded.as_bytes()), Ok(text), "decoded, encoded and decoded again");
    }
    let Ok(params) = Params::parse(input, &PARAMS) else { return };
    a_second_reader_agrees(&params, input);
    let again = Params::parse(params.encode().as_bytes(), &PARAMS).expect("what we write we can read");
    assert_eq!(again.encode(), params.encode());
    assert_eq!(again.repeated(), params.repeated(), "what was repeated is so again");
    for name in PARAMS {
        assert!(again.all(name).eq(params.all(name)), "{name}");
        assert!(!again.is_too_long(name) || params.is_too_long(name), "{name}");
    }
    if params.repeated().is_none() {
        assert_eq!(again, params);
    }
    words(&params);
}

fn a_second_reader_agrees(params: &Params, input: &[u8]) {
    let read: Vec<(String, String)> = form_urlencoded::parse(input).into_owned().collect();
    for name in PARAMS {
        let values = || read.iter().filter(|(read, value)| read == name && !value.is_empty());
        let most = if name == "resource" { 20 } else { 1 };
        let kept = values().take(most).map(|(_, value)| value.as_str());
        assert!(params.all(name).eq(kept), "{name}: {read:?}");
        assert_eq!(params.is_repeated(name), values().count() > most, "{name}");
        assert_eq!(params.get(name), params.all(name).next());
    }
}

/// The parameters with a syntax of their own.
fn words(params: &Params) {
    let scope = Scope::parse(params.get("scope").unwrap_or_default());
    assert!(scope.names().all(is_name));
    assert_eq!(Scope::parse(&scope.to_string()), scope);
    if let Ok(prompt) = Prompt::parse(params.get("prompt")) {
        assert!(!prompt.none || !(prompt.login || prompt.consent));
    }
    let challenge = (params.get("code_challenge"), params.get("code_challenge_method"));
    match CodeChallenge::parse(challenge.0, challenge.1, true) {
        Ok(parsed) => {
            assert_eq!(challenge.1, Some("S256"));
            assert!(parsed.is_some() && challenge.0.is_some_and(|text| text.len() == 43));
        }
        Err(_) => assert!(
            challenge.1 != Some("S256")
                || challenge.0.is_none_or(|text| text.len() != 43
                    || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'))
        ),
    }
}
