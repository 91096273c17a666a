//! The pages for people, one file each.

pub mod consent;
pub mod device;
pub mod home;
pub mod language;
pub mod login;
pub mod select;
pub mod signed_out;
