//! Values in forms and addresses, sealed for one purpose and bound to one browser.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::keys::seal;
use crate::secret::{base64url, from_base64url};
use crate::web::browser::Browser;
use crate::web::failure::PageFailure;

/// A value that a page carries. A purpose never changes, because values of an earlier release have to open.
pub trait Sealed: Serialize + DeserializeOwned {
    /// The purpose it is sealed for.
    const PURPOSE: &str;

    /// Seals it for one browser.
    fn seal(&self, app: &App, browser: &Browser) -> Result<String, PageFailure> {
        let plain =
            serde_json::to_vec(self).map_err(|error| PageFailure::Internal(error.to_string().into()))?;
        Ok(base64url(&seal::seal(&app.keys.instance, Self::PURPOSE, &browser.binding(), &plain)))
    }

    /// Opens a sealed value; none for another browser.
    fn open(app: &App, browser: &Browser, sealed: &str) -> Option<Self> {
        let sealed = from_base64url(sealed)?;
        let plain = seal::open(&app.keys.instance, Self::PURPOSE, &browser.binding(), &sealed).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}
