//! What a redeemed code leaves behind: little, and not for longer than its replay can be told.

use countersign::db::{Db, Durability, Url};
use countersign::protocol::code::REMEMBERED;
use countersign::protocol::lifetimes::Lifetimes;
use countersign::state::MIGRATIONS;
use countersign::state::kv::Kv;
use diesel::sql_types::Text;
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};
use time::{Duration, OffsetDateTime};

use super::contract::redis;
use super::forged::grant;
use super::state;

/// In Redis, with all that it needs for itself; measured with Redis 7.0.
const BYTES_IN_REDIS: i64 = 176;
/// In the embedded engine, a page's share of what is between rows included.
const BYTES_IN_SQLITE: u64 = 150;

async fn mint_and_spend(kv: &Kv, count: usize) {
    let (codes, now) = (state(kv).codes, OffsetDateTime::now_utc());
    for _ in 0..count {
        let code = codes.mint("app", &grant(), now).await.unwrap();
        codes.spend("app", code.expose(), now).await.unwrap();
    }
}

#[actix_web::test]
async fn a_redeemed_code_is_small_in_redis_and_gone_after_little_more_than_an_hour() {
    let kv = redis().kv;
    mint_and_spend(&kv, 1).await;
    let mut direct = ::redis::Client::open(crate::support::redis::url()).unwrap().get_connection().unwrap();
    let names: Vec<String> = ::redis::cmd("KEYS").arg("c:*").query(&mut direct).unwrap();
    assert_eq!(names.len(), 1, "{names:?}");
    let bytes: i64 = ::redis::cmd("MEMORY").arg("USAGE").arg(&names[0]).query(&mut direct).unwrap();
    assert!(bytes <= BYTES_IN_REDIS, "{bytes} bytes");
    let left: i64 = ::redis::cmd("TTL").arg(&names[0]).query(&mut direct).unwrap();
    assert!((3600..=63 * 60).contains(&left), "{left} s");
    println!("{bytes} bytes for {left} s");
}

#[actix_web::test]
async fn a_redeemed_code_is_small_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    let kv = Kv::file(&file).unwrap();
    kv.checkpoint().await.unwrap();
    let before = std::fs::metadata(&file).unwrap().len();
    mint_and_spend(&kv, 2000).await;
    kv.checkpoint().await.unwrap();
    let bytes = (std::fs::metadata(&file).unwrap().len() - before) / 2000;
    assert!(bytes <= BYTES_IN_SQLITE, "{bytes} bytes");
    println!("{bytes} bytes");
    // The layout is what makes it small; without it the same table takes more.
    let url = Url::Sqlite(folder.path().join("plain.db"));
    let plain = Kv::sql(Db::open(&url, Durability::Process, MIGRATIONS).unwrap());
    mint_and_spend(&plain, 2000).await;
    plain.checkpoint().await.unwrap();
    assert!((std::fs::metadata(folder.path().join("plain.db")).unwrap().len() - before) / 2000 > bytes);
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    until: String,
}

/// Keys begin with an instant: what is written together lies together, in few pages, and so does what is swept together.
#[actix_web::test]
async fn keys_of_codes_are_in_the_order_of_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    let (codes, now) = (state(&Kv::file(&file).unwrap()).codes, OffsetDateTime::now_utc());
    let mut expected = vec![];
    for minute in [3, 1, 4, 0, 2] {
        let now = now + Duration::minutes(minute);
        codes.mint("app", &grant(), now).await.unwrap();
        let until = format!("{:08X}", (now + Lifetimes::default().code + REMEMBERED).unix_timestamp());
        expected.extend([until.clone(), until]);
    }
    expected.sort();
    let mut beside = SqliteConnection::establish(&file.display().to_string()).unwrap();
    let query = "SELECT substr(hex(k), 1, 8) AS until FROM once ORDER BY k";
    let rows: Vec<Row> = diesel::sql_query(query).load(&mut beside).unwrap();
    assert_eq!(rows.into_iter().map(|row| row.until).collect::<Vec<_>>(), expected);
}
