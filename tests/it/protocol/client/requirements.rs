//! Methods of authentication: what has to be registered beside each.
//!
//! Holds `protocol/client/method.rs`.

use countersign::protocol::client::{AuthMethod, Metadata, SigningAlg};
use countersign::protocol::registration::{Offered, read};
use countersign::protocol::scope::Scope;
use serde_json::{Value, json};

fn described(more: &Value) -> Result<Metadata, String> {
    let mut members = json!({ "client_name": "App", "redirect_uris": ["https://app.example/cb"] });
    members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let algorithms = SigningAlg::ALWAYS.to_vec();
    let offered =
        Offered { scopes: Scope::standard(), algorithms, development: false, accept_long_tokens: false };
    let Value::Object(members) = members else { panic!("{members}") };
    read(members, &offered).map(|read| read.metadata).map_err(|fault| fault.to_string())
}

fn key() -> Value {
    json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] })
}

#[test]
fn each_method_needs_what_belongs_to_it() {
    let uri = "https://app.example/jwks";
    #[rustfmt::skip]
    let rows = [
        (json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": key() }), ""),
        (json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri }), ""),
        (json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri, "token_endpoint_auth_signing_alg": "Ed25519" }), ""),
        (json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri, "assertion_audience": "issuer_or_token_endpoint" }), ""),
        (json!({ "token_endpoint_auth_method": "client_secret_jwt", "token_endpoint_auth_signing_alg": "HS256" }), ""),
        (json!({ "id_token_signed_response_alg": "HS256" }), ""),
        (json!({ "jwks": key() }), ""),
        (json!({ "token_endpoint_auth_method": "private_key_jwt" }), "private_key_jwt needs jwks or jwks_uri"),
        (json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": key(), "jwks_uri": uri }), "exclude each other"),
        (json!({ "jwks_uri": "http://app.example/jwks" }), "an https address"),
        (json!({ "jwks_uri": "file:///etc/passwd" }), "an https address"),
        (json!({ "jwks": { "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] } }), "private or symmetric"),
        (json!({ "jwks": "x" }), "no JWK set"),
        (json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri, "token_endpoint_auth_signing_alg": "HS256" }), "public keys for private_key_jwt"),
        (json!({ "token_endpoint_auth_method": "client_secret_jwt", "token_endpoint_auth_signing_alg": "ES256" }), "\"HS256\" for client_secret_jwt"),
        (json!({ "token_endpoint_auth_signing_alg": "ES256" }), "alone"),
        (json!({ "token_endpoint_auth_method": "none", "id_token_signed_response_alg": "HS256" }), "needs a secret"),
        (json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri, "client_secret": "s".repeat(40) }), "client_secret is for"),
        (json!({ "token_endpoint_auth_signing_alg": "none" }), "but is \"none\""),
        (json!({ "token_endpoint_auth_method": "tls_client_auth" }), "but is \"tls_client_auth\""),
        (json!({ "assertion_audience": "anyone" }), "but is \"anyone\""),
    ];
    for (members, fault) in rows {
        match described(&members) {
            Ok(_) => assert_eq!(fault, "", "{members}"),
            Err(refused) => {
                assert!(!fault.is_empty() && refused.contains(fault), "{members}: {refused}");
                assert!(!refused.contains("c2VjcmV0"), "a key is not repeated: {refused}");
            }
        }
    }
}

/// What a change to a weaker method revokes hangs on this order.
#[test]
fn methods_are_ordered_by_what_they_prove() {
    let of = |method: Option<AuthMethod>| {
        Metadata { token_endpoint_auth_method: method, ..Metadata::default() }.strength()
    };
    let order = [
        of(Some(AuthMethod::None)),
        of(Some(AuthMethod::ClientSecretPost)),
        of(Some(AuthMethod::ClientSecretJwt)),
        of(Some(AuthMethod::PrivateKeyJwt)),
    ];
    assert_eq!(order, [0, 1, 2, 3]);
    assert_eq!((of(None), of(Some(AuthMethod::ClientSecretBasic))), (1, 1));
}

#[test]
fn a_secret_is_kept_where_one_is_needed_and_as_it_is_needed() {
    let uri = "https://app.example/jwks";
    for (members, has_secret, back) in [
        (json!({}), true, false),
        (json!({ "token_endpoint_auth_method": "client_secret_post" }), true, false),
        (json!({ "token_endpoint_auth_method": "client_secret_jwt" }), true, true),
        (json!({ "token_endpoint_auth_method": "none" }), false, false),
        (json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri }), false, false),
        (
            json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri, "id_token_signed_response_alg": "HS256" }),
            true,
            true,
        ),
        (json!({ "id_token_signed_response_alg": "HS256" }), true, true),
    ] {
        let metadata = described(&members).unwrap();
        assert_eq!((metadata.has_secret(), metadata.needs_secret_back()), (has_secret, back), "{members}");
    }
    for name in AuthMethod::SUPPORTED {
        let method: AuthMethod = serde_json::from_value(json!(name)).unwrap();
        assert_eq!((method.name(), method.is_assertion()), (name, name.ends_with("_jwt")));
    }
}
