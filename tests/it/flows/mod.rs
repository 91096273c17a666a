//! Stories, from the first click to the last.

mod foreign_client;
mod main_job;
mod races;
mod restart;
mod session;
mod tampering;
mod throttle;
