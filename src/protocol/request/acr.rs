//! `acr_values` and the claim `acr`: the requested levels of authentication.

use crate::protocol::acr::Levels;
use crate::protocol::client::Client;
use crate::protocol::params::Params;
use crate::protocol::request::claims::ClaimsRequest;

/// The request takes precedence over the registration, and an essential level over voluntary ones.
///
/// Spec: OpenID Connect Core §3.1.2.1, §5.5.1.1
pub fn read(params: &Params, claims: &ClaimsRequest, client: &Client) -> Levels {
    match (claims.levels(), params.get("acr_values")) {
        (Some((any_of, essential)), _) => Levels { any_of, essential },
        (None, Some(voluntary)) => Levels::voluntary(voluntary.split(' ').filter(|level| !level.is_empty())),
        (None, None) => Levels::voluntary(client.metadata.default_acr_values.clone()),
    }
}
