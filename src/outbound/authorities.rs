//! Certificate authorities that the operator adds.

use std::path::Path;

use reqwest::Certificate;

use super::error::chain;

/// Certificate authorities from a file.
#[derive(Clone, Debug, Default)]
pub struct Authorities {
    pem: Option<Vec<u8>>,
    pub(super) certificates: Vec<Certificate>,
}

impl Authorities {
    /// Reads a file of PEM certificates.
    pub fn read(file: &Path) -> Result<Authorities, String> {
        let pem = std::fs::read(file).map_err(|error| error.to_string())?;
        match Certificate::from_pem_bundle(&pem) {
            Ok(certificates) if certificates.is_empty() => Err("it holds no PEM certificate".into()),
            Ok(certificates) => Ok(Authorities { pem: Some(pem), certificates }),
            Err(error) => Err(chain(&error)),
        }
    }

    /// The file as it was read, for clients that parse PEM themselves.
    pub fn pem(&self) -> Option<&[u8]> {
        self.pem.as_deref()
    }
}
