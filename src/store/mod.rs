//! Lasting data: verbs of the protocol over one set of queries. Each verb is one unit of work; a change writes its event
//! in the same transaction.

mod schema;

pub mod clients;
pub mod consents;
pub mod endings;
pub mod events;
pub mod facts;
pub mod grants;
pub mod logos;
pub mod names;
pub mod resources;
pub mod secrets;
pub mod signing_keys;
pub mod survey;
pub mod users;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};

/// The schema, embedded in the program.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/store");

/// The version of the schema this program was written for.
pub const CODE_VERSION: i64 = 1;
