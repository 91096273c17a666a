//! Several nodes behind nginx, and parts that fail while people use them.

mod nginx; // a node ends in order
mod postgres; // the main database is away for a while
pub mod redis; // the state store dies, or forgets everything
mod smuggling_nginx; // one request made to look like two
