//! No byte can be written any more: what needs no writing goes on, the rest is told to come back, and
//! nothing is lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::db::{Db, DbError, Durability, Url};
use countersign::store::{MIGRATIONS, facts};
use diesel::connection::SimpleConnection;
use reqwest::Method;

use crate::support::app::PASSWORD;
use crate::support::browser::Browser;
use crate::support::installation::Installation;
use crate::support::rp::claims;

#[actix_web::test]
async fn without_room_to_write_reading_goes_on_and_nothing_is_lost() {
    let mut provider = Installation::new().await;
    provider.start().await;
    let browser = Browser::new(Arc::default());
    let page = browser.open(&provider.authorize("login")).await;
    let home = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    let tokens = provider.redeem(&browser, &home.answered("code").unwrap()).await.json();
    let under_way = browser.get(&provider.authorize("none")).await.answered("code").unwrap();
    let (stranger, keys) = (Browser::new(Arc::default()), provider.keys(&browser).await);
    let page = stranger.open(&provider.authorize("login")).await;
    let userinfo = || {
        let asked = browser.request(Method::GET, &format!("{}/userinfo", provider.issuer));
        browser.send(asked.bearer_auth(tokens["access_token"].as_str().unwrap()))
    };

    provider.may_write(false);
    // The first that needs to write is a redemption: it must not be believed before it is written.
    let early = provider.redeem(&browser, &under_way).await;
    assert_eq!((early.status.as_u16(), early.header("retry-after")), (503, "5"), "{}", early.body);
    for public in ["/.well-known/jwks.json", "/.well-known/openid-configuration"] {
        assert_eq!(browser.get(&format!("{}{public}", provider.issuer)).await.status, 200, "{public}");
    }
    assert_eq!(userinfo().await.json()["sub"], claims(&tokens["id_token"])["sub"]);
    let silent = browser.get(&provider.authorize("none")).await;
    assert_eq!(silent.answered("error").as_deref(), Some("temporarily_unavailable"));
    let refused = [
        browser.get(&provider.authorize("")).await,
        provider.redeem(&browser, &under_way).await,
        stranger.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await,
    ];
    for refused in &refused {
        let told = (refused.status.as_u16(), refused.header("retry-after"));
        assert_eq!(told, (503, "5"), "{} {}", refused.url, refused.body);
    }
    let log = provider.log();
    let advised =
        |line: &str| line.contains("data/state.db") && line.contains("look for a full or failing disk");
    assert!(log.lines().any(advised), "{log}");
    assert!(!log.contains("panicked"), "{log}");

    provider.may_write(true);
    assert!(browser.get(&provider.authorize("none")).await.answered("code").is_some(), "{}", provider.log());
    assert_eq!(provider.redeem(&browser, &under_way).await.status, 200, "the code was not spent");
    let home = stranger.submit(&refused[2], &[("username", "ada"), ("password", PASSWORD)]).await;
    assert!(home.answered("code").is_some());
    assert_eq!(provider.keys(&browser).await, keys);
    assert_eq!(userinfo().await.status, 200);
    provider.kill();
    provider.assert_whole();
}

/// The engine itself says that there is no room, in a unit of work that had begun.
#[test]
fn a_unit_of_work_without_room_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let url = Url::Sqlite(folder.path().join("countersign.db"));
    let db = Db::open(&url, Durability::Power, MIGRATIONS).unwrap();
    db.write_now(|conn| facts::set(conn, "before", "here")).unwrap();
    let pages = |most: u32| {
        db.write_now(|conn| Ok(conn.batch_execute(&format!("PRAGMA max_page_count = {most}"))?)).unwrap();
    };
    let fill = || {
        db.write_now(|conn| {
            facts::set(conn, "small", "x")?;
            facts::set(conn, "large", &"x".repeat(1 << 20))
        })
    };
    pages(1);
    let refused = fill().unwrap_err();
    assert!(matches!(refused, DbError::Unreachable { .. }), "{refused:?}");
    let said = refused.to_string();
    assert!(said.contains("countersign.db") && said.contains("make room on its disk"), "{said}");
    for (name, value) in [("small", None), ("large", None), ("before", Some("here"))] {
        assert_eq!(db.read_now(|conn| facts::get(conn, name)).unwrap().as_deref(), value, "{name}");
    }
    let begun = Instant::now();
    pages(1 << 30);
    fill().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
}
