//! The sector of a client: clients of one sector know a person by the same pairwise `sub`.

use std::collections::BTreeSet;

use url::Url;

use super::{Client, Metadata, MetadataFault, Problem};
use crate::protocol::redirect_uri::{ApplicationType, RedirectUri};
use crate::protocol::subject::SubjectType;

/// The member that names the document of a sector.
const MEMBER: &str = "sector_identifier_uri";

impl Client {
    /// The sector by whose names the client knows people: the host of `sector_identifier_uri`, or else the one host of the
    /// redirect URIs. A client without either is a sector of its own. None for a client that knows people by public names.
    ///
    /// Spec: OpenID Connect Core §8.1
    pub fn sector(&self) -> Option<String> {
        if self.metadata.subject_type == SubjectType::Public {
            return None;
        }
        let named = self.metadata.sector_identifier_uri.as_deref().and_then(|uri| Url::parse(uri).ok());
        let named = named.and_then(|uri| uri.host_str().map(str::to_owned));
        let host = named.or_else(|| self.metadata.hosts().pop_first());
        Some(host.unwrap_or_else(|| self.id.clone()))
    }
}

impl Metadata {
    /// The hosts of the redirect URIs. Loopback and private-use addresses of an app name none: they lead to the person's
    /// own device, and apps of different owners have the same ones.
    fn hosts(&self) -> BTreeSet<String> {
        let is_site = |url: &Url| match url.scheme() {
            "https" => true,
            "http" => self.application_type == ApplicationType::Web,
            _ => false,
        };
        let urls = self.redirect_uris.iter().filter_map(|uri| Url::parse(uri.as_str()).ok());
        urls.filter(is_site).filter_map(|url| url.host_str().map(str::to_owned)).collect()
    }

    /// Refuses pairwise names for redirect URIs with several hosts, unless a document says that they belong together.
    ///
    /// Spec: OpenID Connect Core §8.1
    pub(super) fn check_sector(&self) -> Result<(), MetadataFault> {
        let hosts = self.hosts();
        let is_open = self.subject_type == SubjectType::Pairwise && self.sector_identifier_uri.is_none();
        if is_open && hosts.len() > 1 {
            let hosts = hosts.into_iter().collect::<Vec<_>>().join(", ");
            return Err(MetadataFault::new("subject_type", Problem::SeveralHosts(hosts)));
        }
        Ok(())
    }

    /// The address of the document that has to be read before this registration is stored: of a new client, and where
    /// the address or a redirect URI has changed.
    ///
    /// Spec: OpenID Connect Registration §5
    pub fn sector_to_read(&self, before: Option<&Metadata>) -> Option<&str> {
        let is_known = before.is_some_and(|before| {
            before.sector_identifier_uri == self.sector_identifier_uri
                && before.redirect_uris == self.redirect_uris
        });
        self.sector_identifier_uri.as_deref().filter(|_| !is_known)
    }
}

/// The document of a sector: the redirect URIs of all of its clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectorDocument {
    uri: String,
    listed: Vec<String>,
}

impl SectorDocument {
    /// Reads the document that was found at this address.
    pub fn read(uri: &str, body: &[u8]) -> Result<SectorDocument, MetadataFault> {
        let listed = serde_json::from_slice(body)
            .map_err(|_malformed| SectorDocument::fault(format!("{uri:?} is not a JSON array of strings")))?;
        Ok(SectorDocument { uri: uri.to_owned(), listed })
    }

    /// The fault of a document that cannot be used, in words.
    pub fn fault(why: String) -> MetadataFault {
        MetadataFault::new(MEMBER, Problem::Document(why))
    }

    /// Tells whether it was found at this address.
    pub fn is_of(&self, uri: &str) -> bool {
        self.uri == uri
    }

    /// Checks that it lists every redirect URI, byte for byte.
    ///
    /// Spec: OpenID Connect Core §8.1, OpenID Connect Registration §5
    pub fn check(&self, metadata: &Metadata) -> Result<(), MetadataFault> {
        let mut uris = metadata.redirect_uris.iter().map(RedirectUri::as_str);
        match uris.find(|uri| !self.listed.iter().any(|listed| listed == uri)) {
            None => Ok(()),
            Some(uri) => {
                let why = format!("{:?} does not list the redirect URI {uri:?}", self.uri);
                Err(SectorDocument::fault(why))
            }
        }
    }
}
