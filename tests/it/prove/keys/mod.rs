//! The keys of many nodes: a model of everything that can happen to them, real processes that are killed, and what a
//! rotation costs those who are signing in meanwhile.

mod cost;
mod killed;
mod model;
