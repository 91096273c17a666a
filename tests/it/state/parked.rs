//! What is parked counts in bytes, in the budgets of those who park it, on every store.

use countersign::ids::RecordId;
use countersign::secret::Token;
use countersign::state::kv::Kv;
use countersign::state::tickets::{Full, Tickets, Whose};
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use time::{Duration, OffsetDateTime};

use super::contract::{on_every_store, postgres, redis, sqlite};
use super::state;

on_every_store! {
    strangers_share_by_network_and_by_client
    people_share_by_browser_and_by_person
    what_is_counted_ends_with_what_is_parked
}

/// Half of what one network may park.
const HALF: usize = 500_000;

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(OffsetDateTime::now_utc().unix_timestamp()).unwrap()
}

async fn park(tickets: &Tickets, whose: &Whose, now: OffsetDateTime) -> Result<(), Full> {
    let handle = Token::generate();
    let parked = tickets.park(&handle, &vec![7; HALF], whose, now).await.unwrap();
    let found = tickets.parked(handle.expose(), now).await.unwrap();
    assert_eq!(found.is_some_and(|found| found.len() == HALF), parked.is_ok());
    parked
}

fn stranger(network: usize, client: usize) -> Whose {
    Whose::Stranger { network: format!("10.0.{network}.0/24"), client_id: format!("client-{client}") }
}

/// The budget that has no room; there is some again when what is parked ends.
async fn refused_by(tickets: &Tickets, whose: &Whose, now: OffsetDateTime) -> &'static str {
    let Full { budget, until } = park(tickets, whose, now).await.unwrap_err();
    assert!((3600..3660).contains(&(until - now).whole_seconds()), "{until}");
    budget
}

async fn strangers_share_by_network_and_by_client(kv: Kv) {
    let (tickets, now) = (state(&kv).tickets, now());
    for client in 0..5 {
        for network in 0..10 {
            let whose = stranger(10 * client + network, client);
            assert_eq!(park(&tickets, &whose, now).await, Ok(()));
            assert_eq!(park(&tickets, &whose, now).await, Ok(()));
            // The network is used up for every client, and for no other network.
            for client in [client, 9] {
                let whose = stranger(10 * client + network, client);
                let whose = if client == 9 { stranger(network, 9) } else { whose };
                assert_eq!(refused_by(&tickets, &whose, now).await, "parked requests of a network");
            }
        }
        // The client is used up for strangers from anywhere, and no other client.
        let whose = stranger(200, client);
        let budget = refused_by(&tickets, &whose, now).await;
        assert_eq!(budget, "parked requests for a client");
    }
    // What the narrower budgets would have room for is not counted there when there is none in all.
    for client in 6..9 {
        let whose = stranger(201, client);
        assert_eq!(refused_by(&tickets, &whose, now).await, "parked requests of strangers");
    }
    // The other half is for people who are signed in.
    let whose = Whose::SignedIn { record: RecordId::generate(), user_id: "ada".into() };
    assert_eq!(park(&tickets, &whose, now).await, Ok(()));
}

async fn people_share_by_browser_and_by_person(kv: Kv) {
    let (tickets, now) = (state(&kv).tickets, now());
    for person in 0..5 {
        let user_id = format!("person-{person}");
        for _ in 0..5 {
            let whose = Whose::SignedIn { record: RecordId::generate(), user_id: user_id.clone() };
            for _ in 0..4 {
                assert_eq!(park(&tickets, &whose, now).await, Ok(()));
            }
            assert_eq!(refused_by(&tickets, &whose, now).await, "parked requests of a browser");
        }
        let whose = Whose::SignedIn { record: RecordId::generate(), user_id };
        assert_eq!(refused_by(&tickets, &whose, now).await, "parked requests of a person");
    }
    let whose = Whose::SignedIn { record: RecordId::generate(), user_id: "ada".into() };
    let budget = refused_by(&tickets, &whose, now).await;
    assert_eq!(budget, "parked requests of people who are signed in");
    assert_eq!(park(&tickets, &stranger(0, 0), now).await, Ok(()), "strangers have their own half");
}

async fn what_is_counted_ends_with_what_is_parked(kv: Kv) {
    let (tickets, now) = (state(&kv).tickets, now());
    let at = |minutes| now + Duration::minutes(minutes);
    let whose = stranger(0, 0);
    assert_eq!(park(&tickets, &whose, now).await, Ok(()));
    assert_eq!(park(&tickets, &whose, at(30)).await, Ok(()));
    let full = park(&tickets, &whose, at(40)).await.unwrap_err();
    assert!((20..=21).contains(&(full.until - at(40)).whole_minutes()), "{full:?}");
    // Room for what has ended, and for no more.
    assert_eq!(park(&tickets, &whose, at(61)).await, Ok(()));
    let full = park(&tickets, &whose, at(62)).await.unwrap_err();
    assert!((28..=29).contains(&(full.until - at(62)).whole_minutes()), "{full:?}");
    assert_eq!(park(&tickets, &whose, at(92)).await, Ok(()));
}

/// What could not be parked is not counted.
#[actix_web::test]
async fn what_is_not_parked_is_not_held() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    let kv = Kv::file(&file).unwrap();
    let (tickets, now, whose) = (state(&kv).tickets, now(), stranger(0, 0));
    let mut beside = SqliteConnection::establish(&file.display().to_string()).unwrap();
    let mut rename = |statement: &str| diesel::sql_query(statement).execute(&mut beside).unwrap();
    rename("ALTER TABLE kv RENAME TO away");
    for _ in 0..3 {
        tickets.park(&Token::generate(), &vec![7; HALF], &whose, now).await.unwrap_err();
    }
    rename("ALTER TABLE away RENAME TO kv");
    for _ in 0..2 {
        assert_eq!(park(&tickets, &whose, now).await, Ok(()));
    }
}
