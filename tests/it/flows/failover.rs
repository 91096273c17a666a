//! The database server dies and its standby takes over: whoever was signed in stays signed in, and nobody
//! restarts us.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

use crate::support::app::PASSWORD;
use crate::support::browser::Browser;
use crate::support::installation::Installation;
use crate::support::postgres::Server;

fn direct(server: &Server) -> PgConnection {
    PgConnection::establish(&server.url("failover")).unwrap()
}

#[actix_web::test]
async fn a_standby_of_postgres_takes_over_and_everybody_stays_signed_in() {
    let primary = Server::start();
    primary.database_named("failover");
    let standby = Server::follow(&primary);
    let url = format!("postgres:///failover?user=postgres&host={},{}", primary.folder(), standby.folder());
    let mut provider = Installation::on(&url, "sql").await;
    provider.start().await;
    let browser = Browser::new(Arc::default());
    let page = browser.open(&provider.authorize("login")).await;
    let home = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    let under_way = home.answered("code").unwrap();

    // A mark that follows everything else shows that the standby has it all.
    direct(&primary).batch_execute("CREATE TABLE mark ()").unwrap();
    let begun = Instant::now();
    while direct(&standby).batch_execute("SELECT FROM mark").is_err() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the standby does not follow");
    }
    let _dead = primary.crash();
    let away = browser.get(&provider.authorize("none")).await;
    assert_eq!(away.answered("error").as_deref(), Some("temporarily_unavailable"), "{}", provider.log());
    let refused = provider.redeem(&browser, &under_way).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "5"));
    direct(&standby).batch_execute("SELECT pg_promote()").unwrap();

    let silent = browser.get(&provider.authorize("none")).await;
    assert!(silent.answered("code").is_some(), "{silent:?} {}", provider.log());
    assert_eq!(provider.redeem(&browser, &under_way).await.status, 200);
    assert!(provider.log().contains("postgres:///failover?host="), "{}", provider.log());
}
