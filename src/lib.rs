//! Countersign, an OpenID Connect identity provider: people sign in once, applications and services
//! check the signed tokens by themselves.
//!
//! The modules in reading order:

pub mod app; // everything a running provider is made of
pub mod server; // bind → serve → drain
pub mod jobs; // background work: keys, sweeping
pub mod health; // whether this node can serve
pub mod config; // file + environment → Config
pub mod routes; // path → handler → specification: the public surface on one screen

pub mod protocol; // the rules, pure
pub mod endpoints; // what programs call
pub mod pages; // what people see
pub mod web; // the HTTP vocabulary both share
pub mod store; // what lasts
pub mod state; // what passes
pub mod logos; // clients' logos, fetched and kept
pub mod keys; // sealing, signing, the public set

pub mod operations; // what is changed, and by whom
pub mod cli; // the command line, one file a word
pub mod demo; // the two sites and the API of `countersign demo`

pub mod background; // leaves: they import nothing of ours but one another
pub mod clock;
pub mod connection; // given up when nothing moves on it
pub mod db;
pub mod drain;
pub mod files;
pub mod ids;
pub mod outbound; // the only way out
pub mod password;
pub mod published;
pub mod secret;
pub mod telemetry;
pub mod texts;
pub mod tls;
