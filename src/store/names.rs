//! Uniqueness of people: skeletons of login names, and e-mail addresses. Rows are written in the transaction of the change
//! to the person.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::Text;
use time::OffsetDateTime;

use super::facts;
use super::schema::{addresses, skeletons, users};
use super::users::user;
use crate::db::{Conn, Db, DbError, each};
use crate::protocol::addresses::fold_address;
use crate::protocol::names::{LoginFault, LoginName, skeletons, tables_version};
use crate::protocol::user::{User, fold_login};

/// The fact with the version of Unicode's tables from which the stored skeletons were made.
const MADE_WITH: &str = "skeletons_unicode";
/// Number of people read in one query.
const PAGE: i64 = 1000;

/// Runs a unit of work again after a conflict: the second time it reads the rows of the transaction that was first.
pub(super) async fn twice<T, W: Future<Output = Result<T, DbError>>>(
    work: impl Fn() -> W,
) -> Result<T, DbError> {
    match work().await {
        Err(error) if error.is_conflict() => work().await,
        done => done,
    }
}

/// Finds the reason why a person cannot get a login name.
pub(super) fn clash(conn: &mut Conn, login: &LoginName, person: &str) -> Result<Option<LoginFault>, DbError> {
    let shown = || login.shown().to_owned();
    let taken = users::table.filter(users::login.eq(login.folded())).filter(users::id.ne(person));
    let taken: Option<String> = taken.select(users::id).first(conn).optional()?;
    if taken.is_some() {
        return Ok(Some(LoginFault::Taken(shown())));
    }
    let alike = skeletons::table.inner_join(users::table.on(users::id.eq(skeletons::person)));
    let alike = alike.filter(skeletons::skeleton.eq_any(skeletons(login.shown())));
    let alike = alike.filter(skeletons::person.ne(person)).select(users::login_shown);
    let alike: Option<String> = alike.first(conn).optional()?;
    if let Some(other) = alike {
        return Ok(Some(LoginFault::Resembles(other)));
    }
    let Some(address) = fold_address(login.folded()) else { return Ok(None) };
    let theirs = addresses::table.filter(addresses::address.eq(address));
    let theirs = theirs.filter(addresses::person.ne(person)).filter(addresses::verified_at.is_not_null());
    let theirs: Option<String> = theirs.select(addresses::person).first(conn).optional()?;
    Ok(theirs.map(|_| LoginFault::Address(shown())))
}

/// Updates a person's rows. A new login name gets all its skeletons or is a conflict; an old one, from before the rule,
/// gets those that no other person has.
pub(super) fn keep(
    conn: &mut Conn,
    person: &User,
    is_new_name: bool,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    if is_new_name {
        let mine = skeletons::table.filter(skeletons::person.eq(&person.id));
        diesel::delete(mine).execute(conn)?;
    }
    for skeleton in skeletons(&person.login) {
        if is_new_name {
            let row = (skeletons::skeleton.eq(skeleton), skeletons::person.eq(&person.id));
            diesel::insert_into(skeletons::table).values(row).execute(conn)?;
        } else {
            claim(conn, &skeleton, &person.id)?;
        }
    }
    keep_address(conn, person, now.unix_timestamp())
}

fn claim(conn: &mut Conn, skeleton: &str, person: &str) -> Result<(), DbError> {
    let row = (skeletons::skeleton.eq(skeleton), skeletons::person.eq(person));
    each!(conn, |c| diesel::insert_into(skeletons::table).values(row).on_conflict_do_nothing().execute(c)?);
    Ok(())
}

/// Updates the row of the address in the person's claims. An address that stays verified keeps its time.
fn keep_address(conn: &mut Conn, person: &User, now: i64) -> Result<(), DbError> {
    let address = person.address();
    let folded = address.as_ref().map(|address| address.folded.as_str()).unwrap_or_default();
    let mine = addresses::table.filter(addresses::person.eq(&person.id));
    diesel::delete(mine.filter(addresses::address.ne(folded))).execute(conn)?;
    let Some(address) = &address else { return Ok(()) };
    let row = (addresses::address.eq(folded), addresses::person.eq(&person.id));
    each!(conn, |c| diesel::insert_into(addresses::table).values(row).on_conflict_do_nothing().execute(c)?);
    let this = addresses::table.find((folded, &person.id));
    if address.verified {
        let unverified = this.filter(addresses::verified_at.is_null());
        diesel::update(unverified).set(addresses::verified_at.eq(now)).execute(conn)?;
    } else {
        diesel::update(this).set(addresses::verified_at.eq(None::<i64>)).execute(conn)?;
    }
    Ok(())
}

type Known = (String, String, String, String, bool, i64, i64);

/// The next people, in the order of their creation.
fn page(conn: &mut Conn, after: &(i64, String)) -> Result<Vec<Known>, DbError> {
    let (at, id) = after;
    let later = users::created_at.gt(at).or(users::created_at.eq(at).and(users::id.gt(id)));
    let columns = (
        users::id,
        users::login,
        users::login_shown,
        users::claims,
        users::disabled,
        users::created_at,
        users::updated_at,
    );
    let order = (users::created_at, users::id);
    Ok(users::table.filter(later).order(order).limit(PAGE).select(columns).load(conn)?)
}

/// Rebuilds the rows of all people, at the first start with these tables and after an update of Unicode's. Of two people
/// whose names look alike the older one gets the skeleton; none is refused. Addresses are folded anew. Blocks: for start-up
/// and the command line.
pub fn carry_over(db: &Db) -> Result<(), DbError> {
    let version = tables_version();
    let known = version.clone();
    if db.read_now(move |conn| Ok(facts::get(conn, MADE_WITH)? == Some(known)))? {
        return Ok(());
    }
    db.write_now(|conn| {
        facts::get_or_insert(conn, MADE_WITH, "")?;
        facts::lock(conn, MADE_WITH)?;
        let made_with = facts::get(conn, MADE_WITH)?.unwrap_or_default();
        if made_with == version {
            return Ok(());
        }
        diesel::delete(skeletons::table).execute(conn)?;
        let mut after = (i64::MIN, String::new());
        loop {
            let people = page(conn, &after)?;
            for (id, login, shown, claims, disabled, created_at, updated_at) in people.iter().cloned() {
                refold(conn, &id, &login, &shown)?;
                for skeleton in skeletons(&shown) {
                    claim(conn, &skeleton, &id)?;
                }
                after = (created_at, id.clone());
                let since = verified_since(conn, &id)?.unwrap_or(updated_at);
                keep_address(conn, &user(id, shown, disabled, &claims)?, since)?;
            }
            if people.is_empty() {
                return facts::set(conn, MADE_WITH, &version);
            }
        }
    })
}

/// The time since which a person's address is verified, if it is. An address that folds to another form keeps it.
fn verified_since(conn: &mut Conn, person: &str) -> Result<Option<i64>, DbError> {
    let theirs = addresses::table.filter(addresses::person.eq(person)).select(addresses::verified_at);
    Ok(theirs.first::<Option<i64>>(conn).optional()?.flatten())
}

/// Folds a login name anew, unless the new form belongs to another person.
fn refold(conn: &mut Conn, id: &str, login: &str, shown: &str) -> Result<(), DbError> {
    let folded = fold_login(shown);
    if folded == login {
        return Ok(());
    }
    let taken: i64 = users::table.filter(users::login.eq(&folded)).count().get_result(conn)?;
    if taken == 0 {
        diesel::update(users::table.find(id)).set(users::login.eq(folded)).execute(conn)?;
    }
    Ok(())
}

/// People whose data, from before the rules, violate them; for operators.
#[derive(Debug, Default)]
pub struct Clashes {
    /// Pairs of login names that look alike, with the identifier of the second person.
    pub alike: Vec<(String, String, String)>,
    /// Login names that cannot be typed, because their folded form belongs to another person, with the identifiers of
    /// their people.
    pub shadowed: Vec<(String, String)>,
    /// Addresses that several people have verified, with their login names.
    pub shared: BTreeMap<String, Vec<String>>,
    /// Login names, with the different `preferred_username` that applications get.
    pub contradicting: Vec<(String, String)>,
}

#[derive(QueryableByName)]
struct Shared {
    #[diesel(sql_type = Text)]
    address: String,
    #[diesel(sql_type = Text)]
    login: String,
}

const SHARED: &str = "SELECT a.address AS address, u.login_shown AS login FROM addresses a \
    JOIN users u ON u.id = a.person WHERE a.verified_at IS NOT NULL AND a.address IN \
    (SELECT address FROM addresses WHERE verified_at IS NOT NULL GROUP BY address HAVING COUNT(*) > 1) \
    ORDER BY a.address, u.login";

/// Finds such people. Nothing is changed.
pub fn clashes(conn: &mut Conn) -> Result<Clashes, DbError> {
    let mut found = Clashes::default();
    for Shared { address, login } in diesel::sql_query(SHARED).load::<Shared>(conn)? {
        found.shared.entry(address).or_default().push(login);
    }
    let mut after = (i64::MIN, String::new());
    loop {
        let people = page(conn, &after)?;
        let Some(last) = people.last() else { return Ok(found) };
        after = (last.5, last.0.clone());
        let made: Vec<String> = people.iter().flat_map(|(_, _, shown, ..)| skeletons(shown)).collect();
        let owners = skeletons::table.inner_join(users::table.on(users::id.eq(skeletons::person)));
        let owners: Vec<(String, String, String)> = owners
            .filter(skeletons::skeleton.eq_any(made))
            .select((skeletons::skeleton, skeletons::person, users::login_shown))
            .load(conn)?;
        let owners: BTreeMap<&str, (&str, &str)> = owners.iter().map(|o| (&*o.0, (&*o.1, &*o.2))).collect();
        for (id, login, shown, claims, disabled, ..) in &people {
            let other = skeletons(shown).iter().find_map(|made| {
                owners.get(made.as_str()).filter(|(owner, _)| owner != id).map(|(_, login)| *login)
            });
            found.alike.extend(other.map(|other| (other.to_owned(), shown.clone(), id.clone())));
            if fold_login(shown) != *login {
                found.shadowed.push((shown.clone(), id.clone()));
            }
            let person = user(id.clone(), shown.clone(), *disabled, claims)?;
            if person.contradicts_itself() {
                let told = person.claim("preferred_username").unwrap_or_default();
                found.contradicting.push((person.login, told.as_str().unwrap_or_default().to_owned()));
            }
        }
    }
}
