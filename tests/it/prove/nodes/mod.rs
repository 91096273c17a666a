//! Many nodes behind nginx: their clocks differ, they are killed at work, and their state store stands still.

mod clocks;
mod killed;
mod redis;
mod round_robin;
