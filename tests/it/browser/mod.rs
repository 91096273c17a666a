//! What people meet, in a real browser. Every story ends with a look at the console: no page may have
//! broken its own policy.

mod accounts;
mod axe;
mod consent;
mod cookies_off;
mod demo_buttons;
mod demo_renewal;
mod demo_sessions;
mod device;
mod form_post;
pub mod gallery;
mod history;
mod keyboard;
mod looks;
mod passwords;
mod planted;
mod policy;
mod single_page; // refresh tokens in a browser
mod sso;
mod stage;
mod tabs;
mod tls;
