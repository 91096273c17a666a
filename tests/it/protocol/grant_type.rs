//! Grant types of a request to the token endpoint: missing, unknown, not registered.

use countersign::protocol::grant_type::GrantType;
use countersign::protocol::params::Params;
use serde_json::json;

use crate::support::rp::registered;

#[test]
fn a_grant_type_must_be_known_and_registered() {
    for (body, grant_types, expected) in [
        ("", json!(["authorization_code"]), Err("invalid_request")),
        ("grant_type=", json!(["authorization_code"]), Err("invalid_request")),
        ("grant_type=password", json!(["authorization_code"]), Err("unsupported_grant_type")),
        ("grant_type=Authorization_code", json!(["authorization_code"]), Err("unsupported_grant_type")),
        ("grant_type=authorization_code", json!([]), Err("unauthorized_client")),
        ("grant_type=authorization_code", json!(["authorization_code"]), Ok(GrantType::AuthorizationCode)),
        ("grant_type=client_credentials", json!(["authorization_code"]), Err("unauthorized_client")),
        ("grant_type=client_credentials", json!(["client_credentials"]), Ok(GrantType::ClientCredentials)),
    ] {
        let client = registered("app", None, json!({ "grant_types": grant_types }));
        let params = Params::parse(body.as_bytes(), &["grant_type"]).unwrap();
        let read = GrantType::read(&params, &client).map_err(|refusal| refusal.error.code);
        assert_eq!(read, expected, "{body:?} with {grant_types}");
    }
}
