//! Events: those of earlier schemas, and personal detail that can be forgotten.

use countersign::db::{Db, Url};
use countersign::protocol::event::{Keep, Name, Outcome};
use countersign::protocol::user::User;
use countersign::secret::Key;
use countersign::store::events::{self, Actor, Batch, By, Event, Swept, TYPED, Tally, Vault};
use countersign::store::users;
use diesel::RunQueryDsl;
use diesel::sql_types::{Binary, Text};
use futures_util::future::join_all;
use serde_json::{Map, json};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use super::{execute, lines, open, postgres_place, sqlite_place, store};

/// What was told before there were events: actor, event, subject, detail; and what it is now: the kind of
/// actor, the actor, the event, the subject, the client, through what, and the particulars.
const CARRIED_OVER: [([&str; 4], [&str; 7]); 9] = [
    (["cli", "user.added", "u-1", "ada"], ["cli", "-", "person.created", "u-1", "-", "cli", "{}"]),
    (
        ["cli", "user.password_set", "u-1", ""],
        ["cli", "-", "person.password.changed", "u-1", "-", "cli", "{}"],
    ),
    (["demo", "user.disabled", "u-1", ""], ["system", "demo", "person.disabled", "u-1", "-", "system", "{}"]),
    (
        ["cli", "client.added", "app", r#"My "\" app"#],
        ["cli", "-", "app.created", "-", "app", "cli", r#"{"detail":"My \"\\\" app"}"#],
    ),
    (
        ["cli", "client.secret_rotated", "app", ""],
        ["cli", "-", "app.secret.rotated", "-", "app", "cli", "{}"],
    ),
    (
        ["u-1", "consent.allowed", "app", "openid email"],
        ["person", "u-1", "grant.given", "u-1", "app", "page", r#"{"detail":"openid email"}"#],
    ),
    (
        ["system", "grant.revoked", "g-1", "its code was redeemed twice"],
        ["system", "-", "grant.reused", "-", "-", "system", r#"{"grant":"g-1"}"#],
    ),
    (
        ["system", "key.made", "k-1", "ES256 pending"],
        ["system", "-", "key.made", "k-1", "-", "system", r#"{"detail":"ES256 pending"}"#],
    ),
    (
        ["cli", "keys.resealed", "0011", "6"],
        ["cli", "-", "key.resealed", "0011", "-", "cli", r#"{"detail":"6"}"#],
    ),
];

fn what_was_told_before_is_carried_over((url, _folder): (Url, Option<TempDir>)) {
    let before = open(&url).unwrap();
    let down = include_str!("../../../migrations/store/20261130000026_events/down.sql");
    for statement in down.split(';').filter(|statement| !statement.trim().is_empty()) {
        execute(&before, statement).unwrap();
    }
    execute(&before, "DELETE FROM __diesel_schema_migrations WHERE version = '20261130000026'").unwrap();
    for (number, ([actor, event, subject, detail], _)) in CARRIED_OVER.iter().enumerate() {
        execute(
            &before,
            &format!(
                "INSERT INTO audit (id, at, actor, event, subject, detail) \
                 VALUES ('id-{number}', {number}, '{actor}', '{event}', '{subject}', '{detail}')"
            ),
        )
        .unwrap();
    }
    let now = open(&url).unwrap();
    let told = lines(
        &now,
        "SELECT id || ' ' || at || '|' || actor_kind || '|' || coalesce(actor, '-') || '|' || event || '|' || \
         coalesce(subject, '-') || '|' || coalesce(client, '-') || '|' || via || '|' || context || '|' || outcome \
         AS line FROM events ORDER BY id",
    );
    let expected = CARRIED_OVER.iter().enumerate();
    let expected = expected.map(|(number, (_, now))| format!("id-{number} {number}|{}|ok", now.join("|")));
    assert_eq!(told, expected.collect::<Vec<_>>());
}

#[derive(diesel::QueryableByName)]
struct Written {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    subject: String,
    #[diesel(sql_type = Binary)]
    sealed: Vec<u8>,
}

fn sealed(db: &Db) -> Vec<Written> {
    let query = "SELECT id, subject, sealed FROM events WHERE sealed IS NOT NULL ORDER BY id";
    db.read_now(|conn| Ok(diesel::sql_query(query).load(conn)?)).unwrap()
}

/// Personal detail opens for its person and its event alone, and without the person's key for nobody.
async fn personal_detail_can_be_forgotten(place: (Url, Option<TempDir>)) {
    let store = store(place);
    let (db, vault) = (&store.db, Vault::new(&Key::generate()));
    let by = By::from(Actor::Cli(None)).sealing(&vault);
    let now = OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap();
    for login in ["Ada", "Eve"] {
        let id = countersign::ids::new_sub();
        let user = User { id, login: login.into(), disabled: false, claims: Map::new() };
        users::add(db, user, None, by.clone(), now).await.unwrap().unwrap();
    }
    let [ada, eve]: [Written; 2] = sealed(db).try_into().unwrap_or_else(|_| panic!("two events are sealed"));
    let open = |person: &str, event: &Written, vault: &Vault| {
        db.read_now(|conn| vault.open(conn, person, &event.id, &event.sealed)).unwrap()
    };
    assert_eq!(open(&ada.subject, &ada, &vault), json!({ "login": "Ada" }).as_object().cloned());
    assert!(!ada.sealed.windows(3).any(|bytes| bytes == b"Ada"), "it is sealed");
    assert_eq!(open(&eve.subject, &ada, &vault), None, "another person's key");
    let moved = Written { id: eve.id.clone(), subject: ada.subject.clone(), sealed: ada.sealed.clone() };
    assert_eq!(open(&ada.subject, &moved, &vault), None, "another event");
    let other = Vault::new(&Key::generate());
    let stranger = db.read_now(|conn| other.open(conn, &ada.subject, &ada.id, &ada.sealed));
    assert!(stranger.is_err(), "another installation's secret");
    execute(db, &format!("DELETE FROM person_keys WHERE person = '{}'", ada.subject)).unwrap();
    assert_eq!(open(&ada.subject, &ada, &vault), None, "the key is gone");
    assert!(open(&eve.subject, &eve, &vault).is_some(), "and nobody else's");
}

/// A sign-in, or what came of one.
fn sign_in(name: Name, outcome: Outcome, person: Option<&str>) -> Event {
    let by = By::from(Actor::Unknown);
    let event = Event::new(name, &by).ended(outcome).client("app");
    person.map_or_else(|| event.clone(), |person| event.clone().about(person))
}

/// What cannot be written at once waits, what cannot be written at all is counted, and so is what finds no room.
async fn no_event_is_lost_without_being_counted(place: (Url, Option<TempDir>)) {
    let store = store(place);
    let now = OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap();
    let batch = Batch::new(store.db.clone());
    for number in 0..4106 {
        let name = if number == 0 { Name::SessionBegan } else { Name::SessionRefused };
        let outcome = if number == 0 { Outcome::Ok } else { Outcome::WrongPassword };
        batch.note(sign_in(name, outcome, Some("ada")), now);
    }
    batch.note(sign_in(Name::SessionRefused, Outcome::UnknownName, None), now);
    assert_eq!(batch.tally(), Tally { waiting: 4096, full: 11, refused: 0 });
    batch.write_down(now).await.unwrap();
    assert_eq!(batch.tally(), Tally { waiting: 0, full: 11, refused: 0 });
    assert_eq!(lines(&store.db, "SELECT id AS line FROM events").len(), 4096);
    let last = "SELECT person || ' ' || at || ' ' || client AS line FROM last_sign_ins";
    assert_eq!(lines(&store.db, last), ["ada 1900000000 app"]);

    // A table that is not there is no store that is away: trying again would not help.
    execute(&store.db, "ALTER TABLE events RENAME TO away").unwrap();
    batch.note(sign_in(Name::SessionRefused, Outcome::WrongPassword, Some("ada")), now);
    batch.write_down(now).await.unwrap_err();
    assert_eq!(batch.tally(), Tally { waiting: 0, full: 11, refused: 1 });
    execute(&store.db, "ALTER TABLE away RENAME TO events").unwrap();

    // An earlier sign-in that is written later is not the last one.
    batch.note(sign_in(Name::SessionBegan, Outcome::Ok, Some("ada")), now - Duration::HOUR);
    batch.end(now).await.unwrap();
    assert_eq!(lines(&store.db, last), ["ada 1900000000 app"]);
}

/// A person's key that does not open leaves out personal detail, and what the store refuses takes nothing along.
async fn a_bad_event_takes_no_other_along(place: (Url, Option<TempDir>)) {
    let store = store(place);
    let now = OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap();
    let batch = Batch::new(store.db.clone());
    let vault = Vault::new(&Key::generate());
    let by = By::from(Actor::Unknown).sealing(&vault);
    let refused = |person: &str| {
        let event = Event::new(Name::SessionRefused, &by).ended(Outcome::WrongPassword);
        event.about(person).personal("address", "192.0.2.1")
    };
    let bytes = if matches!(store.url, Url::Sqlite(_)) { "x'00'" } else { "'\\x00'" };
    let key = format!("INSERT INTO person_keys (person, sealed) VALUES ('eve', {bytes})");
    execute(&store.db, &key).unwrap();
    for person in ["ada", "eve"] {
        batch.note(refused(person), now);
    }
    batch.write_down(now).await.unwrap();
    let told = "SELECT subject || context AS line FROM events ORDER BY subject";
    let left_out = r#"eve{"left_out":"personal detail, because the key of the person does not open"}"#;
    assert_eq!(lines(&store.db, told), ["ada{}", left_out]);
    // A change to that person is told as well.
    store.db.write_now(|conn| refused("eve").record(conn, now)).unwrap();

    // A rule that the second of two sign-ins breaks.
    execute(&store.db, "CREATE UNIQUE INDEX one_at_a_time ON last_sign_ins (at)").unwrap();
    for person in ["f", "g"] {
        batch.note(sign_in(Name::SessionBegan, Outcome::Ok, Some(person)), now);
    }
    for _ in 0..10 {
        batch.note(sign_in(Name::SessionRefused, Outcome::WrongPassword, Some("h")), now);
    }
    batch.note(sign_in(Name::SessionRefused, Outcome::UnknownName, None), now);
    batch.write_down(now).await.unwrap_err();
    assert_eq!(batch.tally(), Tally { waiting: 0, full: 0, refused: 1 });
    let written = "SELECT outcome AS line FROM events WHERE subject IS NULL OR subject IN ('f', 'g', 'h')";
    assert_eq!(lines(&store.db, written).len(), 12);
}

/// A last sign-in that a clock dated in the future gives way to the next one.
async fn a_last_sign_in_of_the_future_gives_way(place: (Url, Option<TempDir>)) {
    let store = store(place);
    let now = OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap();
    let batch = Batch::new(store.db.clone());
    let last = "SELECT person || ' ' || at AS line FROM last_sign_ins ORDER BY person";
    for (person, ahead) in [("ada", 31), ("eve", 30)] {
        batch.note(sign_in(Name::SessionBegan, Outcome::Ok, Some(person)), now + Duration::seconds(ahead));
    }
    batch.write_down(now + Duration::seconds(31)).await.unwrap();
    for person in ["ada", "eve"] {
        batch.note(sign_in(Name::SessionBegan, Outcome::Ok, Some(person)), now);
    }
    batch.write_down(now).await.unwrap();
    assert_eq!(lines(&store.db, last), ["ada 1900000000", "eve 1900000030"]);
}

/// Ten nodes count one network's tries within one minute in one row.
async fn tries_of_unknown_names_add_up(place: (Url, Option<TempDir>)) {
    let store = store(place);
    let now = OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap();
    let nodes: Vec<Batch> = (0..10).map(|_| Batch::new(store.db.clone())).collect();
    for node in &nodes {
        for name in ["one", "two", "two"] {
            let event = sign_in(Name::SessionRefused, Outcome::UnknownName, None).with(TYPED, name);
            node.note(event, now);
        }
    }
    join_all(nodes.iter().map(|node| node.write_down(now)))
        .await
        .into_iter()
        .for_each(|written| written.unwrap());
    let rows = lines(&store.db, "SELECT context AS line FROM events");
    assert_eq!(rows, [r#"{"count":30,"typed":["one","two"]}"#]);
}

/// What was kept long enough for its class goes, 500 at a time; what a newer program wrote is kept like a change.
async fn events_are_swept_by_their_class(place: (Url, Option<TempDir>)) {
    let store = store(place);
    let now = OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap();
    let put = |id: String, event: &str, days: i64| {
        let at = now.unix_timestamp() - days * 86_400;
        let row = format!("'{id}', {at}, 'system', '{event}', 'ok', 'system', '{{}}'");
        format!("INSERT INTO events (id, at, actor_kind, event, outcome, via, context) VALUES ({row})")
    };
    store
        .db
        .write_now(|conn| {
            for number in 0..1100 {
                diesel::sql_query(put(format!("s-{number}"), "session.refused", 91)).execute(conn)?;
            }
            for (event, days) in [("session.began", 89), ("app.created", 729), ("app.removed", 731)] {
                diesel::sql_query(put(event.into(), event, days)).execute(conn)?;
            }
            for (event, days) in [("grant.reused", 401), ("key.revoked", 397), ("of.later", 729)] {
                diesel::sql_query(put(event.into(), event, days)).execute(conn)?;
            }
            Ok(())
        })
        .unwrap();
    let mut swept = Swept::default();
    let mut steps = vec![];
    for _ in 0..4 {
        steps.push(events::sweep(&store.db, &Keep::default(), &mut swept, now).await.unwrap());
    }
    assert_eq!(steps, [500, 500, 100, 0]);
    let left = "SELECT id AS line FROM events ORDER BY id";
    assert_eq!(lines(&store.db, left), ["app.created", "key.revoked", "of.later", "session.began"]);
    let later = now + Duration::days(2);
    events::sweep(&store.db, &Keep::default(), &mut swept, later).await.unwrap();
    assert_eq!(lines(&store.db, left), ["key.revoked"]);
}

mod sqlite {
    #[actix_web::test]
    async fn a_bad_event_takes_no_other_along() {
        super::a_bad_event_takes_no_other_along(super::sqlite_place()).await;
    }

    #[actix_web::test]
    async fn a_last_sign_in_of_the_future_gives_way() {
        super::a_last_sign_in_of_the_future_gives_way(super::sqlite_place()).await;
    }

    #[test]
    fn what_was_told_before_is_carried_over() {
        super::what_was_told_before_is_carried_over(super::sqlite_place());
    }

    #[actix_web::test]
    async fn personal_detail_can_be_forgotten() {
        super::personal_detail_can_be_forgotten(super::sqlite_place()).await;
    }

    #[actix_web::test]
    async fn no_event_is_lost_without_being_counted() {
        super::no_event_is_lost_without_being_counted(super::sqlite_place()).await;
    }

    /// What another program keeps us from writing waits until it may be written, once.
    #[actix_web::test]
    async fn what_a_store_that_is_away_could_not_take_waits() {
        let store = super::store(super::sqlite_place());
        let now = super::OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap();
        let batch = super::Batch::new(store.db.clone());
        let event =
            || super::sign_in(super::Name::SessionRefused, super::Outcome::WrongPassword, Some("ada"));
        let unknown = || super::sign_in(super::Name::SessionRefused, super::Outcome::UnknownName, None);
        batch.note(event(), now);
        batch.note(unknown(), now);
        let other = super::open(&store.url).unwrap();
        let (held, hold) = std::sync::mpsc::channel();
        let (free, freed) = std::sync::mpsc::channel::<()>();
        let holder = std::thread::spawn(move || {
            other.write_now(|_conn| {
                held.send(()).unwrap();
                freed.recv().unwrap();
                Ok(())
            })
        });
        hold.recv().unwrap();
        batch.write_down(now).await.unwrap_err();
        assert_eq!(batch.tally(), super::Tally { waiting: 2, full: 0, refused: 0 });
        batch.note(event(), now);
        batch.note(unknown(), now);
        free.send(()).unwrap();
        holder.join().unwrap().unwrap();
        batch.write_down(now).await.unwrap();
        assert_eq!(batch.tally(), super::Tally { waiting: 0, full: 0, refused: 0 });
        let rows = super::lines(&store.db, "SELECT outcome || context AS line FROM events ORDER BY outcome");
        let expected = [r#"unknown_name{"count":2,"typed":[]}"#, "wrong_password{}", "wrong_password{}"];
        assert_eq!(rows, expected);
    }

    #[actix_web::test]
    async fn tries_of_unknown_names_add_up() {
        super::tries_of_unknown_names_add_up(super::sqlite_place()).await;
    }

    #[actix_web::test]
    async fn events_are_swept_by_their_class() {
        super::events_are_swept_by_their_class(super::sqlite_place()).await;
    }
}

mod postgres {
    #[actix_web::test]
    async fn a_bad_event_takes_no_other_along() {
        super::a_bad_event_takes_no_other_along(super::postgres_place()).await;
    }

    #[actix_web::test]
    async fn a_last_sign_in_of_the_future_gives_way() {
        super::a_last_sign_in_of_the_future_gives_way(super::postgres_place()).await;
    }

    #[test]
    fn what_was_told_before_is_carried_over() {
        super::what_was_told_before_is_carried_over(super::postgres_place());
    }

    #[actix_web::test]
    async fn personal_detail_can_be_forgotten() {
        super::personal_detail_can_be_forgotten(super::postgres_place()).await;
    }

    #[actix_web::test]
    async fn no_event_is_lost_without_being_counted() {
        super::no_event_is_lost_without_being_counted(super::postgres_place()).await;
    }

    #[actix_web::test]
    async fn tries_of_unknown_names_add_up() {
        super::tries_of_unknown_names_add_up(super::postgres_place()).await;
    }

    #[actix_web::test]
    async fn events_are_swept_by_their_class() {
        super::events_are_swept_by_their_class(super::postgres_place()).await;
    }
}
