//! Values that are spent once, on either store. The first to spend one takes the whole of it away; what is kept for
//! those who come later is small, and was stored beside it from the beginning. So spending is one step, and a value
//! that was spent cannot be made good again by changing a mark: what made it good is gone.

use diesel::prelude::*;
use diesel::sql_types::Binary;
use time::{Duration, OffsetDateTime};

use super::redis::{RedisKv, seconds};
use super::sql::SqlKv;
use super::{Key, Spend};
use crate::db::each;
use crate::db::fixed::{Bind, fixed, statement};
use crate::secret::base64url;
use crate::state::StateError;

/// How long Redis keeps what is over: the clocks of nodes may differ by some seconds.
const LEEWAY: Duration = Duration::minutes(1);

statement! { Issue -> ():
    "INSERT INTO once (k, v, exp) VALUES (?, ?, ?), (?, ?, ?) \
     ON CONFLICT (k) DO UPDATE SET v = excluded.v, exp = excluded.exp"
}
statement! { Take -> Binary: "DELETE FROM once WHERE k = ? AND exp > ? RETURNING v" }
statement! { Later -> Binary:
    "SELECT v FROM once WHERE k = ? AND exp > ? AND NOT EXISTS (SELECT 1 FROM once WHERE k = ?)"
}
statement! { Sweep -> ():
    "DELETE FROM once WHERE k IN (SELECT k FROM once WHERE k < ? ORDER BY k LIMIT 500)"
}

/// The key of a value that is spent once: the instant at which even its having been spent is forgotten, the drawer,
/// and 16 bytes of a hash. The instant comes first, so that values of one time lie side by side in a table and are
/// swept from its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnceKey {
    until: u32,
    drawer: char,
    name: [u8; 16],
}

/// The two parts of such a value.
#[derive(Clone, Copy)]
pub(in crate::state) enum Part {
    /// What the first to spend it is given.
    Whole,
    /// What is kept for those who come later.
    Later,
}

impl OnceKey {
    /// A key in a drawer, from a hash that has at least 16 bytes.
    pub fn new(drawer: char, until: u32, hash: &[u8; 32]) -> OnceKey {
        let (name, _rest) = hash.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
        OnceKey { until, drawer, name: *name }
    }

    /// The instant that stands in a key, in whole seconds.
    pub fn until(instant: OffsetDateTime) -> u32 {
        u32::try_from(instant.unix_timestamp()).unwrap_or(u32::MAX)
    }

    /// What a part of the value is authenticated with.
    pub(in crate::state) fn part(&self, part: Part) -> Key {
        let part = match part {
            Part::Whole => "whole",
            Part::Later => "later",
        };
        Key::new(self.drawer, &format!("{}:{part}", self.name()))
    }

    pub(super) fn is_over(&self, now: OffsetDateTime) -> bool {
        now.unix_timestamp() >= i64::from(self.until)
    }

    fn name(&self) -> String {
        base64url(&[self.until.to_be_bytes().as_slice(), &self.name].concat())
    }

    fn text(&self) -> Key {
        Key::new(self.drawer, &self.name())
    }

    fn row(&self, part: Part) -> Vec<u8> {
        let part = match part {
            Part::Whole => 0,
            Part::Later => 1,
        };
        let mut row = self.until.to_be_bytes().to_vec();
        row.extend(self.drawer.to_string().bytes());
        row.extend(self.name);
        row.push(part);
        row
    }
}

impl SqlKv {
    pub(super) async fn issue(
        &self,
        key: &OnceKey,
        whole: &[u8],
        later: &[u8],
        exp: OffsetDateTime,
    ) -> Result<(), StateError> {
        let (whole, later, exp) = (whole.to_vec(), later.to_vec(), exp.unix_timestamp());
        let (whole_row, later_row, until) = (key.row(Part::Whole), key.row(Part::Later), key.until.into());
        self.write_one(move |conn| {
            let whole = [Bind::Bytes(&whole_row), Bind::Bytes(&whole), Bind::Number(exp)];
            let later = [Bind::Bytes(&later_row), Bind::Bytes(&later), Bind::Number(until)];
            let rows = [whole[0], whole[1], whole[2], later[0], later[1], later[2]];
            each!(conn, |c| fixed::<Issue>(&rows).execute(c)?);
            Ok(())
        })
        .await
    }

    pub(super) async fn spend(&self, key: &OnceKey, now: OffsetDateTime) -> Result<Spend, StateError> {
        let (row, now) = (key.row(Part::Whole), now.unix_timestamp());
        let whole = self.write_one(move |conn| {
            let live = [Bind::Bytes(&row), Bind::Number(now)];
            // Read to its end: a statement by itself is committed then, and only then is it known whether it was.
            Ok(each!(conn, |c| fixed::<Take>(&live).load(c)?).pop())
        });
        if let Some(whole) = whole.await? {
            return Ok(Spend::Fresh(whole));
        }
        // A step of its own: what was spent stays so.
        let (whole, row) = (key.row(Part::Whole), key.row(Part::Later));
        let later = self.read(move |conn| {
            let spent = [Bind::Bytes(&row), Bind::Number(now), Bind::Bytes(&whole)];
            Ok(each!(conn, |c| fixed::<Later>(&spent).get_result(c).optional()?))
        });
        Ok(later.await?.map_or(Spend::Unknown, Spend::Spent))
    }

    /// Deletes up to 500 rows that are over.
    pub(super) async fn sweep_once(&self, now: OffsetDateTime) -> Result<usize, StateError> {
        let over = OnceKey::until(now).to_be_bytes();
        self.write_one(move |conn| Ok(each!(conn, |c| fixed::<Sweep>(&[Bind::Bytes(&over)]).execute(c)?)))
            .await
    }
}

/// A value is stored as `0`, 12 digits of its end, 3 digits that tell how long the later part is, that part, and the
/// whole. What is left once it was spent is `1` and the later part.
pub(super) const SPEND: &str = r"
local stored = redis.pcall('GET', KEYS[1])
if type(stored) == 'table' and not string.find(stored.err, 'WRONGTYPE') then return stored end
if type(stored) ~= 'string' then return {} end
if string.sub(stored, 1, 1) == '1' then return {'1', string.sub(stored, 2)} end
local exp, length = tonumber(string.sub(stored, 2, 13)), tonumber(string.sub(stored, 14, 16))
if not exp or not length or exp <= tonumber(ARGV[1]) then return {} end
redis.call('SET', KEYS[1], '1' .. string.sub(stored, 17, 16 + length), 'KEEPTTL')
return {'0', string.sub(stored, 17 + length)}
";

impl RedisKv {
    pub(super) async fn issue(
        &self,
        key: &OnceKey,
        whole: &[u8],
        later: &[u8],
        exp: OffsetDateTime,
    ) -> Result<(), StateError> {
        let length = format!("{:03}", later.len());
        let stored = [b"0", seconds(exp).as_slice(), length.as_bytes(), later, whole].concat();
        let mut set = redis::cmd("SET");
        set.arg(key.text().as_str()).arg(stored).arg("EXAT");
        self.write(set.arg(i64::from(key.until) + LEEWAY.whole_seconds())).await
    }

    pub(super) async fn spend(&self, key: &OnceKey, now: OffsetDateTime) -> Result<Spend, StateError> {
        let answer: Vec<Vec<u8>> = self.script(&self.scripts.spend, &key.text(), &[&seconds(now)]).await?;
        match <[Vec<u8>; 2]>::try_from(answer) {
            Ok([flag, whole]) if flag == b"0" => Ok(Spend::Fresh(whole)),
            Ok([_, later]) => Ok(Spend::Spent(later)),
            Err(_) => Ok(Spend::Unknown),
        }
    }
}
