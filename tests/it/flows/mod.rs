//! Stories, from the first click to the last.

mod accounts;
mod ahead;
mod consent;
mod demo;
mod demo_start;
mod demo_terminal;
mod disk_full;
mod failover;
mod families; // of refresh tokens: what ends them, and what does not
mod floods;
mod foreign_client;
mod foreign_library; // each through every grant
mod idle;
mod logos;
mod main_job;
mod outage;
mod password_change;
pub mod pressure;
mod races;
mod restart;
mod session;
pub mod slow;
mod statements;
mod throttle;
mod two_providers;
mod typed;
