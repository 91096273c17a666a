//! Values that are spent once, in SQL: two rows of `once`, one for each part.

use diesel::prelude::*;
use diesel::sql_types::{Binary, Nullable};
use time::OffsetDateTime;

use super::SqlKv;
use crate::db::fixed::{Bind, fixed, statement};
use crate::db::{Conn, each};
use crate::state::StateError;
use crate::state::kv::once::{OnceKey, Part, Until};
use crate::state::kv::{Key, Pair, Spend};

statement! { Issue -> ():
    "INSERT INTO once (k, v, exp) VALUES (?, ?, ?), (?, ?, ?) \
     ON CONFLICT (k) DO UPDATE SET v = excluded.v, exp = excluded.exp"
}
statement! { Take -> (Binary, Nullable<Binary>, Nullable<Binary>):
    "DELETE FROM once WHERE k = ? AND exp > ? RETURNING v, \
     (SELECT kv.v FROM kv WHERE kv.k = ? AND kv.exp > ?), (SELECT kv.v FROM kv WHERE kv.k = ? AND kv.exp > ?)"
}
statement! { Look -> (Binary, Nullable<Binary>, Nullable<Binary>):
    "SELECT v, (SELECT kv.v FROM kv WHERE kv.k = ? AND kv.exp > ?), (SELECT kv.v FROM kv WHERE kv.k = ? AND kv.exp > ?) \
     FROM once WHERE k = ? AND exp > ?"
}
statement! { Remove -> (): "DELETE FROM once WHERE k = ? AND exp > ?" }
statement! { Later -> Binary:
    "SELECT v FROM once WHERE k = ? AND exp > ? AND NOT EXISTS (SELECT 1 FROM once WHERE k = ?)"
}
statement! { Sweep -> ():
    "DELETE FROM once WHERE k IN (SELECT k FROM once WHERE k < ? ORDER BY k LIMIT 500)"
}

impl SqlKv {
    pub(in crate::state::kv) async fn issue(
        &self,
        key: &OnceKey,
        whole: &[u8],
        later: &[u8],
        exp: OffsetDateTime,
    ) -> Result<(), StateError> {
        let (whole, later, exp) = (whole.to_vec(), later.to_vec(), exp.unix_timestamp());
        let (whole_row, later_row) = (key.row(Part::Whole), key.row(Part::Later));
        let until = key.until.seconds().into();
        self.write_one(move |conn| {
            let whole = [Bind::Bytes(&whole_row), Bind::Bytes(&whole), Bind::Number(exp)];
            let later = [Bind::Bytes(&later_row), Bind::Bytes(&later), Bind::Number(until)];
            let rows = [whole[0], whole[1], whole[2], later[0], later[1], later[2]];
            each!(conn, |c| fixed::<Issue>(&rows).execute(c)?);
            Ok(())
        })
        .await
    }

    pub(in crate::state::kv) async fn spend(
        &self,
        key: &OnceKey,
        beside: [&Key; 2],
        now: OffsetDateTime,
    ) -> Result<(Spend, Pair), StateError> {
        let (row, now) = (key.row(Part::Whole), now.unix_timestamp());
        let beside = beside.map(|key| key.as_str().to_owned());
        let taken = self.write_one(move |conn| {
            let ([first, second], now) = (&beside, Bind::Number(now));
            let live = [Bind::Bytes(&row), now, Bind::Text(first), now, Bind::Text(second), now];
            match conn {
                // Read to the end, because a single statement is committed only then.
                Conn::Pg(conn) => Ok(fixed::<Take>(&live).load(conn)?.pop()),
                // Two statements, because the embedded engine makes and drops a table in memory for each RETURNING,
                // which costs more. The call whose DELETE removed the row has spent it; others may have read it, too.
                Conn::Sqlite(conn) => {
                    let (row, beside) = live.split_at(2);
                    let seen = fixed::<Look>(&[beside, row].concat()).get_result(conn).optional()?;
                    let is_taken = seen.is_some() && fixed::<Remove>(row).execute(conn)? == 1;
                    Ok(seen.filter(|_| is_taken))
                }
            }
        });
        if let Some((whole, first, second)) = taken.await? {
            return Ok((Spend::Fresh(whole), [first, second]));
        }
        // No transaction is needed: a spent value stays spent.
        let (whole, row) = (key.row(Part::Whole), key.row(Part::Later));
        let later = self.read(move |conn| {
            let spent = [Bind::Bytes(&row), Bind::Number(now), Bind::Bytes(&whole)];
            Ok(each!(conn, |c| fixed::<Later>(&spent).get_result(c).optional()?))
        });
        Ok((later.await?.map_or(Spend::Unknown, Spend::Spent), [None, None]))
    }

    /// Deletes up to 500 rows that have ended.
    pub(super) async fn sweep_once(&self, now: OffsetDateTime) -> Result<usize, StateError> {
        let over = Until::of(now).to_bytes();
        self.write_one(move |conn| Ok(each!(conn, |c| fixed::<Sweep>(&[Bind::Bytes(&over)]).execute(c)?)))
            .await
    }
}
