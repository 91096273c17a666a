//! Budgets in SQL: rows of `kv_amount`, one for each second at which held amounts end.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use time::OffsetDateTime;

use super::SqlKv;
use crate::db::fixed::{Bind, fixed, statement};
use crate::db::{Conn, DbError, each};
use crate::state::StateError;
use crate::state::kv::{Hold, Key, LATER};

statement! { Add -> ():
    "INSERT INTO kv_amount (name, exp, n) VALUES (?, ?, ?) \
     ON CONFLICT (name, exp) DO UPDATE SET n = kv_amount.n + excluded.n"
}
statement! { Held -> (BigInt, BigInt): "SELECT exp, n FROM kv_amount WHERE name = ? AND exp > ? AND exp <= ?" }
statement! { Subtract -> (): "UPDATE kv_amount SET n = n - ? WHERE name = ? AND exp = ? AND n >= ?" }
statement! { RemoveEmpty -> (): "DELETE FROM kv_amount WHERE name = ? AND exp = ? AND n = 0" }
statement! { Sweep -> (): "DELETE FROM kv_amount WHERE exp <= ?" }

impl SqlKv {
    pub(in crate::state::kv) async fn hold(
        &self,
        key: &Key,
        amount: u64,
        most: u64,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Hold, StateError> {
        let name = key.as_str().to_owned();
        let (until, now) = (until.unix_timestamp(), now.unix_timestamp());
        let held = self.write(move |conn| {
            // The amount is added before the sum is read: of two concurrent transactions on a server, the later one
            // waits for the row of the earlier one and sees it in the sum.
            let row = [Bind::Text(&name), Bind::Number(until), number(amount)];
            each!(conn, |c| fixed::<Add>(&row).execute(c)?);
            let live = [Bind::Text(&name), Bind::Number(now), Bind::Number(until + LATER)];
            let held: Vec<(i64, i64)> = each!(conn, |c| fixed::<Held>(&live).load(c)?);
            let held: Vec<(i64, u64)> = held
                .into_iter()
                .map(|(ends, held)| (ends, u64::try_from(held).unwrap_or_default()))
                .collect();
            if held.iter().map(|(_, held)| held).sum::<u64>() <= most {
                return Ok(None);
            }
            subtract(conn, &name, amount, until)?;
            Ok(Some(held))
        });
        let Some(mut held) = held.await? else { return Ok(Hold::Held) };
        for (ends, held) in &mut held {
            if *ends == until {
                *held = held.saturating_sub(amount);
            }
        }
        Hold::full(held, amount, most)
    }

    pub(in crate::state::kv) async fn release(
        &self,
        key: &Key,
        amount: u64,
        until: OffsetDateTime,
    ) -> Result<(), StateError> {
        let (name, until) = (key.as_str().to_owned(), until.unix_timestamp());
        self.write(move |conn| subtract(conn, &name, amount, until)).await
    }
}

/// Deletes amounts that have ended.
pub(super) fn sweep(conn: &mut Conn, now: i64) -> Result<(), DbError> {
    each!(conn, |c| fixed::<Sweep>(&[Bind::Number(now)]).execute(c)?);
    Ok(())
}

fn subtract(conn: &mut Conn, name: &str, amount: u64, until: i64) -> Result<(), DbError> {
    let (amount, name, until) = (number(amount), Bind::Text(name), Bind::Number(until));
    each!(conn, |c| fixed::<Subtract>(&[amount, name, until, amount]).execute(c)?);
    each!(conn, |c| fixed::<RemoveEmpty>(&[name, until]).execute(c)?);
    Ok(())
}

fn number(amount: u64) -> Bind<'static> {
    Bind::Number(i64::try_from(amount).unwrap_or(i64::MAX))
}
