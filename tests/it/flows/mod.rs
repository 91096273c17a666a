//! Stories, from the first click to the last.

mod main_job;
