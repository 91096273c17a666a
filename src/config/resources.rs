//! The resources that the configuration file declares.

use toml::Spanned;

use super::error::ConfigError;
use crate::protocol::resource::{Resource, ResourceFault, Resources};
use crate::protocol::signing_alg::SigningAlg;

/// Checks each declaration, and then all together. An error names the line of the declaration at fault.
pub(super) fn declared(
    declared: Vec<Spanned<Resource>>,
    issuer: &str,
    algorithms: &[SigningAlg],
) -> Result<Resources, ConfigError> {
    let declared: Vec<Resource> = declared.into_iter().map(Spanned::into_inner).collect();
    let at = |fault: ResourceFault| {
        // The last one: of two with one identifier the second is at fault.
        let resource = declared.iter().rev().find(|resource| resource.uri == fault.uri);
        let place = resource.and_then(|resource| resource.place.as_deref());
        ConfigError(place.map_or_else(|| fault.to_string(), |place| format!("{place}: {fault}")))
    };
    for resource in &declared {
        resource.check(issuer, algorithms).map_err(at)?;
    }
    Resources::new(declared.clone()).map_err(at)
}
