//! `acr_values`, and the claim `acr`: how well the person has to be authenticated.

use crate::protocol::acr::Levels;
use crate::protocol::client::Client;
use crate::protocol::params::Params;
use crate::protocol::request::claims::ClaimsRequest;

/// What the request says counts before what was registered, and what must be before what is wished for.
///
/// Spec: OpenID Connect Core §3.1.2.1, §5.5.1.1
pub fn read(params: &Params, claims: &ClaimsRequest, client: &Client) -> Levels {
    match (claims.levels(), params.get("acr_values")) {
        (Some((any_of, essential)), _) => Levels { any_of, essential },
        (None, Some(wished)) => Levels::wished(wished.split(' ').filter(|level| !level.is_empty())),
        (None, None) => Levels::wished(client.metadata.default_acr_values.clone()),
    }
}
