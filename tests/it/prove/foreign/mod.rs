//! Every foreign stack: client libraries and verifiers in three languages, for every algorithm and through rotations.

mod clients;
mod verifiers;
