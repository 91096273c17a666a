//! What the question "sign out?" carries to its answer.

use serde::{Deserialize, Serialize};

use crate::protocol::params::Params;
use crate::web::sealed::Sealed;
use crate::web::visit::Visit;

/// What the form's token is for, and what [`Then`] is sealed for.
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

impl Sealed for Then {
    const PURPOSE: &str = PURPOSE;
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
pub fn done(visit: &Visit, params: &Params, done: &Done) -> String {
    let wish = params.get("ui_locales").map(|_| ("ui_locales", visit.texts().lang()));
    let stay = done.stay.map(|stay| ("stay", stay));
    let said = [wish, stay, done.others.then_some(("others", "1"))].into_iter().flatten();
    let query: Vec<String> = said.map(|(name, value)| format!("{name}={value}")).collect();
    let joint = if query.is_empty() { "" } else { "?" };
    visit.at(&format!("/signed-out{joint}{}", query.join("&")))
}

/// Why the person stays here, as a parameter of our own says it.
pub fn stay(params: &Params) -> Option<&'static str> {
    STAYS.into_iter().find(|name| params.get("stay") == Some(name))
}
