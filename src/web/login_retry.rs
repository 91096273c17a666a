//! What a failed attempt to sign in carries to the page that says so.

use serde::{Deserialize, Serialize};

use crate::web::sealed::Sealed;

/// What was typed, without the password, and how it was received.
#[derive(Serialize, Deserialize)]
pub struct LoginRetry {
    /// The name.
    pub username: String,
    /// Whether staying signed in was ticked.
    pub remember: bool,
    /// Whether something was left empty; otherwise name or password was wrong.
    pub missing: bool,
    /// Whether an account is signed in already, and the page is shown all the same.
    pub switching: bool,
}

impl Sealed for LoginRetry {
    const PURPOSE: &str = "tried";
}
