//! What operators rely on: health, numbers, lines, certificates, and the files they deploy.

mod health;
mod metrics;
