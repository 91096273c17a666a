//! The harness: the real server on a free loopback port, with its own database and a movable clock, and
//! a browser that knows forms and cookies but no script.

pub mod app;
pub mod assertion;
pub mod browser;
pub mod certificates;
pub mod chromium;
pub mod cluster;
pub mod foreign;
pub mod handshakes;
pub mod installation;
pub mod log;
pub mod nginx;
pub mod noise;
pub mod origin;
pub mod pgbouncer;
pub mod postgres;
pub mod redis;
pub mod relay;
pub mod rp;
pub mod traffic;
pub mod tv;

use countersign::store::events::Actor;

/// The tests as the actor of what they arrange.
pub const TEST: Actor = Actor::System(Some("test"));
