//! Statements with a constant text, prepared once per connection. Diesel prepares an `UPDATE` or an upsert anew every
//! time, because its columns might differ; on the embedded engine preparing costs more than running.

use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, HasSqlType, Text};

/// A value for one `?` of a statement.
#[derive(Clone, Copy)]
pub enum Bind<'a> {
    /// Text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A whole number, or seconds since the epoch.
    Number(i64),
}

/// A statement for both backends, with a `?` for each value. Each is a type, because diesel finds a prepared statement by
/// its type without building its text again. The types of its values must never vary: a server prepares the statement
/// for those of the first call.
pub trait Statement: 'static {
    /// The text.
    const TEXT: &'static str;
    /// The types of a row's columns.
    type Answer;
}

/// Declares a [`Statement`]: its name, the columns of its answer, its text.
macro_rules! statement {
    ($name:ident -> $answer:ty: $text:literal) => {
        struct $name;
        impl $crate::db::fixed::Statement for $name {
            const TEXT: &'static str = $text;
            type Answer = $answer;
        }
    };
}
pub(crate) use statement;

/// A statement with its values.
pub struct Fixed<'a, S> {
    binds: &'a [Bind<'a>],
    statement: PhantomData<S>,
}

/// Binds a value to each `?` of a statement.
pub fn fixed<'a, S: Statement>(binds: &'a [Bind<'a>]) -> Fixed<'a, S> {
    Fixed { binds, statement: PhantomData }
}

impl<S: Statement> Query for Fixed<'_, S> {
    type SqlType = S::Answer;
}

impl<S, Conn> RunQueryDsl<Conn> for Fixed<'_, S> {}

impl<S: Statement> QueryId for Fixed<'_, S> {
    type QueryId = S;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<DB, S: Statement> QueryFragment<DB> for Fixed<'_, S>
where
    DB: Backend + HasSqlType<Text> + HasSqlType<Binary> + HasSqlType<BigInt>,
    str: ToSql<Text, DB>,
    [u8]: ToSql<Binary, DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let mut binds = self.binds.iter();
        for (at, part) in S::TEXT.split('?').enumerate() {
            if at > 0 {
                match binds.next() {
                    Some(Bind::Text(text)) => out.push_bind_param::<Text, str>(text)?,
                    Some(Bind::Bytes(bytes)) => out.push_bind_param::<Binary, [u8]>(bytes)?,
                    Some(Bind::Number(number)) => out.push_bind_param::<BigInt, i64>(number)?,
                    None => {
                        return Err(diesel::result::Error::QueryBuilderError("a value is missing".into()));
                    }
                }
            }
            out.push_sql(part);
        }
        Ok(())
    }
}
