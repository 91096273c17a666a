//! Events: those of earlier schemas, and personal detail that can be forgotten.

use countersign::db::{Db, Url};
use countersign::protocol::user::User;
use countersign::secret::Key;
use countersign::store::events::{Actor, By, Vault, Via};
use countersign::store::users;
use diesel::RunQueryDsl;
use diesel::sql_types::{Binary, Text};
use serde_json::{Map, json};
use tempfile::TempDir;
use time::OffsetDateTime;

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
    let by = By::new(Actor::Cli(None), Via::Cli).sealing(&vault);
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

mod sqlite {
    #[test]
    fn what_was_told_before_is_carried_over() {
        super::what_was_told_before_is_carried_over(super::sqlite_place());
    }

    #[actix_web::test]
    async fn personal_detail_can_be_forgotten() {
        super::personal_detail_can_be_forgotten(super::sqlite_place()).await;
    }
}

mod postgres {
    #[test]
    fn what_was_told_before_is_carried_over() {
        super::what_was_told_before_is_carried_over(super::postgres_place());
    }

    #[actix_web::test]
    async fn personal_detail_can_be_forgotten() {
        super::personal_detail_can_be_forgotten(super::postgres_place()).await;
    }
}
