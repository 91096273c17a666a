//! Client authentication: what is collected, and whom it convinces.

use countersign::protocol::client::Client;
use countersign::protocol::client_auth::Credentials;
use countersign::protocol::failure::TokenFailure;
use countersign::secret::TokenHash;
use data_encoding::BASE64;
use proptest::prelude::*;
use serde_json::json;

use super::{client, params};

const KNOWN: [&str; 4] = ["client_id", "client_secret", "client_assertion", "client_assertion_type"];

fn basic(pair: &str) -> String {
    format!("Basic {}", BASE64.encode(pair.as_bytes()))
}

fn collect(headers: &[&str], body: &[(&str, &str)]) -> Result<Credentials, TokenFailure> {
    Credentials::collect(headers, &params(body, &KNOWN))
}

fn registered(method: &str) -> Client {
    let metadata = json!({ "client_name": "App", "token_endpoint_auth_method": method });
    let client = client(metadata);
    if method == "none" { Client { secret: None, ..client } } else { client }
}

/// Each kind of proof against each kind of registration.
#[test]
fn the_proof_must_be_of_the_registered_kind() {
    let header = basic("app:s3cret");
    let proofs = [
        ("basic", collect(&[&header], &[]).unwrap(), true),
        ("basic with id in the body", collect(&[&header], &[("client_id", "app")]).unwrap(), true),
        ("post", collect(&[], &[("client_id", "app"), ("client_secret", "s3cret")]).unwrap(), false),
        ("nothing", collect(&[], &[("client_id", "app")]).unwrap(), false),
    ];
    for (name, credentials, challenge) in proofs {
        assert_eq!(credentials.client_id(), "app");
        for (method, fits) in [
            ("client_secret_basic", name.starts_with("basic")),
            ("client_secret_post", name == "post"),
            ("none", name == "nothing"),
        ] {
            let verified = credentials.verify(Some(&registered(method)));
            assert_eq!(verified.is_ok(), fits, "{name} for {method}");
            if let Err(failure) = verified {
                assert_eq!((failure.status, failure.error.code), (401, "invalid_client"));
                assert_eq!(failure.basic_challenge, challenge, "a challenge to whom tried Basic: {name}");
            }
            let disabled = Client { disabled: true, ..registered(method) };
            assert!(credentials.verify(Some(&disabled)).is_err(), "disabled: {name}");
        }
        assert_eq!(credentials.verify(None).unwrap_err().error.code, "invalid_client", "unknown: {name}");
        let no_secret = Client { secret: None, ..registered("client_secret_basic") };
        assert!(credentials.verify(Some(&no_secret)).is_err(), "a client without a secret: {name}");
    }
}

#[test]
fn a_wrong_secret_never_convinces() {
    for wrong in ["", "s3cre", "s3cret ", "S3cret", "s3cret\n"] {
        let header = basic(&format!("app:{wrong}"));
        let tried = collect(&[&header], &[]).unwrap();
        assert!(tried.verify(Some(&registered("client_secret_basic"))).is_err(), "{wrong:?}");
        let Ok(tried) = collect(&[], &[("client_id", "app"), ("client_secret", wrong)]) else { continue };
        assert!(tried.verify(Some(&registered("client_secret_post"))).is_err(), "{wrong:?}");
    }
    // The hash of nothing stands in for clients that are not there: it opens none.
    for pair in ["app:", "nobody:"] {
        let tried = collect(&[&basic(pair)], &[]).unwrap();
        assert!(tried.verify(None).is_err());
        let no_secret = Client { secret: None, ..registered("client_secret_basic") };
        assert!(tried.verify(Some(&no_secret)).is_err(), "no secret is not an empty one");
    }
}

/// The vector of our own contract, and the same client without form-encoding.
#[test]
fn both_readings_of_a_basic_pair_are_understood() {
    let client = Client {
        id: "my client:1".into(),
        secret: Some(TokenHash::of("p@ss+w%rd:/=é")),
        ..registered("client_secret_basic")
    };
    let encoded = "Basic bXkrY2xpZW50JTNBMTpwJTQwc3MlMkJ3JTI1cmQlM0ElMkYlM0QlQzMlQTk=";
    let credentials = collect(&[encoded], &[("client_id", "my client:1")]).unwrap();
    assert_eq!(credentials.client_id(), "my client:1");
    credentials.verify(Some(&client)).unwrap();

    for (pair, id, secret, raw_id) in [
        ("app:s3cret", "app", "s3cret", None),
        ("app:a+b", "app", "a b", Some("app")),
        ("app:a+b", "app", "a+b", Some("app")),
        ("app:a%41", "app", "aA", Some("app")),
        ("app:a%41", "app", "a%41", Some("app")),
        ("app:100%", "app", "100%", None),
        ("app:a:b:c", "app", "a:b:c", None),
        ("a+b:x", "a b", "x", Some("a+b")),
        ("app:", "app", "", None),
    ] {
        let credentials = collect(&[&basic(pair)], &[]).unwrap();
        assert_eq!((credentials.client_id(), credentials.raw_client_id()), (id, raw_id), "{pair}");
        let client = Client { secret: Some(TokenHash::of(secret)), ..registered("client_secret_basic") };
        assert!(credentials.verify(Some(&client)).is_ok(), "{pair} as {secret}");
    }
}

#[test]
fn one_kind_of_credentials_at_a_time() {
    let header = basic("app:s3cret");
    let secret = ("client_secret", "s3cret");
    let assertion = ("client_assertion", "x");
    for (headers, body, status, code) in [
        (&[header.as_str()][..], &[secret][..], 400, "invalid_request"),
        (&[&header, &header], &[], 400, "invalid_request"),
        (&[&header], &[assertion], 400, "invalid_request"),
        (&[], &[secret, assertion], 400, "invalid_request"),
        (&[], &[assertion, ("client_id", "app")], 401, "invalid_client"),
        (&[&header], &[("client_id", "other")], 401, "invalid_client"),
        (&[], &[], 401, "invalid_client"),
        (&[], &[secret], 401, "invalid_client"),
        (&["Bearer x"], &[("client_id", "app")], 401, "invalid_client"),
        (&["Basic"], &[], 401, "invalid_client"),
        (&["Basic !"], &[], 401, "invalid_client"),
        (&["Basic YXBw"], &[], 401, "invalid_client"),
        (&["Basic YXA=cDpzM2NyZXQ="], &[], 401, "invalid_client"),
        (&["Basic YQBwcDpzM2NyZXQ="], &[], 401, "invalid_client"),
        (&["Basic /zpz"], &[], 401, "invalid_client"),
        (&[""], &[("client_id", "app")], 401, "invalid_client"),
    ] {
        let failure = collect(headers, body).err().unwrap_or_else(|| panic!("{headers:?} {body:?}"));
        assert_eq!((failure.status, failure.error.code), (status, code), "{headers:?} {body:?}");
        assert!(!format!("{failure:?} {failure}").contains("s3cret"), "a secret in a failure");
    }
    for scheme in ["basic", "BASIC", "Basic"] {
        let header = format!("{scheme} {}", BASE64.encode(b"app:s3cret"));
        assert!(collect(&[&header], &[]).is_ok(), "{scheme}");
    }
}

proptest! {
    #[test]
    fn any_pair_convinces_form_encoded_and_raw(id in "[^\0:]{1,20}", secret in "[^\0]{0,20}") {
        let client = Client { id: id.clone(), secret: Some(TokenHash::of(&secret)), ..registered("client_secret_basic") };
        let form = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        for pair in [format!("{}:{}", form(&id), form(&secret)), format!("{id}:{secret}")] {
            let credentials = collect(&[&basic(&pair)], &[]).unwrap();
            prop_assert!(credentials.client_id() == id || credentials.raw_client_id() == Some(id.as_str()));
            prop_assert!(credentials.verify(Some(&client)).is_ok(), "{}", pair);
        }
    }

    #[test]
    fn no_header_panics(header in "\\PC{0,60}", body in "[a-z]{0,5}") {
        let _whatever = collect(&[&header], &[("client_id", &body)]);
    }
}
