//! One store is away while a person sends a page off: that is answered with 503, what was typed or chosen is kept, and
//! the same page sent off again goes on when the store is back.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use countersign::config::StateUrl;
use countersign::db::Url;
use countersign::secret::{Key, base64url};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use serde_json::json;

use crate::keys::given;
use crate::store::lines;
use crate::support::app::{Options, PASSWORD, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::postgres;
use crate::support::redis as server;
use crate::support::rp::Rp;

static PASSING: LazyLock<server::Server> = LazyLock::new(server::Server::start);

fn on_our_stores() -> Options {
    Options {
        adjust: |config| {
            config.database = Url::parse(&postgres::database()).unwrap();
            config.state = StateUrl::Redis(PASSING.url());
            config.instance_key = given(&base64url(Key::generate().expose()));
        },
        ..Options::default()
    }
}

/// Which store is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Away {
    Main,
    Passing,
}

impl Away {
    async fn during<T>(self, app: &TestApp, doing: impl Future<Output = T>) -> T {
        match self {
            Away::Main => {
                let database = lines(&app.app.db, "SELECT current_database()::text AS line").remove(0);
                admit(&database, false);
                let done = doing.await;
                admit(&database, true);
                done
            }
            Away::Passing => {
                let _frozen = PASSING.freeze();
                doing.await
            }
        }
    }
}

/// Has the server admit connections to a database, or end those there are and admit none.
fn admit(database: &str, admitted: bool) {
    let mut url = url::Url::parse(&postgres::database()).unwrap();
    url.set_path("/postgres");
    let mut beside = PgConnection::establish(url.as_str()).unwrap();
    beside.batch_execute(&format!("ALTER DATABASE {database} ALLOW_CONNECTIONS {admitted}")).unwrap();
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'");
    beside.batch_execute(&end).unwrap();
}

#[track_caller]
fn is_put_off(what: &str, away: Away, answer: &Answer) {
    let told = (answer.status.as_u16(), answer.header("retry-after"));
    assert_eq!(told, (503, "5"), "{what} without {away:?}: {} {}", answer.url, answer.body);
    assert!(!answer.headers.contains_key("set-cookie"), "{what} without {away:?}: a cookie is set");
    assert!(!answer.body.contains(PASSWORD), "{what} without {away:?}");
}

/// Does the same again until the store is seen to be back.
async fn until_it_is_back(mut again: impl AsyncFnMut() -> Answer) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = again().await;
        if answer.status != 503 {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{} {}", answer.url, answer.body);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A browser in which these people are signed in.
async fn signed_in(rp: &Rp<'_>, people: &[&str]) -> Browser {
    let browser = rp.app.browser();
    for login in people {
        let mut page = browser.open(&rp.authorize(&[("prompt", Some("login select_account"))])).await;
        if page.url.path().ends_with("/select") {
            page = browser.submit(&page, &[("decision", "another")]).await;
        }
        browser.submit(&page, &[("username", login), ("password", PASSWORD)]).await;
    }
    browser
}

async fn what_is_sent_off_is_kept(away: Away) {
    let app = TestApp::start_with(on_our_stores()).await;
    let ada = app.user("ada").await;
    app.user("eve").await;
    let usual = Rp::new(&app, json!({})).await;
    let own = Rp::new(&app, json!({ "first_party": true })).await;

    let typing = app.browser();
    let login = typing.open(&own.authorize(&[])).await;
    let consenting = signed_in(&own, &["ada"]).await;
    let consent = consenting.open(&usual.authorize(&[])).await;
    assert!(consent.url.path().ends_with("/consent"), "{}", consent.url);
    let choosing = signed_in(&own, &["ada", "eve"]).await;
    let select = choosing.open(&own.authorize(&[])).await;
    assert!(select.url.path().ends_with("/select"), "{}", select.url);
    let leaving = signed_in(&own, &["ada"]).await;
    let leave = leaving.open(&app.at("/end_session")).await;

    let typed = [("username", "ada"), ("password", PASSWORD), ("remember", "1")];
    let (chosen, allowed) = ([("account", ada.id.as_str())], [("decision", "allow")]);
    let (shown, left) = away
        .during(&app, async {
            let shown = typing.submit(&login, &typed).await;
            is_put_off("/login", away, &shown);
            assert!(shown.form().fields.contains(&("username".into(), "ada".into())), "{}", shown.body);
            assert!(shown.body.contains("value=\"1\" aria-describedby=\"remember-hint\" checked"));
            is_put_off("/consent", away, &consenting.submit(&consent, &allowed).await);
            is_put_off("/select", away, &choosing.submit(&select, &chosen).await);
            // Of the pages that show people, each can be loaded again.
            for (browser, page) in [(&consenting, &consent), (&choosing, &select), (&leaving, &leave)] {
                is_put_off("a page", away, &browser.get(page.url.as_str()).await);
            }
            let left = leaving.submit(&leave, &[]).await;
            if away == Away::Passing {
                is_put_off("/signed-out", away, &left);
            }
            (shown, left)
        })
        .await;

    let done = until_it_is_back(async || typing.submit(&shown, &typed[1..]).await).await;
    assert!(done.answered("code").is_some(), "{} {}", done.url, done.body);
    let done = until_it_is_back(async || consenting.submit(&consent, &allowed).await).await;
    assert!(done.answered("code").is_some(), "{} {}", done.url, done.body);
    let done = until_it_is_back(async || choosing.submit(&select, &chosen).await).await;
    assert!(done.answered("code").is_some(), "{} {}", done.url, done.body);
    let left = if left.status == 503 {
        until_it_is_back(async || leaving.submit(&leave, &[]).await).await
    } else {
        left
    };
    assert!(left.url.path().ends_with("/signed-out"), "{}", left.url);
    let asked = leaving.get(&own.authorize(&[("prompt", Some("none"))])).await;
    assert_eq!(asked.answered("error").as_deref(), Some("login_required"));
    app.stop().await;
}

#[actix_web::test]
async fn what_was_typed_or_chosen_is_kept_while_a_store_is_away_with_postgres_and_redis() {
    what_is_sent_off_is_kept(Away::Main).await;
    what_is_sent_off_is_kept(Away::Passing).await;
}
