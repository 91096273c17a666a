//! What people see, without a server: words, markup and colours of every sample page.

mod colours;
mod look;
mod markup;
#[path = "../../support/sample_pages.rs"]
pub mod sample_pages;
mod texts;
