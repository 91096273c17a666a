//! Two values at once, on either store.

use diesel::prelude::*;
use diesel::sql_types::{Binary, Text};
use time::OffsetDateTime;

use super::redis::{RedisKv, live};
use super::sql::SqlKv;
use super::{Key, Kv};
use crate::db::each;
use crate::db::fixed::{Bind, fixed, statement};
use crate::state::StateError;

statement! { Both -> (Text, Binary): "SELECT k, v FROM kv WHERE k IN (?, ?) AND exp > ?" }

/// What was found of two values.
type Pair = [Option<Vec<u8>>; 2];

impl Kv {
    /// Two values in one question, each unless its time is over.
    pub async fn get_both(&self, keys: [&Key; 2], now: OffsetDateTime) -> Result<Pair, StateError> {
        match self {
            Kv::Sql(kv) => kv.get_both(keys, now).await,
            Kv::Redis(kv) => kv.get_both(keys, now).await,
        }
    }
}

impl SqlKv {
    async fn get_both(&self, keys: [&Key; 2], now: OffsetDateTime) -> Result<Pair, StateError> {
        let (keys, now) = (keys.map(|key| key.as_str().to_owned()), now.unix_timestamp());
        self.read(move |conn| {
            let [first, second] = &keys;
            let live = [Bind::Text(first), Bind::Text(second), Bind::Number(now)];
            let rows: Vec<(String, Vec<u8>)> = each!(conn, |c| fixed::<Both>(&live).load(c)?);
            let value = |key: &String| rows.iter().find(|(k, _)| k == key).map(|(_, value)| value.clone());
            Ok([value(first), value(second)])
        })
        .await
    }
}

impl RedisKv {
    async fn get_both(&self, [first, second]: [&Key; 2], now: OffsetDateTime) -> Result<Pair, StateError> {
        let mut both = redis::cmd("MGET");
        both.arg(first.as_str()).arg(second.as_str());
        let stored: Pair = self.read(&both).await?;
        Ok(stored.map(|stored| stored.and_then(|stored| live(stored, now))))
    }
}
