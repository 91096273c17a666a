//! A client: how it proves who it is, and what may be registered.

mod assertion;
mod auth;
mod jwks;
mod requirements;
mod secrets;
mod sector;
