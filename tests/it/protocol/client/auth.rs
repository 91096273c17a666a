//! Client authentication: what is collected, and whom it convinces.

use countersign::protocol::client::auth::{Accepted, Credentials, Reading};
use countersign::protocol::client::{Client, Secrets};
use countersign::protocol::refusal::Refusal;
use countersign::web::failure::TokenFailure;
use data_encoding::BASE64;
use proptest::prelude::*;
use serde_json::json;
use time::OffsetDateTime;

use crate::protocol::{client, params};
use crate::support::rp::secrets;

const KNOWN: [&str; 4] = ["client_id", "client_secret", "client_assertion", "client_assertion_type"];

fn basic(pair: &str) -> String {
    format!("Basic {}", BASE64.encode(pair.as_bytes()))
}

fn collect(headers: &[&str], body: &[(&str, &str)]) -> Result<Credentials, Refusal> {
    Credentials::collect(headers, &params(body, &KNOWN))
}

/// Judges credentials as the token endpoint does: for the client with this id, in whatever reading names it.
fn verify(credentials: &Credentials, client: Option<&Client>) -> Result<Accepted, Refusal> {
    let readings = credentials.readings();
    let named = client.and_then(|client| readings.iter().find(|reading| reading.client_id() == client.id));
    credentials.verify(named.unwrap_or(&readings[0]), client, OffsetDateTime::UNIX_EPOCH)
}

fn ids(credentials: &Credentials) -> Vec<&str> {
    credentials.readings().iter().map(Reading::client_id).collect()
}

fn registered(method: &str) -> Client {
    let metadata = json!({ "client_name": "App", "token_endpoint_auth_method": method });
    let client = client(metadata);
    if method == "none" { Client { secrets: Secrets::default(), ..client } } else { client }
}

/// Each kind of proof against each kind of registration.
#[test]
fn the_proof_must_be_of_the_registered_kind() {
    let header = basic("app:s3cret");
    let proofs = [
        ("basic", collect(&[&header], &[]).unwrap()),
        ("basic with id in the body", collect(&[&header], &[("client_id", "app")]).unwrap()),
        ("post", collect(&[], &[("client_id", "app"), ("client_secret", "s3cret")]).unwrap()),
        ("nothing", collect(&[], &[("client_id", "app")]).unwrap()),
    ];
    for (name, credentials) in proofs {
        assert_eq!(ids(&credentials), ["app"]);
        for (method, fits) in [
            ("client_secret_basic", name.starts_with("basic")),
            ("client_secret_post", name == "post"),
            ("none", name == "nothing"),
        ] {
            let verified = verify(&credentials, Some(&registered(method)));
            assert_eq!(verified.is_ok(), fits, "{name} for {method}");
            if let Err(refusal) = verified {
                assert_eq!(
                    (TokenFailure::from(refusal.clone()).status, refusal.error.code),
                    (401, "invalid_client")
                );
            }
            let disabled = Client { disabled: true, ..registered(method) };
            assert!(verify(&credentials, Some(&disabled)).is_err(), "disabled: {name}");
        }
        assert_eq!(verify(&credentials, None).unwrap_err().error.code, "invalid_client", "unknown: {name}");
        let no_secret = Client { secrets: Secrets::default(), ..registered("client_secret_basic") };
        assert!(verify(&credentials, Some(&no_secret)).is_err(), "a client without a secret: {name}");
    }
}

#[test]
fn a_wrong_secret_never_convinces() {
    for wrong in ["", "s3cre", "s3cret ", "S3cret", "s3cret\n"] {
        let header = basic(&format!("app:{wrong}"));
        let tried = collect(&[&header], &[]).unwrap();
        assert!(verify(&tried, Some(&registered("client_secret_basic"))).is_err(), "{wrong:?}");
        let Ok(tried) = collect(&[], &[("client_id", "app"), ("client_secret", wrong)]) else { continue };
        assert!(verify(&tried, Some(&registered("client_secret_post"))).is_err(), "{wrong:?}");
    }
    // The hash of nothing stands in for clients that are not there: it opens none.
    for pair in ["app:", "nobody:"] {
        let tried = collect(&[&basic(pair)], &[]).unwrap();
        assert!(verify(&tried, None).is_err());
        let no_secret = Client { secrets: Secrets::default(), ..registered("client_secret_basic") };
        assert!(verify(&tried, Some(&no_secret)).is_err(), "no secret is not an empty one");
    }
}

/// RFC 6749 §2.3.1: a client with an empty secret may leave it out, so Basic with nothing behind the colon is what
/// a public client sends whose library knows only Basic.
#[test]
fn an_empty_secret_is_none() {
    let header = basic("app:");
    let tried = collect(&[&header], &[]).unwrap();
    verify(&tried, Some(&registered("none"))).unwrap();
    let disabled = Client { disabled: true, ..registered("none") };
    for client in [disabled, registered("client_secret_basic"), registered("client_secret_post")] {
        assert!(verify(&tried, Some(&client)).is_err());
    }
    for other in ["app:x", "app: ", "app:%20"] {
        let tried = collect(&[&basic(other)], &[]).unwrap();
        assert!(verify(&tried, Some(&registered("none"))).is_err(), "{other:?}");
    }
}

/// The vector of our own contract, and the same client without form-encoding.
#[test]
fn both_readings_of_a_basic_pair_are_understood() {
    let client = Client {
        id: "my client:1".into(),
        secrets: secrets("p@ss+w%rd:/=é"),
        ..registered("client_secret_basic")
    };
    let encoded = "Basic bXkrY2xpZW50JTNBMTpwJTQwc3MlMkJ3JTI1cmQlM0ElMkYlM0QlQzMlQTk=";
    let credentials = collect(&[encoded], &[("client_id", "my client:1")]).unwrap();
    assert_eq!(ids(&credentials), ["my client:1"]);
    verify(&credentials, Some(&client)).unwrap();

    for (pair, id, secret, all) in [
        ("app:s3cret", "app", "s3cret", &["app"][..]),
        ("app:a+b", "app", "a b", &["app"]),
        ("app:a+b", "app", "a+b", &["app"]),
        ("app:a%41", "app", "aA", &["app"]),
        ("app:a%41", "app", "a%41", &["app"]),
        ("app:100%", "app", "100%", &["app"]),
        ("app:a:b:c", "app", "a:b:c", &["app", "app:a:b", "app:a"]),
        ("a+b:x", "a b", "x", &["a b", "a+b"]),
        ("a+b:x", "a+b", "x", &["a b", "a+b"]),
        ("app:", "app", "", &["app"]),
        ("urn%3Aapp%3Aone:x", "urn:app:one", "x", &["urn:app:one", "urn%3Aapp%3Aone"]),
        ("urn:app:one:x", "urn:app:one", "x", &["urn", "urn:app:one", "urn:app"]),
        (
            "https://sp.example/app:x:y",
            "https://sp.example/app",
            "x:y",
            &["https", "https://sp.example/app:x", "https://sp.example/app"],
        ),
        (
            "a:b:c:d:e:f:g:h:i:j:k:x",
            "a:b:c:d:e:f:g:h:i:j:k",
            "x",
            &[
                "a", "a:b:c:d:e:f:g:h:i:j:k", "a:b:c:d:e:f:g:h:i:j", "a:b:c:d:e:f:g:h:i", "a:b:c:d:e:f:g:h",
                "a:b:c:d:e:f:g", "a:b:c:d:e:f", "a:b:c:d:e", "a:b:c:d",
            ],
        ),
    ] {
        let credentials = collect(&[&basic(pair)], &[]).unwrap();
        assert_eq!(ids(&credentials), all, "{pair}");
        let client = Client { id: id.into(), secrets: secrets(secret), ..registered("client_secret_basic") };
        assert!(verify(&credentials, Some(&client)).is_ok(), "{pair} as {secret}");
    }
}

/// An identifier that is not known is named in the log: it must hold no part of the secret, and the division by the
/// standard is tried however many colons the secret has.
#[test]
fn the_shortest_identifier_holds_no_part_of_the_secret() {
    for (pair, shortest, last) in [
        ("ap:pa%ss:word", "ap", "ap"),
        ("ap:p%:a:b:c:d:e:f:g:h:i:j:k", "ap", "ap"),
        ("ap:secret", "ap", "ap"),
        ("urn%3Aapp:se:cret", "urn:app", "urn%3Aapp"),
    ] {
        let credentials = collect(&[&basic(pair)], &[]).unwrap();
        assert_eq!(credentials.shortest().map(Reading::client_id), Some(shortest), "{pair}");
        assert_eq!(ids(&credentials).last(), Some(&last), "{pair}");
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
        (&[&header], &[("client_id", "app:s3cret")], 401, "invalid_client"),
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
        assert_eq!(
            (TokenFailure::from(failure.clone()).status, failure.error.code),
            (status, code),
            "{headers:?} {body:?}"
        );
        assert!(!format!("{failure:?} {failure}").contains("s3cret"), "a secret in a failure");
    }
    for scheme in ["basic", "BASIC", "Basic"] {
        let header = format!("{scheme} {}", BASE64.encode(b"app:s3cret"));
        assert!(collect(&[&header], &[]).is_ok(), "{scheme}");
    }
}

proptest! {
    #[test]
    fn any_pair_convinces_form_encoded_and_raw(id in "[^\0]{1,20}", secret in "[^\0:]{0,20}") {
        let client = Client { id: id.clone(), secrets: secrets(&secret), ..registered("client_secret_basic") };
        let form = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        for pair in [format!("{}:{}", form(&id), form(&secret)), format!("{id}:{secret}")] {
            let credentials = collect(&[&basic(&pair)], &[]).unwrap();
            prop_assert!(ids(&credentials).contains(&id.as_str()));
            prop_assert!(verify(&credentials, Some(&client)).is_ok(), "{}", pair);
        }
    }

    #[test]
    fn no_header_panics(header in "\\PC{0,60}", body in "[a-z]{0,5}") {
        let _whatever = collect(&[&header], &[("client_id", &body)]);
    }
}
