//! People, clients, consents, dead grants, keys and facts, on both databases.

use countersign::db::{Db, DbError};
use countersign::ids::GrantId;
use countersign::protocol::client::{Client, Metadata};
use countersign::protocol::consent::Consent;
use countersign::protocol::event::Name;
use countersign::protocol::names::LoginFault;
use countersign::protocol::scope::Scope;
use countersign::protocol::user::{User, UserFault};
use countersign::secret::{Token, TokenHash};
use countersign::store::clients::Secret;
use countersign::store::events::{Actor, By};
use countersign::store::signing_keys::{self, KeyState, StoredKey};
use countersign::store::users::Change;
use countersign::store::{clients, consents, facts, grants, secrets, users};
use futures_util::future::join_all;
use serde_json::{Map, json};
use time::{Duration, OffsetDateTime};

use super::{Store, execute, lines, trail};
use crate::support::TEST;
use crate::support::rp::registered;

macro_rules! on_both_databases {
    ($($test:ident)*) => {
        mod sqlite { $(#[actix_web::test] async fn $test() {
            super::$test(super::super::store(super::super::sqlite_place())).await;
        })* }
        mod postgres { $(#[actix_web::test] async fn $test() {
            super::$test(super::super::store(super::super::postgres_place())).await;
        })* }
    };
}
pub(super) use on_both_databases;

on_both_databases! {
    a_login_name_is_one_whatever_its_case_spaces_and_width
    people_are_found_changed_and_told_of
    of_twenty_with_one_login_name_one_is_added
    a_client_is_added_changed_and_removed
    a_disabled_client_is_as_good_as_unknown
    consents_add_up_and_lapse_after_a_year_without_use
    a_consent_to_claims_is_kept_beside_the_scopes
    a_removed_client_leaves_no_consent
    a_dead_grant_has_no_holder
    a_registration_of_the_future_is_not_believed
    sweeping_dead_grants_takes_five_hundred_at_most
    two_active_keys_of_one_algorithm_are_impossible
    a_key_changes_its_state_once
    facts_and_secrets_are_kept
    a_failed_unit_of_work_leaves_nothing_behind
}

/// Changes by the command line, which an event tells apart from those of the tests.
const CLI: Actor = Actor::Cli(None);

/// What is told of a person's name where no key is at hand to seal it with.
const LEFT_OUT: &str = r#"{"left_out":"personal detail, because the instance key was not at hand"}"#;

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_900_000_000).unwrap()
}

fn user(login: &str) -> User {
    let claims = Map::from_iter([
        ("motto".to_owned(), json!("\u{0}\u{202E}")),
        ("name".to_owned(), json!("Ada \u{1F9A6} 'Lovelace'")),
    ]);
    User { id: countersign::ids::new_sub(), login: login.into(), disabled: false, claims }
}

fn client(id: &str) -> Client {
    let metadata = json!({ "client_name": "App", "redirect_uris": ["https://app.example/cb"],
        "default_max_age": 60, "scope": "openid email" });
    registered(id, Some("a secret"), metadata)
}

/// Which of the secrets of these tests a client accepts.
fn accepted(client: &Client) -> Vec<&'static str> {
    let is = |secret: &&str| {
        let found = client.secrets.find(&[TokenHash::of(secret)], now());
        found.is_some_and(|secret| secret.is_live(now()))
    };
    ["a secret", "a new secret"].into_iter().filter(is).collect()
}

/// Replaces what is registered; tells whether there is such a client.
async fn edit(db: &Db, id: &str, metadata: &Metadata, secret: Secret) -> bool {
    let metadata = metadata.clone();
    let edit = move |_: &Client| Ok::<_, String>((metadata, secret));
    clients::edit(db, id, edit, CLI, now()).await.unwrap().map(Result::unwrap).is_some()
}

fn consent(scopes: &str, resources: &[&str]) -> Consent {
    let resources = resources.iter().map(|resource| (*resource).to_owned()).collect();
    Consent { scopes: Scope::parse(scopes), resources, ..Consent::default() }
}

fn to_claims(scopes: &str, claims: &[&str]) -> Consent {
    let claims = claims.iter().map(|claim| (*claim).to_owned()).collect();
    Consent { claims, ..consent(scopes, &[]) }
}

async fn a_login_name_is_one_whatever_its_case_spaces_and_width(Store { db, .. }: Store) {
    let first = users::add(&db, user(" Ada.Straße "), None, TEST, now()).await.unwrap().unwrap();
    assert_eq!(first.login, "Ada.Straße");
    for same in ["ada.straße", "  ADA.STRASSE\t", "\u{FF21}da.strasse\u{3000}", "Ada.Strasse"] {
        let refused = users::add(&db, user(same), None, TEST, now()).await.unwrap().unwrap_err();
        assert!(matches!(refused, UserFault::Login(LoginFault::Taken(_))), "{same:?}: {refused}");
        let found = users::by_login(&db, same).await.unwrap().expect(same);
        assert_eq!((found.user.id.as_str(), found.user.login.as_str()), (first.id.as_str(), "Ada.Straße"));
    }
    let pasted = users::by_login(&db, "\u{200B}ada.stra\u{AD}ße\u{FEFF}").await.unwrap().unwrap();
    assert_eq!(pasted.user.id, first.id, "what comes along when a name is pasted does not count");
    for other in ["ada.strase", "ada. straße", "ada", "", "%", "ada.straße_"] {
        assert!(users::by_login(&db, other).await.unwrap().is_none(), "{other:?}");
    }
    assert_eq!(users::list(&db).await.unwrap().len(), 1);
    assert_eq!(trail(&db).len(), 1, "what did not happen is not told");
}

async fn people_are_found_changed_and_told_of(Store { db, .. }: Store) {
    let ada = user("ada");
    let claims = ada.claims.clone();
    let ada = users::add(&db, ada, Some("a hash".into()), CLI, now()).await.unwrap().unwrap();
    let eve = users::add(&db, user("eve"), None, CLI, now()).await.unwrap().unwrap();
    assert_eq!(users::by_id(&db, &ada.id).await.unwrap().unwrap().claims, claims);
    assert!(users::by_id(&db, "nobody").await.unwrap().is_none());
    assert_eq!(users::by_login(&db, "ADA").await.unwrap().unwrap().password_hash.as_deref(), Some("a hash"));
    assert_eq!(users::by_login(&db, "eve").await.unwrap().unwrap().password_hash, None);
    let logins: Vec<String> = users::list(&db).await.unwrap().into_iter().map(|user| user.login).collect();
    assert_eq!(logins, ["ada", "eve"]);

    let changes = [Change::Password("other".into()), Change::Disabled(true), Change::Disabled(false)];
    for change in changes {
        assert!(users::change(&db, &ada.id, change, CLI, now()).await.unwrap());
        assert!(!users::by_id(&db, &eve.id).await.unwrap().unwrap().disabled, "only the one meant");
    }
    assert!(!users::change(&db, "nobody", Change::Disabled(true), CLI, now()).await.unwrap());
    let found = users::by_login(&db, "ada").await.unwrap().unwrap();
    assert_eq!((found.password_hash.as_deref(), found.user.disabled), (Some("other"), false));
    assert!(users::change(&db, &ada.id, Change::Disabled(true), CLI, now()).await.unwrap());
    assert!(users::by_id(&db, &ada.id).await.unwrap().unwrap().disabled);
    let told = [
        format!("cli person.created {} {LEFT_OUT}", ada.id),
        format!("cli person.created {} {LEFT_OUT}", eve.id),
        format!("cli person.password.changed {} {{}}", ada.id),
        format!("cli person.disabled {} {{}}", ada.id),
        format!("cli person.enabled {} {{}}", ada.id),
        format!("cli person.disabled {} {{}}", ada.id),
    ];
    assert_eq!(trail(&db), told);
    assert!(trail(&db).iter().all(|line| !line.contains("hash") && !line.contains("other")));
}

async fn of_twenty_with_one_login_name_one_is_added(Store { db, .. }: Store) {
    let rivals = (0..20).map(|rival| user(if rival % 2 == 0 { "ada" } else { " Ada " }));
    let added = join_all(rivals.map(|rival| users::add(&db, rival, None, TEST, now()))).await;
    assert_eq!(added.into_iter().filter(|added| added.as_ref().unwrap().is_ok()).count(), 1);
    assert_eq!((users::list(&db).await.unwrap().len(), trail(&db).len()), (1, 1));
}

async fn a_client_is_added_changed_and_removed(Store { db, .. }: Store) {
    let app = client("app");
    assert!(clients::add(&db, &app, CLI, now()).await.unwrap());
    assert!(!clients::add(&db, &app, CLI, now()).await.unwrap(), "an identifier is given once");
    assert!(clients::add(&db, &client("App"), CLI, now()).await.unwrap(), "identifiers have case");
    let found = clients::by_id(&db, "app").await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(&found.metadata).unwrap(), serde_json::to_value(&app.metadata).unwrap());
    assert_eq!(accepted(&found), ["a secret"]);
    assert!(clients::by_id(&db, "ap").await.unwrap().is_none());

    let renamed = Metadata { client_name: "Renamed".into(), ..app.metadata.clone() };
    assert!(edit(&db, "app", &renamed, Secret::Keep).await);
    let found = clients::by_id(&db, "app").await.unwrap().unwrap();
    assert_eq!(found.metadata.client_name, "Renamed");
    assert_eq!(accepted(&found), ["a secret"], "the secret stays unless one is given");
    let new = Secret::only(TokenHash::of("a new secret"), now());
    assert!(edit(&db, "app", &renamed, new.clone()).await);
    let found = clients::by_id(&db, "app").await.unwrap().unwrap();
    assert_eq!(accepted(&found), ["a new secret"]);
    assert_eq!(clients::by_id(&db, "App").await.unwrap().unwrap().metadata.client_name, "App");
    assert!(!edit(&db, "nobody", &renamed, new).await);
    assert!(edit(&db, "app", &renamed, Secret::Keep).await, "and what changes nothing is no event");
    // Of twenty changes at once none is lost, and a refusal leaves all as it was.
    let grown = |client: &Client| {
        let name = format!("{}+", client.metadata.client_name);
        Ok::<_, String>((Metadata { client_name: name, ..client.metadata.clone() }, Secret::Keep))
    };
    let edits = (0..20).map(|_| clients::edit(&db, "App", grown, TEST, now()));
    for edited in join_all(edits).await {
        edited.unwrap().unwrap().unwrap();
    }
    let known = clients::by_id(&db, "App").await.unwrap().unwrap();
    assert_eq!(known.metadata.client_name, format!("App{}", "+".repeat(20)));
    execute(&db, "DELETE FROM events WHERE actor = 'test'").unwrap();
    let refused = clients::edit(&db, "App", |_: &Client| Err("no"), TEST, now()).await.unwrap().unwrap();
    assert_eq!(refused.err(), Some("no"));

    assert!(clients::remove(&db, "app", CLI, now()).await.unwrap());
    assert!(!clients::remove(&db, "app", CLI, now()).await.unwrap());
    let left: Vec<String> = clients::list(&db).await.unwrap().into_iter().map(|client| client.id).collect();
    assert_eq!(left, ["App"]);
    let told = [
        r#"cli app.created app {"name":"App"}"#,
        r#"cli app.created App {"name":"App"}"#,
        r#"cli app.changed app {"changed":["client_name"]}"#,
        "cli app.secret.rotated app {}",
        "cli app.removed app {}",
    ];
    assert_eq!(trail(&db), told);
}

/// The absence of a client is never remembered, its presence for no longer than promised.
async fn a_disabled_client_is_as_good_as_unknown(Store { db, .. }: Store) {
    let cache = clients::Clients::new(db.clone());
    assert!(cache.find("app").await.unwrap().is_none());
    clients::add(&db, &client("app"), TEST, now()).await.unwrap();
    assert!(cache.find("app").await.unwrap().is_some());
    let disabled = Client { disabled: true, ..client("off") };
    clients::add(&db, &disabled, TEST, now()).await.unwrap();
    assert!(cache.find("off").await.unwrap().is_none(), "a disabled client is as good as unknown");
}

async fn consents_add_up_and_lapse_after_a_year_without_use(Store { db, .. }: Store) {
    let ada = users::add(&db, user("ada"), None, TEST, now()).await.unwrap().unwrap().id;
    let eve = users::add(&db, user("eve"), None, TEST, now()).await.unwrap().unwrap().id;
    for id in ["one", "two"] {
        clients::add(&db, &client(id), TEST, now()).await.unwrap();
    }
    let db = &db;
    let covers = |who: &str, app: &'static str, asked: Consent, at: OffsetDateTime| {
        let who = who.to_owned();
        async move { consents::covers(db, &who, app, asked, at).await.unwrap().is_some() }
    };
    let (api, pay) = ("https://api.example", "https://pay.example");
    assert!(!covers(&ada, "one", consent("openid", &[]), now()).await);
    consents::allow(db, &ada, "one", consent("openid email", &[api]), Actor::Person(ada.clone()), now())
        .await
        .unwrap();
    consents::allow(db, &ada, "one", consent("openid profile", &[pay, api]), TEST, now()).await.unwrap();
    for (scopes, resources, covered) in [
        ("openid", &[][..], true),
        ("openid email profile", &[api, pay], true),
        ("email profile", &[pay], true),
        ("", &[], true),
        ("openid phone", &[], false),
        ("openid", &["https://other.example"], false),
        ("openid", &["https://api.example/"], false),
    ] {
        let asked = consent(scopes, resources);
        assert_eq!(covers(&ada, "one", asked.clone(), now()).await, covered, "{scopes} {resources:?}");
        assert!(!covers(&ada, "two", asked.clone(), now()).await, "another client was allowed nothing");
        assert!(!covers(&eve, "one", asked, now()).await, "another person allowed nothing");
    }
    // In use, it lives on; 365 days after the last use it is forgotten.
    let day = Duration::days(1);
    let asked = || consent("openid", &[]);
    let used = now() + day * 364;
    assert!(covers(&ada, "one", asked(), used).await);
    assert!(!covers(&ada, "one", asked(), used + day * 365).await);
    assert!(covers(&ada, "one", asked(), used + day * 365 - Duration::SECOND).await, "and that was a use");
    // What has lapsed is not added up with what is allowed anew.
    let later = used + day * 1000;
    consents::allow(db, &ada, "one", consent("openid", &[]), TEST, later).await.unwrap();
    assert!(covers(&ada, "one", consent("openid", &[]), later).await);
    assert!(!covers(&ada, "one", consent("openid email", &[]), later).await);
    assert!(!covers(&ada, "one", consent("openid", &[api]), later).await);
    let told: Vec<String> = trail(db).into_iter().filter(|line| line.contains("grant")).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(
        told[0],
        format!(r#"{ada} grant.given {ada} {{"scope":"email openid","resources":["{api}"]}}"#)
    );
    // Of twenty given at once none is lost.
    let names: Vec<String> = (0..20).map(|number| format!("scope-{number}")).collect();
    let given = names.iter().map(|name| consents::allow(db, &eve, "two", consent(name, &[]), TEST, now()));
    join_all(given).await.into_iter().for_each(|given| given.unwrap());
    assert!(covers(&eve, "two", consent(&names.join(" "), &[]), now()).await);
}

async fn a_consent_to_claims_is_kept_beside_the_scopes(Store { db, .. }: Store) {
    let ada = users::add(&db, user("ada"), None, TEST, now()).await.unwrap().unwrap().id;
    clients::add(&db, &client("one"), TEST, now()).await.unwrap();
    let covers = async |asked| consents::covers(&db, &ada, "one", asked, now()).await.unwrap().is_some();
    let allow = async |what| consents::allow(&db, &ada, "one", what, TEST, now()).await.unwrap();
    allow(consent("openid email", &[])).await;
    assert!(covers(to_claims("openid", &["email", "email_verified"])).await, "the scope released them");
    assert!(!covers(to_claims("openid", &["birthdate"])).await);
    allow(to_claims("openid", &["birthdate", "address"])).await;
    allow(to_claims("openid", &["name"])).await;
    assert!(
        covers(to_claims("openid email", &["address", "birthdate", "email", "name"])).await,
        "they add up"
    );
    assert!(!covers(to_claims("openid", &["name", "gender"])).await);
    assert!(!covers(consent("openid profile", &[])).await, "a claim is not its scope");
    assert!(
        trail(&db).iter().any(|line| line.contains(r#"{"scope":"openid","claims":["address","birthdate"]}"#))
    );
}

async fn a_removed_client_leaves_no_consent(Store { db, .. }: Store) {
    let ada = users::add(&db, user("ada"), None, TEST, now()).await.unwrap().unwrap().id;
    clients::add(&db, &client("app"), TEST, now()).await.unwrap();
    consents::allow(&db, &ada, "app", consent("openid", &[]), TEST, now()).await.unwrap();
    clients::remove(&db, "app", TEST, now()).await.unwrap();
    clients::add(&db, &client("app"), TEST, now()).await.unwrap();
    assert!(consents::covers(&db, &ada, "app", consent("openid", &[]), now()).await.unwrap().is_none());
    // And nobody can allow what does not exist.
    assert!(consents::allow(&db, &ada, "nothing", consent("openid", &[]), TEST, now()).await.is_err());
    assert!(consents::allow(&db, "nobody", "app", consent("openid", &[]), TEST, now()).await.is_err());
}

async fn a_dead_grant_has_no_holder(Store { db, .. }: Store) {
    let ada = users::add(&db, user("ada"), None, TEST, now()).await.unwrap().unwrap();
    let (dead, alive) = (GrantId::generate(), GrantId::generate());
    let exp = now() + Duration::minutes(11);
    clients::add(&db, &client("app"), TEST, now()).await.unwrap();
    let registered = client("app").registered_at.unix_timestamp();
    let parties = grants::Parties { user_id: &ada.id, client_id: "app" };
    let issued = |grant_id| grants::Issued {
        grant_id,
        user_id: Some(&ada.id),
        client_id: "app",
        at: registered,
        jti: "",
    };
    let standing = grants::standing(&db, &issued(dead), now()).await.unwrap().unwrap();
    assert_eq!((standing.user.unwrap().id, standing.has_row), (ada.id.clone(), false));
    for _ in 0..3 {
        grants::kill(&db, dead, exp, parties, Actor::Client("app".into()), now()).await.unwrap();
        assert!(grants::standing(&db, &issued(dead), now()).await.unwrap().is_none());
    }
    join_all((0..20).map(|_| grants::kill(&db, dead, exp, parties, Actor::Client("app".into()), now())))
        .await
        .into_iter()
        .for_each(|killed| killed.unwrap());
    let told: Vec<String> = trail(&db).into_iter().filter(|line| line.contains("grant")).collect();
    assert_eq!(told, [format!(r#"app grant.reused {} {{"grant":"{dead}"}}"#, ada.id)], "told once");
    assert!(grants::standing(&db, &issued(alive), now()).await.unwrap().is_some());
    for other in [
        grants::Issued { user_id: Some("nobody"), ..issued(alive) },
        grants::Issued { client_id: "other", ..issued(alive) },
        grants::Issued { at: registered - 1, ..issued(alive) },
    ] {
        assert!(grants::standing(&db, &other, now()).await.unwrap().is_none(), "{other:?}");
    }
    assert_eq!(grants::sweep(&db, Duration::ZERO, exp - Duration::SECOND).await.unwrap(), 0);
    assert!(grants::standing(&db, &issued(dead), now()).await.unwrap().is_none());
    assert_eq!(grants::sweep(&db, Duration::ZERO, exp).await.unwrap(), 1);
    clients::remove(&db, "app", TEST, now()).await.unwrap();
    assert!(grants::standing(&db, &issued(alive), now()).await.unwrap().is_none(), "the client is removed");
    let disabled = Client { disabled: true, ..client("app") };
    clients::add(&db, &disabled, TEST, now()).await.unwrap();
    assert!(grants::standing(&db, &issued(alive), now()).await.unwrap().is_none(), "the client is disabled");
    clients::remove(&db, "app", TEST, now()).await.unwrap();
    clients::add(&db, &client("app"), TEST, now()).await.unwrap();
    assert!(grants::standing(&db, &issued(alive), now()).await.unwrap().is_some());
    users::change(&db, &ada.id, Change::Disabled(true), TEST, now()).await.unwrap();
    assert!(
        grants::standing(&db, &issued(alive), now()).await.unwrap().is_none(),
        "a disabled person holds nothing"
    );
}

/// A client that was registered while a clock ran ahead is one like every other.
async fn a_registration_of_the_future_is_not_believed(Store { db, .. }: Store) {
    let ada = users::add(&db, user("ada"), None, TEST, now()).await.unwrap().unwrap();
    let grant_id = GrantId::generate();
    let at = now().unix_timestamp();
    let token = grants::Issued { grant_id, user_id: Some(&ada.id), client_id: "app", at, jti: "" };
    for (ahead, holds) in [(0, true), (1, false), (30, false), (31, true), (31_536_000, true)] {
        let registered_at = now() + Duration::seconds(ahead);
        let app = Client { registered_at, ..client("app") };
        clients::add(&db, &app, TEST, now()).await.unwrap();
        let holder = grants::standing(&db, &token, now()).await.unwrap();
        assert_eq!(holder.is_some(), holds, "{ahead} s ahead");
        clients::remove(&db, "app", TEST, now()).await.unwrap();
    }
}

async fn sweeping_dead_grants_takes_five_hundred_at_most(Store { db, .. }: Store) {
    let exp = now().unix_timestamp();
    db.write(move |conn| {
        for _ in 0..1001 {
            let id = data_encoding::HEXLOWER.encode(GrantId::generate().as_bytes());
            let literal = match conn {
                countersign::db::Conn::Pg(_) => format!("'\\x{id}'"),
                countersign::db::Conn::Sqlite(_) => format!("x'{id}'"),
            };
            let row = format!("INSERT INTO dead_grants (id, exp) VALUES ({literal}, {exp})");
            diesel::RunQueryDsl::execute(diesel::sql_query(row), conn)?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let mut swept = vec![];
    for _ in 0..4 {
        swept.push(grants::sweep(&db, Duration::ZERO, now()).await.unwrap());
    }
    assert_eq!(swept, [500, 500, 1, 0]);
}

async fn two_active_keys_of_one_algorithm_are_impossible(Store { db, .. }: Store) {
    let key = |kid: &str, alg: &str, state: &str, at: i64| StoredKey {
        kid: kid.into(),
        alg: alg.into(),
        state: state.into(),
        public_jwk: "{}".into(),
        private_sealed: Some(vec![0, 255, 0]),
        created_at: at,
        since: at,
        until: 0,
    };
    let insert = |key: StoredKey| db.write_now(|conn| signing_keys::insert(conn, &key, now()));
    insert(key("b", "RS256", "active", 2)).unwrap();
    let refused = insert(key("c", "RS256", "active", 3)).unwrap_err();
    assert!(refused.is_conflict(), "{refused}");
    insert(key("d", "ES256", "active", 1)).unwrap();
    insert(key("e", "RS256", "published", 4)).unwrap();
    assert!(insert(key("g", "RS256", "published", 4)).unwrap_err().is_conflict(), "one spare is enough");
    insert(key("f", "RS256", "pending", 4)).unwrap();
    assert!(insert(key("g", "RS256", "pending", 4)).unwrap_err().is_conflict(), "one spare is enough");
    insert(key("h", "RS256", "retiring", 6)).unwrap();
    insert(key("i", "RS256", "retiring", 6)).unwrap();
    insert(key("j", "RS256", "destroyed", 0)).unwrap();
    assert!(insert(key("f", "RS256", "retiring", 5)).unwrap_err().is_conflict(), "a kid is given once");
    assert!(
        execute(&db, "UPDATE signing_keys SET state = 'active' WHERE kid = 'e'").unwrap_err().is_conflict()
    );
    let listed = db.read_now(signing_keys::list).unwrap();
    let order: Vec<&str> = listed.iter().map(|key| key.kid.as_str()).collect();
    assert_eq!(order, ["d", "b", "e", "f", "h", "i"], "oldest first, without the dead");
    assert_eq!(listed[0].private_sealed.as_deref(), Some([0, 255, 0].as_slice()));
    assert_eq!(trail(&db).len(), 7, "{:?}", trail(&db));
    assert_eq!(trail(&db)[0], r#"system key.made b {"alg":"RS256","state":"active"}"#);
}

/// Of twenty that take the same step one does, and the private part goes with the state that needs it.
async fn a_key_changes_its_state_once(Store { db, .. }: Store) {
    let key = StoredKey {
        kid: "a".into(),
        alg: "RS256".into(),
        state: "active".into(),
        public_jwk: "{}".into(),
        private_sealed: Some(vec![1]),
        created_at: 1,
        since: 1,
        until: 0,
    };
    db.write_now(|conn| signing_keys::insert(conn, &key, now())).unwrap();
    for (from, to, keeps) in [
        (KeyState::Active, KeyState::Retiring, false),
        (KeyState::Retiring, KeyState::Retained, false),
        (KeyState::Retained, KeyState::Destroyed, false),
    ] {
        let rivals = (0..20).map(|_| {
            db.write(move |conn| {
                let (by, event) = (&By::from(TEST), Name::KeyRetiring);
                signing_keys::change(
                    conn,
                    &signing_keys::Change { kid: "a", from, to, until: 7, by, event },
                    now(),
                )
            })
        });
        let won: Vec<bool> = join_all(rivals).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");
        let stored = db.read_now(signing_keys::list_all).unwrap().remove(0);
        assert_eq!((stored.state.as_str(), stored.until), (to.name(), 7));
        assert_eq!(stored.private_sealed.is_some(), keeps);
    }
    let told: Vec<String> = trail(&db).split_off(1);
    assert_eq!(told[0], r#"test key.retiring a {"from":"active","state":"retiring"}"#);
    assert_eq!(told.len(), 3);
}

async fn facts_and_secrets_are_kept(Store { db, .. }: Store) {
    let get = |name: &'static str| db.read_now(|conn| facts::get(conn, name)).unwrap();
    assert_eq!(get("anything"), None);
    for value in ["one", "two", ""] {
        db.write_now(|conn| facts::set(conn, "anything", value)).unwrap();
        assert_eq!(get("anything").as_deref(), Some(value));
    }
    let kept = |name: &str, sealed: &[u8]| {
        db.write_now(|conn| secrets::get_or_insert(conn, name, sealed.to_vec())).unwrap()
    };
    assert_eq!(kept("sid", b"\0first"), b"\0first");
    assert_eq!(kept("sid", b"second"), b"\0first", "a secret never changes by itself");
    assert_eq!(kept("other", b"second"), b"second");
    // Twenty nodes that start at once agree on one.
    let rivals =
        (0..20u8).map(|rival| db.write(move |conn| secrets::get_or_insert(conn, "raced", vec![rival])));
    let mut agreed: Vec<Vec<u8>> = join_all(rivals).await.into_iter().map(Result::unwrap).collect();
    agreed.dedup();
    assert_eq!(agreed.len(), 1, "{agreed:?}");
}

async fn a_failed_unit_of_work_leaves_nothing_behind(Store { db, .. }: Store) {
    let failed = db
        .write(|conn| -> Result<(), DbError> {
            facts::set(conn, "half", "done")?;
            Err(DbError::Broken("the second half failed".into()))
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(db.read_now(|conn| facts::get(conn, "half")).unwrap(), None);
    // The event belongs to its change: when it cannot be written, nothing is.
    execute(&db, "ALTER TABLE events RENAME TO away").unwrap();
    assert!(users::add(&db, user("ada"), None, TEST, now()).await.is_err());
    assert!(clients::add(&db, &client("app"), TEST, now()).await.is_err());
    execute(&db, "ALTER TABLE away RENAME TO events").unwrap();
    assert!(users::list(&db).await.unwrap().is_empty() && clients::list(&db).await.unwrap().is_empty());
    let facts = ["client_changes", "min_code_version", "version"];
    assert_eq!(lines(&db, "SELECT name AS line FROM facts ORDER BY name"), facts);
    let _unused = Token::generate();
}
