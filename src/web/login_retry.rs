//! The result of a failed sign-in, sealed for the page that shows it.

use serde::{Deserialize, Serialize};

use crate::web::sealed::Sealed;

/// The fields of the form without the password, and why the sign-in failed.
#[derive(Serialize, Deserialize)]
pub struct LoginRetry {
    /// The typed name.
    pub username: String,
    /// Whether "Stay signed in" was ticked.
    pub remember: bool,
    /// Whether a field was empty; otherwise name or password was wrong.
    pub missing: bool,
    /// Whether the page is shown although an account is signed in.
    pub switching: bool,
}

impl Sealed for LoginRetry {
    const PURPOSE: &str = "tried";
}
