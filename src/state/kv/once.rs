//! Values that are spent once, on either store. The first to spend one takes the whole of it away; what is kept for
//! those who come later is small, and was stored beside it from the beginning. So spending is one step, and a value
//! that was spent cannot be made good again by changing a mark: what made it good is gone.

use diesel::prelude::*;
use diesel::sql_types::{Binary, Nullable};
use time::{Duration, OffsetDateTime};

use super::redis::{RedisKv, live, seconds};
use super::sql::SqlKv;
use super::{Key, Pair, Spend};
use crate::db::fixed::{Bind, fixed, statement};
use crate::db::{Conn, each};
use crate::secret::base64url;
use crate::state::StateError;

/// How long Redis keeps what is over: the clocks of nodes may differ by some seconds.
const LEEWAY: Duration = Duration::minutes(1);

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

/// The key of a value that is spent once: the instant at which even its having been spent is forgotten, the drawer,
/// and 16 bytes of a hash. The instant comes first, so that values of one time lie side by side in a table and are
/// swept from its beginning; and it is a fine one, so that a new row goes to the end of the table even where thousands
/// come in a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnceKey {
    until: Until,
    drawer: char,
    name: [u8; 16],
}

/// The instant in such a key, in 65536ths of a second since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Until(u64);

impl Until {
    /// How many bytes it takes.
    pub const BYTES: usize = 6;

    /// Rounds an instant down.
    pub fn of(instant: OffsetDateTime) -> Until {
        let seconds = u64::try_from(instant.unix_timestamp()).unwrap_or_default();
        Until((seconds << 16) | ((u64::from(instant.nanosecond()) << 16) / 1_000_000_000))
    }

    /// Reads what [`Until::to_bytes`] wrote.
    pub fn from_bytes(bytes: [u8; Until::BYTES]) -> Until {
        let mut wide = [0; 8];
        let [_, _, low @ ..] = &mut wide;
        *low = bytes;
        Until(u64::from_be_bytes(wide))
    }

    /// As bytes that sort as instants do.
    pub fn to_bytes(self) -> [u8; Until::BYTES] {
        let [_, _, bytes @ ..] = self.0.to_be_bytes();
        bytes
    }

    /// Whole seconds, rounded down.
    fn seconds(self) -> u32 {
        u32::try_from(self.0 >> 16).unwrap_or(u32::MAX)
    }
}

/// The two parts of such a value.
#[derive(Clone, Copy)]
pub(in crate::state) enum Part {
    /// What the first to spend it is given.
    Whole = 0,
    /// What is kept for those who come later.
    Later = 1,
}

impl OnceKey {
    /// A key in a drawer, from a hash that has at least 16 bytes.
    pub fn new(drawer: char, until: Until, hash: &[u8; 32]) -> OnceKey {
        let (name, _rest) = hash.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
        OnceKey { until, drawer, name: *name }
    }

    /// What a part of the value is authenticated with.
    pub(in crate::state) fn part(&self, part: Part) -> Key {
        self.named(&[part as u8])
    }

    pub(super) fn is_over(&self, now: OffsetDateTime) -> bool {
        now.unix_timestamp() >= i64::from(self.until.seconds())
    }

    fn text(&self) -> Key {
        self.named(&[])
    }

    fn named(&self, part: &[u8]) -> Key {
        let name = [self.until.seconds().to_be_bytes().as_slice(), &self.name, part].concat();
        Key::new(self.drawer, &base64url(&name))
    }

    fn row(&self, part: Part) -> Vec<u8> {
        let mut drawer = [0; 4];
        let drawer = self.drawer.encode_utf8(&mut drawer).as_bytes();
        [self.until.to_bytes().as_slice(), drawer, &self.name, &[part as u8]].concat()
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

    pub(super) async fn spend(
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
                // Read to its end: a statement by itself is committed then, and only then is it known whether it was.
                Conn::Pg(conn) => Ok(fixed::<Take>(&live).load(conn)?.pop()),
                // The embedded engine makes and drops a table in memory for each RETURNING, which costs more than to
                // look first. Who removed the row is the one who spent it, whoever else has seen it.
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
        // A step of its own: what was spent stays so.
        let (whole, row) = (key.row(Part::Whole), key.row(Part::Later));
        let later = self.read(move |conn| {
            let spent = [Bind::Bytes(&row), Bind::Number(now), Bind::Bytes(&whole)];
            Ok(each!(conn, |c| fixed::<Later>(&spent).get_result(c).optional()?))
        });
        Ok((later.await?.map_or(Spend::Unknown, Spend::Spent), [None, None]))
    }

    /// Deletes up to 500 rows that are over.
    pub(super) async fn sweep_once(&self, now: OffsetDateTime) -> Result<usize, StateError> {
        let over = Until::of(now).to_bytes();
        self.write_one(move |conn| Ok(each!(conn, |c| fixed::<Sweep>(&[Bind::Bytes(&over)]).execute(c)?)))
            .await
    }
}

/// A value is stored as `0`, 12 digits of its end, 3 digits that tell how long the later part is, that part, and the
/// whole. What is left once it was spent is `1` and the later part. The values beside it are those of the other keys.
pub(super) const SPEND: &str = r"
local stored = redis.pcall('GET', KEYS[1])
if type(stored) == 'table' and not string.find(stored.err, 'WRONGTYPE') then return stored end
if type(stored) ~= 'string' then return {} end
if string.sub(stored, 1, 1) == '1' then return {'1', string.sub(stored, 2)} end
local exp, length = tonumber(string.sub(stored, 2, 13)), tonumber(string.sub(stored, 14, 16))
if not exp or not length or exp <= tonumber(ARGV[1]) then return {} end
redis.call('SET', KEYS[1], '1' .. string.sub(stored, 17, 16 + length), 'KEEPTTL')
local beside = redis.call('MGET', KEYS[2], KEYS[3])
return {'0', string.sub(stored, 17 + length), beside[1], beside[2]}
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
        self.write(set.arg(i64::from(key.until.seconds()) + LEEWAY.whole_seconds())).await
    }

    pub(super) async fn spend(
        &self,
        key: &OnceKey,
        [first, second]: [&Key; 2],
        now: OffsetDateTime,
    ) -> Result<(Spend, Pair), StateError> {
        let keys = [&key.text(), first, second];
        let answer: Vec<Option<Vec<u8>>> = self.script(&self.scripts.spend, &keys, &[&seconds(now)]).await?;
        let mut parts = answer.into_iter();
        let mut next = || parts.next().flatten();
        Ok(match (next(), next()) {
            (Some(flag), Some(whole)) if flag == b"0" => {
                let mut beside = || next().and_then(|stored| live(stored, now));
                (Spend::Fresh(whole), [beside(), beside()])
            }
            (Some(_), Some(later)) => (Spend::Spent(later), [None, None]),
            _ => (Spend::Unknown, [None, None]),
        })
    }
}
