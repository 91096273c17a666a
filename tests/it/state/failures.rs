//! What is kept of a client's failures is shared out among the networks they come from, on every store.

use countersign::db::{Db, Durability, Url};
use countersign::protocol::cause::Cause;
use countersign::secret::Token;
use countersign::state::failures::{Failure, Failures};
use countersign::state::kv::Kv;
use countersign::state::{MIGRATIONS, StateError};
use diesel::connection::SimpleConnection;
use time::OffsetDateTime;

use super::contract::{on_every_store, postgres, redis, sqlite};
use super::state;

on_every_store! {
    one_network_pushes_out_only_its_own
    many_networks_leave_each_other_their_share
    the_same_from_many_networks_is_one
    one_network_does_not_keep_others_from_being_written_down
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(OffsetDateTime::now_utc().unix_timestamp()).unwrap()
}

/// One of a kind, from a network.
fn failure(network: &str, kind: usize, number: usize) -> Failure {
    Failure {
        last: now(),
        first: now(),
        count: 1,
        endpoint: "/authorize".into(),
        error: format!("error-{kind}"),
        cause: Cause::new("of a test").with("number", format!("{network} {number}")),
        request_id: String::new(),
        network: network.into(),
    }
}

/// How many different ones are kept of each of these networks, written down after each.
async fn kept<const N: usize>(
    failures: &Failures,
    client: &str,
    coming: impl IntoIterator<Item = Failure>,
    networks: [&str; N],
) -> ([usize; N], usize) {
    for (number, failure) in coming.into_iter().enumerate() {
        failures.note(client, failure);
        if number % 7 == 0 {
            failures.write_down(now()).await.unwrap();
        }
    }
    failures.write_down(now()).await.unwrap();
    let kept = failures.list(client, now()).await.unwrap();
    (networks.map(|network| kept.iter().filter(|one| one.network == network).count()), kept.len())
}

async fn one_network_pushes_out_only_its_own(kv: Kv) {
    let (failures, client) = (state(&kv).failures, Token::generate());
    let of_developer = (0..6).map(|number| failure("home", number / 2, number));
    assert_eq!(kept(&failures, client.expose(), of_developer, ["home"]).await, ([6], 6));
    // Of the kinds the developer looks for, and of many others.
    let flood = (0..300).map(|number| failure("stranger", number % 20, number));
    assert_eq!(kept(&failures, client.expose(), flood, ["home", "stranger"]).await, ([6, 44], 50));
    let one_kind = (0..30).map(|number| failure("elsewhere", 0, 1000 + number));
    let (of_each, all) = kept(&failures, client.expose(), one_kind, ["home", "elsewhere", "stranger"]).await;
    assert_eq!((of_each, all), ([6, 10, 34], 50), "ten of a kind for each network");
}

async fn many_networks_leave_each_other_their_share(kv: Kv) {
    let (failures, client) = (state(&kv).failures, Token::generate());
    let of_developer = (0..6).map(|number| failure("home", number, number));
    kept(&failures, client.expose(), of_developer, ["home"]).await;
    let flood = (0..300).map(|number| failure(&format!("network-{}", number % 9), number % 20, number));
    let (of_each, all) = kept(&failures, client.expose(), flood, ["home", "network-0", "network-8"]).await;
    assert_eq!((of_each, all), ([5, 5, 5], 50));
}

/// An application that is broken for all its visitors fills nothing.
async fn the_same_from_many_networks_is_one(kv: Kv) {
    let (failures, client) = (state(&kv).failures, Token::generate());
    let of_all = (0..200)
        .map(|number| Failure { network: format!("network-{number}"), ..failure("everywhere", 0, 0) });
    assert_eq!(kept(&failures, client.expose(), of_all, ["network-0"]).await, ([1], 1));
    assert_eq!(failures.list(client.expose(), now()).await.unwrap()[0].count, 200);
}

/// What waits to be written down is bounded, and is shared out as well.
async fn one_network_does_not_keep_others_from_being_written_down(kv: Kv) {
    let (failures, name) = (state(&kv).failures, Token::generate());
    let client = |network: usize, number: usize| format!("{}-{network}-{number}", name.expose());
    for network in 0..6 {
        for number in 0..40 {
            failures.note(&client(network, number), failure(&format!("network-{network}"), 0, number));
        }
    }
    let lost = failures.write_down(now()).await.unwrap_err();
    assert_eq!((lost.crowded_out, lost.unwritten), (6 * 40 - 32, 0));
    failures.write_down(now()).await.unwrap();
    let mut written = [0; 6];
    for (network, written) in written.iter_mut().enumerate() {
        for number in 0..40 {
            *written += failures.list(&client(network, number), now()).await.unwrap().len();
        }
    }
    assert_eq!(written, [8, 8, 8, 8, 0, 0]);
}

/// The database ignores every write of one list, as if another node had always been faster.
#[actix_web::test]
async fn a_list_that_keeps_changing_does_not_keep_others_from_being_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let place = Url::Sqlite(folder.path().join("state.db"));
    let db = Db::open(&place, Durability::Process, MIGRATIONS).unwrap();
    let ignored =
        "CREATE TRIGGER ignored BEFORE INSERT ON kv WHEN NEW.k = 'f:b' BEGIN SELECT RAISE(IGNORE); END";
    db.write_now(|conn| Ok(conn.batch_execute(ignored)?)).unwrap();
    let failures = state(&Kv::sql(db)).failures;
    for (client, count) in [("a", 1), ("b", 3), ("c", 1)] {
        failures.note(client, Failure { count, ..failure("home", 0, 0) });
        failures.note(client, failure("home", 0, 1));
    }
    let lost = failures.write_down(now()).await.unwrap_err();
    assert_eq!((lost.crowded_out, lost.unwritten), (0, 4));
    assert!(matches!(lost.error, Some(StateError::Contended)), "{lost}");
    assert!(lost.to_string().ends_with("4 were not stored: the value kept changing"), "{lost}");
    for (client, stored) in [("a", 2), ("b", 0), ("c", 2)] {
        assert_eq!(failures.list(client, now()).await.unwrap().len(), stored, "{client}");
    }
    failures.write_down(now()).await.unwrap();
}
