//! A client: how it proves who it is, and what may be registered.

mod auth;
mod sector;
