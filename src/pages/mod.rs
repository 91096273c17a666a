//! What people see: one file per page.

pub mod consent;
pub mod home;
pub mod language;
pub mod login;
pub mod select;
pub mod signed_out;
