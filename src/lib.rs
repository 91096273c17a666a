//! Countersign, an OpenID Connect identity provider: people sign in once; applications and services verify the
//! signed tokens themselves. `docs/ARCHITECTURE.md` is the map, with a glossary and the place of each rule.
//!
//! The modules in reading order:

pub mod app; // the provider: everything it is made of
pub mod server; // bind → serve → drain
pub mod jobs; // background work on every node: key steps, sweeping, …
pub mod health; // readiness of this node
pub mod config; // file + environment → Config
pub mod routes; // path → callers → methods → specification: the public surface on one screen

pub mod protocol; // the rules, pure: request, decide, client, code, grant, claims, logout, …
pub mod endpoints; // for programs: authorize, token, userinfo, end_session, discovery, jwks, …
pub mod pages; // for people: login, select, consent, signed out, the front page
pub mod web; // the HTTP vocabulary of both: extractor, tickets, cookies, failures, headers
pub mod store; // the main database: people, clients, consents, keys, events
pub mod state; // the state store: sessions, codes, tickets, counters
pub mod logos; // logos of clients: fetched, stored and served
pub mod client_keys; // public keys of clients: registered or fetched, kept in memory
pub mod keys; // sealing, signing, rotation, the public key set

pub mod operations; // changes by operators, people and applications, as verbs with an actor
pub mod cli; // the command line, one file a word
pub mod demo; // the two sites and the API of `countersign demo`

pub mod background; // leaves: they import nothing of ours but one another
pub mod clock;
pub mod connection; // time limits and permits of connections
pub mod db;
pub mod drain;
pub mod files;
pub mod ids;
pub mod outbound; // requests to addresses that clients registered, behind a guard
pub mod password;
pub mod published;
pub mod secret;
pub mod telemetry;
pub mod texts;
pub mod tls;
