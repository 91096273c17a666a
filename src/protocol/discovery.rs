//! Discovery metadata: generated from the running configuration, so that it lists only what works.

use serde_json::{Map, Value, json};

use crate::protocol::acr::REACHABLE;
use crate::protocol::client::{AuthMethod, ClientAlg, NamedAlg, SigningAlg};
use crate::protocol::grant_type::GrantType;
use crate::protocol::reply::ResponseMode;
use crate::protocol::request::Prompt;
use crate::protocol::resource::Resources;
use crate::protocol::scope::{STANDARD, is_standard};
use crate::protocol::subject::SubjectType;

/// The provider's metadata. A member is listed because its feature exists, and a test uses each.
///
/// Spec: OpenID Connect Discovery §3, RFC 8414 §2, RFC 8628 §4
pub fn metadata(
    issuer: &str,
    resources: &Resources,
    algorithms: &[SigningAlg],
    languages: &[&str],
) -> Map<String, Value> {
    let at = |path: &str| json!(format!("{issuer}{path}"));
    let standard = STANDARD.iter().map(|(name, _)| *name);
    let ours = resources.all_scopes().filter(|name| !is_standard(name));
    let scopes: Vec<String> = standard.map(str::to_owned).chain(ours.names().map(str::to_owned)).collect();
    let signing: Vec<&str> =
        algorithms.iter().flat_map(|alg| NamedAlg::of(*alg)).map(NamedAlg::name).collect();
    let of_id_tokens: Vec<&str> = signing.iter().copied().chain([ClientAlg::HS256.name()]).collect();
    let of_assertions: Vec<&str> = ClientAlg::all().map(ClientAlg::name).collect();
    let protocol_claims = ["iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"];
    let claims = STANDARD.iter().flat_map(|(_, claims)| claims.iter()).chain(&protocol_claims);
    let confidential = AuthMethod::SUPPORTED.into_iter().filter(|method| *method != AuthMethod::None.name());
    let members = [
        ("issuer", json!(issuer)),
        ("authorization_endpoint", at("/authorize")),
        ("token_endpoint", at("/token")),
        ("userinfo_endpoint", at("/userinfo")),
        ("device_authorization_endpoint", at("/device_authorization")),
        ("introspection_endpoint", at("/introspect")),
        ("introspection_endpoint_auth_methods_supported", json!(confidential.collect::<Vec<_>>())),
        ("introspection_endpoint_auth_signing_alg_values_supported", json!(of_assertions)),
        ("introspection_signing_alg_values_supported", json!(["RS256"])),
        ("revocation_endpoint", at("/revoke")),
        ("revocation_endpoint_auth_methods_supported", json!(AuthMethod::SUPPORTED)),
        ("revocation_endpoint_auth_signing_alg_values_supported", json!(of_assertions)),
        ("jwks_uri", at("/.well-known/jwks.json")),
        ("end_session_endpoint", at("/end_session")),
        ("response_types_supported", json!(["code"])),
        ("response_modes_supported", json!(ResponseMode::ALL.map(ResponseMode::name))),
        ("grant_types_supported", json!(GrantType::names().collect::<Vec<_>>())),
        ("subject_types_supported", json!(SubjectType::SUPPORTED)),
        ("id_token_signing_alg_values_supported", json!(of_id_tokens)),
        ("userinfo_signing_alg_values_supported", json!(signing)),
        ("token_endpoint_auth_methods_supported", json!(AuthMethod::SUPPORTED)),
        ("token_endpoint_auth_signing_alg_values_supported", json!(of_assertions)),
        ("scopes_supported", json!(scopes)),
        ("claims_supported", json!(claims.collect::<Vec<_>>())),
        ("claim_types_supported", json!(["normal"])),
        ("claims_parameter_supported", json!(true)),
        ("request_parameter_supported", json!(false)),
        ("request_uri_parameter_supported", json!(false)),
        ("acr_values_supported", json!(REACHABLE)),
        ("display_values_supported", json!(["page", "popup"])),
        ("prompt_values_supported", json!(Prompt::SUPPORTED)),
        ("ui_locales_supported", json!(languages)),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("authorization_response_iss_parameter_supported", json!(true)),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
