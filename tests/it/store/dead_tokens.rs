//! Access tokens that are revoked one by one.
//!
//! Holds `store/grants/token.rs`.

use countersign::ids::GrantId;
use countersign::protocol::user::User;
use countersign::store::events::Actor;
use countersign::store::grants::{Issued, Revoked, revoke_token, standing, sweep};
use countersign::store::{clients, users};
use futures_util::future::join_all;
use serde_json::{Map, json};
use time::{Duration, OffsetDateTime};

use super::contract::on_both_databases;
use super::{Store, execute, lines, trail};
use crate::support::TEST;
use crate::support::rp::registered;

on_both_databases! {
    a_revoked_token_is_dead_and_its_neighbour_is_not
    sweeping_dead_tokens_takes_five_hundred_at_most
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap()
}

fn by() -> Actor {
    Actor::Client("app".into())
}

async fn a_revoked_token_is_dead_and_its_neighbour_is_not(Store { db, .. }: Store) {
    let ada = User { id: "ada".into(), login: "ada".into(), disabled: false, claims: Map::new() };
    users::add(&db, ada, None, TEST, now()).await.unwrap().unwrap();
    clients::add(&db, &registered("app", None, json!({})), TEST, now()).await.unwrap();
    let grant_id = GrantId::generate();
    let lives = async |jti| {
        let judge = async |user_id| {
            let at = now().unix_timestamp();
            let token = Issued { grant_id, user_id, client_id: "app", at, jti };
            standing(&db, &token, now()).await.unwrap().is_some()
        };
        assert_eq!(judge(None).await, judge(Some("ada")).await, "{jti}");
        judge(None).await
    };
    assert!(lives("one").await && lives("other").await);
    let exp = now().unix_timestamp() + 600;
    let one = Revoked { jti: "one", exp, grant_id, client_id: "app" };
    let rivals = join_all((0..20).map(|_| revoke_token(&db, one, by(), now()))).await;
    assert_eq!(rivals.into_iter().filter(|new| *new.as_ref().unwrap()).count(), 1);
    assert!(!lives("one").await && lives("other").await);
    let own = Revoked { jti: "own", ..one };
    assert!(revoke_token(&db, own, by(), now()).await.unwrap());
    assert!(!revoke_token(&db, own, by(), now()).await.unwrap());
    let told: Vec<String> = trail(&db).into_iter().filter(|line| line.contains("token")).collect();
    let expected = format!(r#"app token.revoked app {{"grant":"{grant_id}"}}"#);
    assert_eq!(told, [expected.clone(), expected], "each is told once");

    // Kept until the last node takes the token for expired.
    let over = now() + Duration::seconds(600 + 300);
    assert_eq!(sweep(&db, Duration::ZERO, over - Duration::SECOND).await.unwrap(), 0);
    assert!(!lives("one").await);
    assert_eq!(sweep(&db, Duration::ZERO, over).await.unwrap(), 2);
    // An end that no number holds is no way to be forgotten at once.
    let endless = Revoked { jti: "endless", exp: i64::MAX, ..one };
    assert!(revoke_token(&db, endless, by(), now()).await.unwrap());
    assert_eq!(sweep(&db, Duration::ZERO, over).await.unwrap(), 0);
}

async fn sweeping_dead_tokens_takes_five_hundred_at_most(Store { db, .. }: Store) {
    let exp = now().unix_timestamp();
    let values: Vec<String> = (0..1001).map(|number| format!("('{number}', {exp})")).collect();
    execute(&db, &format!("INSERT INTO dead_tokens (jti, exp) VALUES {}", values.join(", "))).unwrap();
    execute(&db, &format!("INSERT INTO dead_tokens (jti, exp) VALUES ('alive', {})", exp + 1)).unwrap();
    let mut swept = vec![];
    for _ in 0..4 {
        swept.push(sweep(&db, Duration::ZERO, now()).await.unwrap());
    }
    assert_eq!(swept, [500, 500, 1, 0]);
    assert_eq!(lines(&db, "SELECT jti AS line FROM dead_tokens"), ["alive"]);
}
