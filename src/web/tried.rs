//! What an attempt to sign in that failed carries to the page that says so.

use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::keys::seal;
use crate::secret::{base64url, from_base64url};
use crate::web::browser::Browser;
use crate::web::failure::PageFailure;

const PURPOSE: &str = "tried";

/// What was typed, without the password, and how it was received.
#[derive(Serialize, Deserialize)]
pub struct Tried {
    /// The name.
    pub username: String,
    /// Whether staying signed in was ticked.
    pub remember: bool,
    /// Whether something was left empty; otherwise name or password was wrong.
    pub missing: bool,
    /// Whether somebody is signed in already, and the page is there all the same.
    pub switching: bool,
}

/// Seals it for one browser.
pub fn seal(app: &App, browser: &Browser, tried: &Tried) -> Result<String, PageFailure> {
    let plain = serde_json::to_vec(tried).map_err(|error| PageFailure::Internal(error.to_string().into()))?;
    Ok(base64url(&seal::seal(&app.keys.instance, PURPOSE, &browser.binding(), &plain)))
}

/// Opens what [`seal()`] made; for any other browser it is nothing.
pub fn open(app: &App, browser: &Browser, sealed: &str) -> Option<Tried> {
    let plain = seal::open(&app.keys.instance, PURPOSE, &browser.binding(), &from_base64url(sealed)?).ok()?;
    serde_json::from_slice(&plain).ok()
}
