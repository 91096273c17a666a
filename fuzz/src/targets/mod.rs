//! One file a target.

pub mod basic;
pub mod config;
pub mod cookies;
pub mod forms;
pub mod jwt;
pub mod metadata;
pub mod params;
pub mod redirect_uri;
pub mod requests;
pub mod resources;
pub mod tickets;
pub mod verifier;
