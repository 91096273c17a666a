//! Documents of sectors: read when a client is registered, and when its redirect URIs change.

use super::{ClientFault, Operation};
use crate::protocol::client::{Client, Metadata, MetadataFault, SectorDocument};

/// The largest document, in bytes.
const LARGEST: usize = 64 * 1024;

/// The document that has to be read before this registration is stored; none if none has to be.
pub(super) async fn document(
    op: &Operation<'_>,
    client_id: &str,
    before: Option<&Metadata>,
    after: &Metadata,
) -> Result<Option<SectorDocument>, MetadataFault> {
    let Some(uri) = after.sector_to_read(before) else { return Ok(None) };
    let Some(outbound) = &op.outbound else {
        return Err(SectorDocument::fault(format!("{uri:?} is not fetched here")));
    };
    let body = outbound.get(client_id, uri, LARGEST, op.now).await;
    let body = body.map_err(|error| SectorDocument::fault(error.to_string()))?;
    SectorDocument::read(uri, &body).map(Some)
}

/// Checks a change by the document that was read for it. `client` is what is stored now.
pub(super) fn check(
    document: Option<&SectorDocument>,
    client: &Client,
    after: &Metadata,
) -> Result<(), ClientFault> {
    let Some(uri) = after.sector_to_read(Some(&client.metadata)) else { return Ok(()) };
    match document.filter(|document| document.is_of(uri)) {
        Some(document) => Ok(document.check(after)?),
        None => Err(ClientFault::Changed(client.id.clone())),
    }
}
