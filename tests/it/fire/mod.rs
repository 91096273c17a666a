//! Several nodes behind nginx, and parts that fail while people use them.

mod clocks_postgres_redis; // the clocks differ
mod nginx; // a node ends: in order, or killed
mod postgres; // the main database is away for a while
mod redis; // the state store stands still, dies, or forgets everything
mod round_robin_nginx; // every request at another node
mod smuggling_nginx; // one request made to look like two
