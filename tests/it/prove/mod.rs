//! What proves rather than guards: chaos, models, statistics of timing, every foreign stack, large data. `make test`
//! leaves it out; `make prove AREA` runs one of these, and its result is committed as `docs/proofs/AREA.md`.

mod disk_full; // a disk that fills up under traffic
mod floods; // anonymous visitors leave nothing behind
mod foreign; // every foreign stack, every algorithm
mod keys; // the keys of many nodes: a model, kills, what a rotation costs
mod killed; // killed in the middle of sign-ins and redemptions
mod nodes; // many nodes behind nginx, killed or frozen or with wrong clocks
mod pages; // every page in every language, enlarged and in forced colours
mod tampering; // every single byte of a token
mod timing; // whether time tells anything, or is taken from others
mod tokens; // families of refresh tokens, while nodes are killed and Redis is emptied
