//! What the question "sign out?" carries to its answer.

use actix_web::HttpRequest;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::keys::seal;
use crate::protocol::params::Params;
use crate::secret::{base64url, from_base64url};
use crate::web::browser::Browser;
use crate::web::failure::PageFailure;
use crate::web::language;

/// What the form's token is for.
pub const PURPOSE: &str = "sign-out";

/// The names of the reasons to stay here: of [`crate::protocol::logout::Stay`].
const STAYS: [&str; 3] = ["unregistered", "unnamed", "unclear"];

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

/// What the page that says it is done has to say beside that.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    /// Why the person stays here although the application asked for a redirect, by its name.
    pub stay: Option<&'static str>,
    /// Whether other accounts in this browser are still signed in.
    pub others: bool,
}

/// The address of the page that says it is done, in the language of this request if one was wished for.
pub fn done(req: &HttpRequest, app: &App, params: &Params, done: &Done) -> String {
    let wish = params.get("ui_locales").map(|_| ("ui_locales", language::texts(req).lang()));
    let stay = done.stay.map(|stay| ("stay", stay));
    let said = [wish, stay, done.others.then_some(("others", "1"))].into_iter().flatten();
    let query: Vec<String> = said.map(|(name, value)| format!("{name}={value}")).collect();
    let joint = if query.is_empty() { "" } else { "?" };
    format!("{}/signed-out{joint}{}", app.config.base, query.join("&"))
}

/// Why the person stays here, as a parameter of our own says it.
pub fn stay(params: &Params) -> Option<&'static str> {
    STAYS.into_iter().find(|name| params.get("stay") == Some(name))
}

/// Opens what [`seal()`] made; for any other browser it is nothing.
pub fn open(app: &App, browser: &Browser, sealed: &str) -> Option<Then> {
    let plain = seal::open(&app.keys.instance, PURPOSE, &browser.binding(), &from_base64url(sealed)?).ok()?;
    serde_json::from_slice(&plain).ok()
}
