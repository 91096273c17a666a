//! What operators rely on: health, numbers, lines, certificates, and the files they deploy.

mod certificate;
mod deployment; // what is shipped
mod health;
mod lines;
mod manual; // what the manual says
mod metrics;
mod sign_ins; // who signed in, and why not
