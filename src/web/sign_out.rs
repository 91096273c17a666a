//! What the question "sign out?" carries to its answer.

use actix_web::HttpRequest;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::keys::seal;
use crate::protocol::failure::PageFailure;
use crate::protocol::params::Params;
use crate::secret::{base64url, from_base64url};
use crate::web::browser::Browser;
use crate::web::language;

/// What the form's token is for.
pub const PURPOSE: &str = "sign-out";

/// Where the person goes afterwards: proven safe when it was sealed.
#[derive(Serialize, Deserialize)]
pub struct Then {
    /// The application's name.
    pub name: String,
    /// Its registered address, `state` included.
    pub redirect: String,
}

/// Seals it for one browser.
pub fn seal(app: &App, browser: &Browser, then: &Then) -> Result<String, PageFailure> {
    let plain = serde_json::to_vec(then).map_err(|error| PageFailure::Internal(error.to_string().into()))?;
    Ok(base64url(&seal::seal(&app.keys.instance, PURPOSE, &browser.binding(), &plain)))
}

/// The page that says it is done, in the language of this request if one was wished for.
pub fn done(req: &HttpRequest, app: &App, params: &Params) -> String {
    let wish = params.get("ui_locales").map(|_| format!("?ui_locales={}", language::texts(req).lang()));
    format!("{}/signed-out{}", app.config.base, wish.unwrap_or_default())
}

/// Opens what [`seal()`] made; for any other browser it is nothing.
pub fn open(app: &App, browser: &Browser, sealed: &str) -> Option<Then> {
    let plain = seal::open(&app.keys.instance, PURPOSE, &browser.binding(), &from_base64url(sealed)?).ok()?;
    serde_json::from_slice(&plain).ok()
}
