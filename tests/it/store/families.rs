//! Families of refresh tokens on both databases: a use that was decided on an old row is not written, and what is dead stays
//! dead.
//!
//! Holds `store/grants`.

use countersign::db::{Conn, Db};
use countersign::ids::{GrantId, SessionId};
use countersign::protocol::family::Terms;
use countersign::protocol::grant::{Authenticated, Grant};
use countersign::protocol::refresh::{Facts, Position, salt};
use countersign::protocol::revoked::Why;
use countersign::protocol::scope::Scope;
use countersign::protocol::user::User;
use countersign::store::clients;
use countersign::store::events::Actor;
use countersign::store::grants::{self, Begun, Family, Issued, New, Parties, Reuse, Standing, Whose};
use countersign::store::users::{self, Change};
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl};
use futures_util::future::join_all;
use serde_json::Map;
use time::{Duration, OffsetDateTime};

use super::contract::on_both_databases;
use super::{Store, execute, lines, trail};
use crate::support::TEST;
use crate::support::rp::registered;

on_both_databases! {
    a_family_is_found_with_its_person_and_client
    of_twenty_uses_one_is_written
    what_ends_grants_ends_these_and_no_others
    a_replayed_code_kills_a_row_whichever_comes_first
    a_token_is_judged_by_its_row
    what_ended_is_swept_a_day_later
    no_question_reads_a_whole_table
}

const APP: Actor = Actor::Cli(None);

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap()
}

async fn person(db: &Db, login: &str) -> String {
    let user =
        User { id: countersign::ids::new_sub(), login: login.into(), disabled: false, claims: Map::new() };
    users::add(db, user, None, TEST, now()).await.unwrap().unwrap().id
}

async fn client(db: &Db, id: &str) {
    let client = registered(id, None, serde_json::json!({}));
    assert!(clients::add(db, &client, TEST, now()).await.unwrap());
}

/// A family of this person and client, of this session unless it is offline.
fn family(user_id: &str, client_id: &str, session_id: SessionId, scope: &str) -> New {
    let person = Authenticated {
        user_id: user_id.into(),
        auth_time: now(),
        acr: "1".into(),
        amr: vec!["pwd".into()],
        session_id,
    };
    let grant = Grant {
        id: GrantId::generate(),
        scope: Scope::parse(scope),
        claims: countersign::protocol::named_claims::NamedClaims::default(),
        resources: vec![],
        person,
    };
    New {
        client_id: client_id.into(),
        terms: Terms { grant, remembered: false },
        agreed_at: now(),
        salt: salt([3; 16]),
        absolute_end: now() + Duration::days(90),
        idle_end: now() + Duration::days(30),
    }
}

async fn begun(db: &Db, user_id: &str, client_id: &str, session_id: SessionId, scope: &str) -> GrantId {
    let new = family(user_id, client_id, session_id, scope);
    let id = new.terms.grant.id;
    assert_eq!(grants::begin(db, new, now()).await.unwrap(), Begun::New);
    id
}

async fn found(db: &Db, id: GrantId) -> Family {
    grants::find(db, id).await.unwrap().unwrap()
}

async fn revoked(db: &Db, id: GrantId) -> Option<Why> {
    found(db, id).await.facts.revoked.map(|(_, why)| why)
}

async fn a_family_is_found_with_its_person_and_client(Store { db, .. }: Store) {
    let ada = person(&db, "ada").await;
    client(&db, "app").await;
    let new = family(&ada, "app", SessionId::generate(), "openid");
    let id = new.terms.grant.id;
    assert!(grants::find(&db, id).await.unwrap().is_none());
    assert_eq!(grants::begin(&db, new.clone(), now()).await.unwrap(), Begun::New);
    assert_eq!(grants::begin(&db, new.clone(), now()).await.unwrap(), Begun::Known);
    let Family { client_id, terms, salt, facts, user, has_client } = found(&db, id).await;
    assert_eq!(
        (client_id.as_str(), salt, user.unwrap().id, has_client),
        ("app", new.salt, ada.clone(), true)
    );
    assert_eq!(terms.grant.scope, Scope::parse("openid"));
    let position = Position {
        generation: 0,
        used_at: now(),
        used_before: now(),
        late_hits: 0,
        idle_end: now() + Duration::days(30),
    };
    let absolute_end = now() + Duration::days(90);
    assert_eq!(facts, Facts { position, revoked: None, absolute_end, created_at: now() });
    for (user_id, client_id) in [("nobody", "app"), (ada.as_str(), "nothing")] {
        let orphan = family(user_id, client_id, SessionId::generate(), "openid");
        assert_eq!(grants::begin(&db, orphan, now()).await.unwrap(), Begun::Orphan);
    }
    clients::set_disabled(&db, "app", true, TEST, now()).await.unwrap();
    assert!(!found(&db, id).await.has_client);
    clients::remove(&db, "app", TEST, now()).await.unwrap();
    assert!(grants::find(&db, id).await.unwrap().is_none(), "it goes with its client");
}

async fn of_twenty_uses_one_is_written(Store { db, .. }: Store) {
    let ada = person(&db, "ada").await;
    client(&db, "app").await;
    let id = begun(&db, &ada, "app", SessionId::generate(), "openid").await;
    for generation in 0..3 {
        let from = found(&db, id).await.facts.position;
        assert_eq!(from.generation, generation);
        let to = Position {
            generation: generation + 1,
            used_at: now() + Duration::SECOND,
            used_before: from.used_at,
            ..from
        };
        let written = join_all((0..20).map(|_| grants::move_on(&db, id, from, to))).await;
        assert_eq!(written.into_iter().filter(|written| *written.as_ref().unwrap()).count(), 1);
        assert_eq!(found(&db, id).await.facts.position, to);
    }
    let reuse = Reuse { family: id, generation: 1, newest: 3 };
    let told = join_all((0..20).map(|_| grants::reused(&db, reuse, APP, now()))).await;
    assert_eq!(told.into_iter().filter(|told| *told.as_ref().unwrap()).count(), 1, "revoked once");
    let from = found(&db, id).await.facts.position;
    assert!(!grants::move_on(&db, id, from, from).await.unwrap(), "a revoked family is not used");
    assert_eq!(revoked(&db, id).await, Some(Why::TokenReused));
    let told: Vec<String> = trail(&db).into_iter().filter(|line| line.contains("grant.reused")).collect();
    let said = format!(r#"cli grant.reused {ada} {{"grant":"{id}","generation":1,"newest":3}}"#);
    assert_eq!(told, [said]);
}

async fn what_ends_grants_ends_these_and_no_others(Store { db, .. }: Store) {
    let (ada, eve) = (person(&db, "ada").await, person(&db, "eve").await);
    for id in ["app", "site"] {
        client(&db, id).await;
    }
    let (one, two) = (SessionId::generate(), SessionId::generate());
    let offline = "openid offline_access";
    let begin_all = async || {
        let mut all = vec![];
        for (who, app, session, scope) in [
            (&ada, "app", one, "openid"),
            (&ada, "site", one, "openid"),
            (&ada, "app", two, "openid"),
            (&ada, "app", one, offline),
            (&eve, "app", SessionId::generate(), "openid"),
            (&eve, "site", SessionId::generate(), offline),
        ] {
            all.push(begun(&db, who, app, session, scope).await);
        }
        all
    };
    for (whose, dead) in [
        (Whose::Session(one), &[0, 1][..]),
        (Whose::Session(SessionId::generate()), &[]),
        (Whose::Sessions(ada.clone()), &[0, 1, 2]),
        (Whose::Person(ada.clone()), &[0, 1, 2, 3]),
        (Whose::Client("app".into()), &[0, 2, 3, 4]),
        (Whose::Client("nothing".into()), &[]),
    ] {
        let all = begin_all().await;
        let count = grants::revoke(&db, whose.clone(), Why::ByOperator, APP, now()).await.unwrap();
        assert_eq!(count, dead.len(), "{whose:?}");
        let again = grants::revoke(&db, whose.clone(), Why::SignedOut, APP, now()).await.unwrap();
        assert_eq!(again, 0, "{whose:?}");
        for (number, id) in all.iter().enumerate() {
            let expected = dead.contains(&number).then_some(Why::ByOperator);
            assert_eq!(revoked(&db, *id).await, expected, "{number} of {whose:?}");
        }
        for id in all {
            grants::revoke(&db, Whose::Grant(id), Why::ByOperator, APP, now()).await.unwrap();
        }
    }
    let all = begin_all().await;
    assert_eq!(grants::of_sessions(&db, &[one, two], APP, now()).await.unwrap(), 3);
    assert_eq!(revoked(&db, all[3]).await, None, "it outlives its session");
    // Each is told once, with its reason.
    let told = trail(&db).into_iter().filter(|line| line.contains(&all[0].to_string())).collect::<Vec<_>>();
    assert_eq!(told, [format!(r#"cli grant.revoked {ada} {{"why":"signed_out","grant":"{}"}}"#, all[0])]);
    // A new password ends what belongs to sessions; being disabled ends everything, for good.
    let hash = || Change::Password("hash".into());
    users::change(&db, &eve, hash(), TEST, now()).await.unwrap();
    assert_eq!((revoked(&db, all[4]).await, revoked(&db, all[5]).await), (Some(Why::SignedOut), None));
    users::change(&db, &eve, Change::Disabled(true), TEST, now()).await.unwrap();
    assert!(found(&db, all[5]).await.user.is_none());
    users::change(&db, &eve, Change::Disabled(false), TEST, now()).await.unwrap();
    assert_eq!(revoked(&db, all[5]).await, Some(Why::PersonDisabled));
}

/// The revocation may come before the row that it is about, and its record ends before the row does.
async fn a_replayed_code_kills_a_row_whichever_comes_first(Store { db, .. }: Store) {
    let ada = person(&db, "ada").await;
    client(&db, "app").await;
    let kill = async |id| {
        let of = Parties { user_id: &ada, client_id: "app" };
        grants::kill(&db, id, now() + Duration::minutes(11), of, APP, now()).await.unwrap();
    };
    let records = || lines(&db, "SELECT 'record' AS line FROM dead_grants").len();
    let id = begun(&db, &ada, "app", SessionId::generate(), "openid").await;
    kill(id).await;
    assert_eq!((revoked(&db, id).await, records()), (Some(Why::CodeReplayed), 0), "in its row alone");

    let new = family(&ada, "app", SessionId::generate(), "openid");
    let id = new.terms.grant.id;
    kill(id).await;
    kill(id).await;
    assert_eq!(records(), 1);
    assert_eq!(grants::begin(&db, new, now()).await.unwrap(), Begun::New);
    assert_eq!(revoked(&db, id).await, Some(Why::CodeReplayed), "by its record");
    let told = trail(&db).into_iter().filter(|line| line.contains(&id.to_string())).count();
    assert_eq!(told, 1);
    let swept = grants::sweep(&db, Duration::ZERO, now() + Duration::minutes(11)).await.unwrap();
    assert_eq!((swept, records()), (1, 0));
    assert_eq!(revoked(&db, id).await, Some(Why::CodeReplayed), "the record was carried over");
}

async fn a_token_is_judged_by_its_row(Store { db, .. }: Store) {
    let ada = person(&db, "ada").await;
    for id in ["app", "other"] {
        client(&db, id).await;
    }
    let id = begun(&db, &ada, "app", SessionId::generate(), "openid").await;
    let token = Issued {
        grant_id: id,
        user_id: Some(&ada),
        client_id: "app",
        at: now().unix_timestamp(),
        jti: "token",
    };
    let judged = async |token: Issued<'_>, at: OffsetDateTime| {
        grants::standing(&db, &token, at)
            .await
            .unwrap()
            .map(|Standing { user, has_row }| (user.map(|user| user.login), has_row))
    };
    let good = Some((Some("ada".to_owned()), true));
    assert_eq!(judged(token, now()).await, good);
    // The row knows the person, whatever the token calls them.
    assert_eq!(judged(Issued { user_id: Some("pairwise"), ..token }, now()).await, good);
    assert_eq!(judged(Issued { client_id: "other", ..token }, now()).await, None);
    let end = now() + Duration::days(30);
    assert_eq!(judged(token, end - Duration::SECOND).await, good);
    assert_eq!(judged(token, end).await, None);
    // Without a row and without a person: the client's own.
    let own = Issued { grant_id: GrantId::generate(), user_id: None, ..token };
    assert_eq!(judged(own, now()).await, Some((None, false)));
    execute(&db, "INSERT INTO dead_tokens (jti, exp) VALUES ('token', 2000000000)").unwrap();
    for token in [token, own] {
        assert_eq!(judged(token, now()).await, None, "dead by itself");
        assert!(judged(Issued { jti: "another", ..token }, now()).await.is_some());
    }
    let token = Issued { jti: "another", ..token };
    grants::revoke(&db, Whose::Grant(id), Why::ByOperator, APP, now()).await.unwrap();
    assert_eq!(judged(token, now()).await, None);
}

async fn what_ended_is_swept_a_day_later(Store { db, .. }: Store) {
    let ada = person(&db, "ada").await;
    client(&db, "app").await;
    let live = begun(&db, &ada, "app", SessionId::generate(), "openid").await;
    let dead = begun(&db, &ada, "app", SessionId::generate(), "openid").await;
    grants::revoke(&db, Whose::Grant(dead), Why::SignedOut, APP, now()).await.unwrap();
    execute(&db, &format!("INSERT INTO dead_tokens (jti, exp) VALUES ('x', {})", now().unix_timestamp()))
        .unwrap();
    assert_eq!(grants::sweep(&db, Duration::ZERO, now()).await.unwrap(), 1, "the dead token");
    assert_eq!(
        grants::sweep(&db, Duration::ZERO, now() + Duration::days(1) - Duration::SECOND).await.unwrap(),
        0
    );
    // A token that lives longer than a day is judged by the row until it has expired.
    let longest = Duration::days(30);
    assert_eq!(grants::sweep(&db, longest, now() + longest - Duration::SECOND).await.unwrap(), 0);
    assert_eq!(grants::sweep(&db, Duration::ZERO, now() + Duration::days(1)).await.unwrap(), 1);
    assert!(grants::find(&db, dead).await.unwrap().is_none());
    let end = now() + Duration::days(31);
    assert_eq!(grants::sweep(&db, Duration::ZERO, end - Duration::SECOND).await.unwrap(), 0);
    assert!(grants::find(&db, live).await.unwrap().is_some());
    assert_eq!(grants::sweep(&db, Duration::ZERO, end).await.unwrap(), 1);
}

#[derive(QueryableByName)]
struct Plan {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// Every question about grants, with literals in place of its values.
async fn no_question_reads_a_whole_table(Store { db, .. }: Store) {
    let id = |conn: &Conn| match conn {
        Conn::Pg(_) => r"'\x00'",
        Conn::Sqlite(_) => "x'00'",
    };
    let questions = [
        "SELECT * FROM grants g LEFT JOIN users u ON u.id = g.user_id LEFT JOIN clients c ON c.id = g.client_id \
         LEFT JOIN dead_grants d ON d.id = g.id WHERE g.id = $ID",
        "SELECT * FROM clients c LEFT JOIN grants g ON g.id = $ID \
         LEFT JOIN users u ON u.id = COALESCE(g.user_id, 'a') WHERE c.id = 'app'",
        "SELECT * FROM grants WHERE session_id = $ID AND revoked_at IS NULL",
        "SELECT * FROM grants WHERE user_id = 'a' AND revoked_at IS NULL",
        "SELECT id FROM grants WHERE client_id = 'a' AND revoked_at IS NULL LIMIT 500",
        "SELECT id FROM grants WHERE idle_end <= 1 LIMIT 500",
        "SELECT jti FROM dead_tokens WHERE exp <= 1 LIMIT 500",
    ];
    for question in questions {
        let plan = db.write_now(|conn| {
            let question = question.replace("$ID", id(conn));
            match conn {
                Conn::Sqlite(c) => {
                    let plan: Vec<Plan> =
                        diesel::sql_query(format!("EXPLAIN QUERY PLAN {question}")).load(c)?;
                    Ok(plan.into_iter().map(|line| line.detail).collect::<Vec<_>>().join("\n"))
                }
                Conn::Pg(c) => {
                    // A small table is read whole unless that is made to look dear.
                    diesel::sql_query("SET LOCAL enable_seqscan = off").execute(c)?;
                    diesel::sql_query("SET LOCAL enable_bitmapscan = off").execute(c)?;
                    Ok(lines_of(c, &question))
                }
            }
        });
        let plan: String = plan.unwrap();
        assert!(
            !plan.is_empty() && !plan.contains("SCAN ") && !plan.contains("Seq Scan"),
            "{question}: {plan}"
        );
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    plan: String,
}

fn lines_of(conn: &mut diesel::PgConnection, question: &str) -> String {
    let plan: Vec<Line> = diesel::sql_query(format!("EXPLAIN {question}")).load(conn).unwrap();
    plan.into_iter().map(|line| line.plan).collect::<Vec<_>>().join("\n")
}
