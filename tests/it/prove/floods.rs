//! However many come who never sign in, nothing of them is left.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use diesel::sql_types::BigInt;
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};

use crate::flows::slow::{ended, hang};
use crate::support::browser::Browser;
use crate::support::installation::Installation;

/// The memory of a process, in megabytes.
fn resident(process: u32) -> usize {
    let pages = std::fs::read_to_string(format!("/proc/{process}/statm")).unwrap();
    let pages: usize = pages.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096 / 1_000_000
}

#[derive(QueryableByName)]
struct Rows {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// Rows of the state store, and of the journal of the main one.
fn rows(provider: &Installation) -> [i64; 2] {
    // Keys are made by themselves, and that is written down.
    let tables = [("data/state.db", "kv"), ("data/countersign.db", "events WHERE event NOT LIKE 'key%'")];
    tables.map(|(file, table)| {
        let file = provider.path(file).display().to_string();
        let mut conn = SqliteConnection::establish(&file).unwrap();
        let count: Rows =
            sql_query(format!("SELECT count(*) AS rows FROM {table}")).get_result(&mut conn).unwrap();
        count.rows
    })
}

/// Whoever has not signed in leaves nothing behind, on disk or in memory, however often he comes and
/// however many connections he leaves hanging.
#[actix_web::test]
async fn anonymous_visitors_leave_nothing_behind() {
    let mut provider = Installation::new().await;
    provider.start().await;
    let port = url::Url::parse(&provider.issuer).unwrap().port().unwrap();
    let browser = Browser::new(Arc::default());
    let visit = async |times: usize| {
        for number in 0..times {
            browser.forget_cookies();
            // Every one is another.
            let url = format!("{}&state=state-{number}", provider.authorize("login"));
            assert_eq!(browser.open(&url).await.status, 200);
        }
    };
    visit(300).await;
    let (memory, stored) = (resident(provider.id()), rows(&provider));
    visit(1500).await;
    let half_a_body = "POST /token HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\ngrant_type=";
    let begun = Instant::now();
    let sent = ["GET /authori", half_a_body];
    let hanging = (0..400).map(|number| hang(port, sent[number % 2].as_bytes()));
    let hanging: Vec<TcpStream> = hanging.collect();
    assert_eq!(browser.get(&format!("{}/.well-known/jwks.json", provider.issuer)).await.status, 200);
    let most = resident(provider.id());
    assert!(most < memory + 24, "{memory} MB became {most} MB");
    assert_eq!(rows(&provider), stored);
    tokio::task::spawn_blocking(move || ended(hanging, begun)).await.unwrap();
    let later = resident(provider.id());
    assert!(later < memory + 24, "{memory} MB became {later} MB");
}
