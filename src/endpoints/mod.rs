//! What programs call: one file per endpoint, read from top to bottom.

pub mod assets;
pub mod authorize; // and its continuation after a page
pub mod device_authorization;
pub mod discovery;
pub mod end_session;
pub mod health;
pub mod introspect;
pub mod jwks;
pub mod metrics;
pub mod revoke;
pub mod token;
pub mod userinfo;
