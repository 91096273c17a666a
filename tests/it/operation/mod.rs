//! What operators rely on: health, numbers, lines, certificates, and the files they deploy.

mod certificate;
mod health;
mod lines;
mod metrics;
