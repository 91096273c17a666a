//! Statements whose text never changes, prepared once per connection. Diesel prepares an `UPDATE` or an
//! upsert anew every time, because what it sets might differ; on the embedded engine that costs more than
//! running it.

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

/// A statement, the same for both backends, that answers rows of `Answer`.
pub struct Fixed<'a, Answer> {
    text: &'static str,
    binds: &'a [Bind<'a>],
    answers: PhantomData<Answer>,
}

/// A statement with a `?` for each of its values.
pub fn fixed<'a, Answer>(text: &'static str, binds: &'a [Bind<'a>]) -> Fixed<'a, Answer> {
    Fixed { text, binds, answers: PhantomData }
}

impl<Answer> Query for Fixed<'_, Answer> {
    type SqlType = Answer;
}

impl<Answer, Conn> RunQueryDsl<Conn> for Fixed<'_, Answer> {}

impl<Answer> QueryId for Fixed<'_, Answer> {
    type QueryId = ();
    // Its text is what tells it from others.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB, Answer> QueryFragment<DB> for Fixed<'_, Answer>
where
    DB: Backend + HasSqlType<Text> + HasSqlType<Binary> + HasSqlType<BigInt>,
    str: ToSql<Text, DB>,
    [u8]: ToSql<Binary, DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let mut binds = self.binds.iter();
        for (at, part) in self.text.split('?').enumerate() {
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
