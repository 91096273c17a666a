//! Login names that look alike and addresses, on both databases.

use countersign::app::StartError;
use countersign::db::DbError;
use countersign::protocol::names::{LoginFault, tables_version};
use countersign::protocol::user::{User, UserFault};
use countersign::store::events::Actor;
use countersign::store::{facts, names, users};
use futures_util::future::join_all;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::contract::on_both_databases;
use super::{Store, execute, lines, trail};
use crate::support::TEST;

on_both_databases! {
    a_name_that_looks_like_another_is_refused
    of_twenty_names_that_look_alike_one_is_added
    a_verified_address_signs_in_and_an_unverified_one_does_not
    a_person_is_edited_in_one_step
    people_from_before_are_carried_over
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap()
}

fn user(login: &str, claims: Value) -> User {
    let claims = serde_json::from_value(claims).unwrap();
    User { id: countersign::ids::new_sub(), login: login.into(), disabled: false, claims }
}

type Outcome = Result<Result<User, UserFault>, DbError>;

async fn add(store: &Store, login: &str, claims: Value) -> Outcome {
    users::add(&store.db, user(login, claims), None, TEST, now()).await
}

async fn found(store: &Store, typed: &str) -> Option<String> {
    users::by_name_or_address(&store.db, typed).await.unwrap().map(|found| found.user.login)
}

fn verified(email: &str) -> Value {
    json!({ "email": email, "email_verified": true })
}

async fn a_name_that_looks_like_another_is_refused(store: Store) {
    for login in ["alice", "Ivan", "modern"] {
        add(&store, login, json!({})).await.unwrap().unwrap();
    }
    for (login, other) in [("аӏісе", "alice"), ("lvan", "Ivan"), ("modem", "modern"), ("AIice", "alice")]
    {
        let refused = add(&store, login, json!({})).await.unwrap().unwrap_err();
        assert_eq!(refused, UserFault::Login(LoginFault::Resembles(other.into())), "{login}");
    }
    let refused = add(&store, "ALICE", json!({})).await.unwrap().unwrap_err();
    assert_eq!(refused, UserFault::Login(LoginFault::Taken("ALICE".into())));
    assert_eq!(users::list(&store.db).await.unwrap().len(), 3);
    assert_eq!(lines(&store.db, "SELECT skeleton AS line FROM skeletons").len(), 4, "Ivan has two");
}

async fn of_twenty_names_that_look_alike_one_is_added(store: Store) {
    let rivals = (0..20).map(|at| if at % 2 == 0 { "modern" } else { "modem" });
    let added = join_all(rivals.map(|login| add(&store, login, json!({})))).await;
    let (added, refused): (Vec<_>, Vec<_>) = added.into_iter().map(Result::unwrap).partition(Result::is_ok);
    assert_eq!((added.len(), trail(&store.db).len()), (1, 1), "{refused:?}");
}

async fn a_verified_address_signs_in_and_an_unverified_one_does_not(store: Store) {
    let ada = add(&store, "ada", verified("Ada@Bücher.example")).await.unwrap().unwrap();
    add(&store, "eve", json!({ "email": "eve@example.com", "email_verified": false }))
        .await
        .unwrap()
        .unwrap();
    for typed in ["ada", "ada@bücher.example", " ADA@xn--bcher-kva.example "] {
        assert_eq!(found(&store, typed).await.as_deref(), Some("ada"), "{typed}");
    }
    for typed in ["eve@example.com", "ada@example.com", "", "@", "%@example.com"] {
        assert_eq!(found(&store, typed).await, None, "{typed}");
    }
    // An address that somebody has verified becomes nobody else's login name, and may be one's own.
    let refused = add(&store, "ada@bücher.example", json!({})).await.unwrap().unwrap_err();
    assert_eq!(refused, UserFault::Login(LoginFault::Address("ada@bücher.example".into())));
    let rename = |user: User| Ok(User { login: "ada@bücher.example".into(), ..user });
    users::edit(&store.db, &ada.id, rename, TEST, now()).await.unwrap().unwrap().unwrap();
    assert_eq!(found(&store, "ada@bücher.example").await.as_deref(), Some("ada@bücher.example"));
    // The login name comes first: what eve calls herself is hers, although it is bob's address too.
    add(&store, "x@example.com", json!({})).await.unwrap().unwrap();
    add(&store, "bob", verified("x@example.com")).await.unwrap().unwrap();
    assert_eq!(found(&store, "x@example.com").await.as_deref(), Some("x@example.com"));
    // What two have verified signs in neither, until it is one's alone.
    let grace = add(&store, "grace", verified("team@example.com")).await.unwrap().unwrap();
    add(&store, "hugo", verified("TEAM@example.com")).await.unwrap().unwrap();
    assert_eq!(found(&store, "team@example.com").await, None);
    let clashes = store.db.read_now(names::clashes).unwrap();
    assert_eq!(clashes.shared["team@example.com"], ["grace", "hugo"]);
    let leave = |mut user: User| {
        user.claims.clear();
        Ok(user)
    };
    users::edit(&store.db, &grace.id, leave, TEST, now()).await.unwrap().unwrap().unwrap();
    assert_eq!(found(&store, "team@example.com").await.as_deref(), Some("hugo"));
    assert!(store.db.read_now(names::clashes).unwrap().shared.is_empty());
}

async fn a_person_is_edited_in_one_step(store: Store) {
    let ada = add(&store, "ada", json!({ "name": "Ada", "count": 0 })).await.unwrap().unwrap();
    let eve = add(&store, "eve", json!({})).await.unwrap().unwrap();
    // Twenty changes at once: none is lost.
    let more = |mut user: User| {
        let count = user.claims["count"].as_u64().unwrap_or_default() + 1;
        user.claims.insert("count".into(), json!(count));
        Ok(user)
    };
    let edits = (0..20).map(|_| users::edit(&store.db, &ada.id, more, TEST, now()));
    for edited in join_all(edits).await {
        edited.unwrap().unwrap().unwrap();
    }
    assert_eq!(users::by_id(&store.db, &ada.id).await.unwrap().unwrap().claims["count"], json!(20));
    let told = trail(&store.db).len();
    let renamed = |to: &'static str| move |user: User| Ok(User { login: to.into(), ..user });
    let refused = users::edit(&store.db, &eve.id, renamed("ADA"), TEST, now()).await.unwrap().unwrap();
    assert!(matches!(refused, Err(UserFault::Login(LoginFault::Taken(_)))));
    let refused = users::edit(&store.db, &eve.id, renamed("a da"), TEST, now()).await.unwrap().unwrap();
    assert!(matches!(refused, Err(UserFault::Login(LoginFault::Character(' ')))));
    assert!(users::edit(&store.db, "nobody", renamed("x"), TEST, now()).await.unwrap().is_none());
    users::edit(&store.db, &ada.id, Ok, TEST, now()).await.unwrap().unwrap().unwrap();
    assert_eq!(trail(&store.db).len(), told, "what changes nothing is no event");
    let done = users::edit(&store.db, &ada.id, renamed(" Countess "), Actor::Cli(None), now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(done.unwrap().after.login, "Countess");
    assert_eq!(
        trail(&store.db).last().unwrap(),
        &format!(r#"cli person.changed {} {{"changed":["login"]}}"#, ada.id)
    );
    assert_eq!(users::by_login(&store.db, "countess").await.unwrap().unwrap().user.id, ada.id);
    // The name that was left is free.
    add(&store, "Ada", json!({})).await.unwrap().unwrap();
}

async fn people_from_before_are_carried_over(store: Store) {
    names::carry_over(&store.db).map_err(StartError::from).unwrap();
    let insert = |id: &str, login: &str, shown: &str, claims: &Value| {
        let at = id.as_bytes()[0];
        let row = format!(
            "INSERT INTO users (id, login, login_shown, password_hash, claims, disabled, created_at, updated_at) \
             VALUES ('{id}', '{login}', '{shown}', NULL, '{claims}', FALSE, {at}, {at})"
        );
        execute(&store.db, &row).unwrap();
    };
    // As the versions before left them: names that look alike, a name with what is ignored, shared addresses.
    insert("a", "alice", "alice", &verified("Alice@example.com"));
    insert("b", "аӏісе", "аӏісе", &verified("b@example.com"));
    insert("c", "b\u{AD}ob", "b\u{AD}ob", &json!({ "email": "c@example.com", "email_verified": false }));
    insert("d", "al\u{AD}ice", "al\u{AD}ice", &verified("b@example.com"));
    insert(
        "e",
        "ada lovelace",
        "Ada Lovelace",
        &json!({ "preferred_username": "countess", "name": "A\u{AD}da" }),
    );
    // The tables are filled again when the tables of Unicode are others.
    let made_with = |version: &str| store.db.write_now(|conn| facts::set(conn, "skeletons_unicode", version));
    for before in ["", "17.0.0"] {
        made_with(before).unwrap();
        execute(&store.db, "DELETE FROM skeletons").unwrap();
        names::carry_over(&store.db).unwrap();
        let owners = lines(&store.db, "SELECT DISTINCT person AS line FROM skeletons ORDER BY person");
        assert_eq!(owners, ["a", "c", "e"], "the older one of two has the name that both look like");
    }
    let fact = store.db.read_now(|conn| facts::get(conn, "skeletons_unicode")).unwrap();
    assert_eq!(fact, Some(tables_version()));
    let addresses = "SELECT address || ' ' || person || ' ' || COALESCE(CAST(verified_at AS TEXT), '-') AS line \
        FROM addresses ORDER BY address, person";
    let expected =
        ["alice@example.com a 97", "b@example.com b 98", "b@example.com d 100", "c@example.com c -"];
    assert_eq!(lines(&store.db, addresses), expected);
    // An address that folds to another form with other tables keeps the time since when it is verified.
    for (person, since) in [("a", "5"), ("c", "NULL")] {
        let old = format!(
            "UPDATE addresses SET address = 'old@{person}', verified_at = {since} WHERE person = '{person}'"
        );
        execute(&store.db, &old).unwrap();
    }
    made_with("17.0.0").unwrap();
    names::carry_over(&store.db).unwrap();
    let expected =
        ["alice@example.com a 5", "b@example.com b 98", "b@example.com d 100", "c@example.com c -"];
    assert_eq!(lines(&store.db, addresses), expected);
    // All of them can still sign in, but for the one whose name is another's as typed.
    for (typed, login) in [
        ("Alice", Some("alice")),
        ("аӏісе", Some("аӏісе")),
        ("b\u{AD}ob", Some("b\u{AD}ob")),
        ("bob", Some("b\u{AD}ob")),
        ("Ada Lovelace", Some("Ada Lovelace")),
        ("alice@example.com", Some("alice")),
        ("b@example.com", None),
        ("al\u{AD}ice", Some("alice")),
    ] {
        assert_eq!(found(&store, typed).await.as_deref(), login, "{typed:?}");
    }
    let ada = users::by_id(&store.db, "e").await.unwrap().unwrap();
    assert_eq!(ada.display_name(), "Ada", "people are not shown what is hidden in older names");
    // Named exactly, the shadowed person is found; named otherwise, the one whose name that is. A change to her keeps
    // the folded name, which is another person's.
    let named = async |typed: &str| users::named(&store.db, typed).await.unwrap().map(|found| found.user.id);
    for (typed, id) in [("al\u{AD}ice", "d"), ("alice", "a"), ("Al\u{AD}ice", "a"), ("d", "d")] {
        assert_eq!(named(typed).await.as_deref(), Some(id), "{typed:?}");
    }
    let nick = |mut user: User| {
        user.claims.insert("nickname".into(), json!("Al"));
        Ok(user)
    };
    users::edit(&store.db, "d", nick, TEST, now()).await.unwrap().unwrap().unwrap();
    let clashes = store.db.read_now(names::clashes).unwrap();
    let alike: Vec<(&str, &str, &str)> =
        clashes.alike.iter().map(|(a, b, id)| (a.as_str(), b.as_str(), id.as_str())).collect();
    assert_eq!(alike, [("alice", "аӏісе", "b"), ("alice", "al\u{AD}ice", "d")]);
    assert_eq!(clashes.shadowed, [("al\u{AD}ice".to_owned(), "d".to_owned())]);
    assert_eq!(clashes.shared["b@example.com"], ["al\u{AD}ice", "аӏісе"]);
    assert_eq!(clashes.contradicting, [("Ada Lovelace".to_owned(), "countess".to_owned())]);
    let refused = add(&store, "bоb", json!({})).await.unwrap().unwrap_err();
    assert_eq!(refused, UserFault::Login(LoginFault::Scripts));
    let refused = add(&store, "AIice", json!({})).await.unwrap().unwrap_err();
    assert!(matches!(refused, UserFault::Login(LoginFault::Resembles(_))), "{refused}");
}
