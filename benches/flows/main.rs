//! The cost of operations, end to end: the real server in its own process, real sockets, durable state. The
//! processor time per operation, including that of PostgreSQL and Redis, is shown beside a floor measured in
//! the same run. The machine may be busy: each figure is the quietest of several rounds.
//!
//! ```text
//! make bench                                  every figure, as a table
//! make bench ARGS="--json FILE"               and as JSON
//! make bench ARGS="--against BINARY"          this build and another one by turns: ratio and interval
//! make bench ARGS="--count"                   statements and instructions per operation
//! make bench ARGS="--count --against BINARY"  both counts beside each other
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::cast_precision_loss,
    reason = "a measurement that goes wrong should stop at once"
)]

mod against;
mod commit;
mod count;
mod figures;
mod floors;
mod http;
mod measure;
mod operations;
mod options;
mod process;
mod provider;
mod rotation;
mod table;
mod tokens;
#[path = "../../tests/support/postgres.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod postgres;
#[path = "../../tests/support/redis.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod redis;

use options::{Options, What};
use provider::{Provider, Stores};
use redis::free_port;

fn main() {
    let options = Options::of(std::env::args().skip(1));
    match &options.what {
        What::Bare(port) => bare(*port),
        What::Load(stores) => load(*stores),
        What::Rotation => {
            for stores in Stores::ALL {
                rotation::report(&mut Provider::start(stores, &options.program), 1);
            }
        }
        What::Table => table::report(&options),
        What::Against(other) => against::report(&options, other),
        What::Count(other) => count::report(&options, other.as_deref()),
    }
}

/// Repeats one operation until the process is ended, so that a profiler can look at the server.
fn load(stores: Stores) {
    let provider = Provider::start(stores, &Options::own_program());
    println!("process {}", provider.process().id());
    measure::spread(provider.port, measure::CONNECTIONS, usize::MAX, |link, number| {
        drop(provider.sso(link, 1, number));
    });
}

/// The least cost of a server of this kind: the same framework, one header, an answer of the usual length.
fn bare(port: u16) {
    use actix_web::{App, HttpResponse, HttpServer, web};
    let body: &'static str = Box::leak("x".repeat(1000).into_boxed_str());
    let serve = async move {
        HttpServer::new(move || {
            App::new().default_service(web::to(move || async move {
                HttpResponse::Ok().content_type("text/plain").body(body)
            }))
        })
        .bind(("127.0.0.1", port))
        .unwrap()
        .run()
        .await
    };
    actix_web::rt::System::new().block_on(serve).unwrap();
}
