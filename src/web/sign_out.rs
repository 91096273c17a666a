//! The fields of the sign-out form, and the address of the page after it.

use serde::{Deserialize, Serialize};

use crate::protocol::params::Params;
use crate::web::sealed::Sealed;
use crate::web::visit::Visit;

/// The purpose of the form's token and of [`Then`].
pub const PURPOSE: &str = "sign-out";

/// The names of [`crate::protocol::logout::Stay`], the reasons why no redirect follows.
const STAYS: [&str; 3] = ["unregistered", "unnamed", "unclear"];

/// The redirect after signing out, proven when it was sealed.
#[derive(Serialize, Deserialize)]
pub struct Then {
    /// The application's name.
    pub name: String,
    /// Its registered address, with `state`.
    pub redirect: String,
}

impl Sealed for Then {
    const PURPOSE: &str = PURPOSE;
}

/// The details of the page that confirms the sign-out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    /// Why the requested redirect does not follow, by its name.
    pub stay: Option<&'static str>,
    /// Whether other accounts in this browser are still signed in.
    pub others: bool,
}

/// The address of the page that confirms the sign-out, with the language of this request if `ui_locales` was sent.
pub fn done(visit: &Visit, params: &Params, done: &Done) -> String {
    let wish = params.get("ui_locales").map(|_| ("ui_locales", visit.texts().lang()));
    let stay = done.stay.map(|stay| ("stay", stay));
    let said = [wish, stay, done.others.then_some(("others", "1"))].into_iter().flatten();
    let query: Vec<String> = said.map(|(name, value)| format!("{name}={value}")).collect();
    let joint = if query.is_empty() { "" } else { "?" };
    visit.at(&format!("/signed-out{joint}{}", query.join("&")))
}

/// The reason why no redirect follows, from a parameter of the provider's own.
pub fn stay(params: &Params) -> Option<&'static str> {
    STAYS.into_iter().find(|name| params.get("stay") == Some(name))
}
