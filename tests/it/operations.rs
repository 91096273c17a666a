//! Operations: each leaves one event of its actor, and what has to follow from it has happened when it answers.

mod sectors; // documents of sectors

use countersign::operations::clients::{self, ClientFault, Old, Rotation, Switched};
use countersign::operations::keys::{self, KeyFault, Which};
use countersign::operations::people::{self, PersonFault};
use countersign::operations::{Operation, keys::Installation};
use countersign::protocol::client::{Client, MetadataFault, Problem};
use countersign::protocol::registration::{Amendment, Registration, read};
use countersign::protocol::user::{ClaimFault, UserFault};
use countersign::state::codes::Redeemed;
use countersign::state::kv::Spend;
use countersign::store::events::{self, Actor, StoredEvent, Wanted};
use countersign::store::{self, endings};
use serde_json::{Map, Value, json};

use crate::support::app::TestApp;
use crate::support::rp::Rp;

const ACTOR: Actor = Actor::Cli(None);

fn by(app: &TestApp, actor: Actor) -> Operation<'_> {
    Operation::new(&app.app.db, &app.app.state, actor, app.clock.now())
}

/// The newest events of one name.
pub async fn told(app: &TestApp, name: &'static str) -> Vec<StoredEvent> {
    let wanted = Wanted { person: None, client: None, since: None, names: vec![name], most: 10 };
    events::list(&app.app.db, wanted, None).await.unwrap()
}

fn described(app: &TestApp, members: Value) -> Registration {
    let Value::Object(members) = members else { panic!("{members}") };
    read(members, &app.app.config.offered(&app.app.resources.load())).unwrap()
}

/// When the client was withdrawn, as a code of its tells that is redeemed now.
async fn withdrawn(rp: &Rp<'_>, code: &str) -> Option<time::OffsetDateTime> {
    let spent = rp.app.app.state.codes.spend(&rp.client_id, code, rp.app.clock.now()).await.unwrap();
    let Spend::Fresh(Redeemed { withdrawn, .. }) = spent else { panic!("it was spent") };
    withdrawn
}

/// Nodes may hold a client for some seconds: its codes have to be refused from the moment on.
#[actix_web::test]
async fn a_client_that_is_disabled_or_removed_has_no_code_redeemed_from_then_on() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let browser = app.browser();
    let mut codes = vec![rp.code(&browser, "ada", &[]).await];
    for _ in 0..3 {
        codes.push(browser.get(&rp.authorize(&[])).await.answered("code").unwrap());
    }
    let (op, id) = (by(&app, ACTOR), rp.client_id.as_str());
    assert_eq!(withdrawn(&rp, &codes[0]).await, None);
    assert!(clients::disable(&op, id).await.unwrap().changed);
    assert!(withdrawn(&rp, &codes[1]).await.is_some());
    let enabled = clients::enable(&op, id).await.unwrap();
    assert!(enabled.changed && !enabled.client.disabled && enabled.not_told.is_none());
    assert_eq!(withdrawn(&rp, &codes[2]).await, None);
    clients::remove(&op, id).await.unwrap();
    assert!(withdrawn(&rp, &codes[3]).await.is_some());
    assert!(matches!(clients::remove(&op, id).await, Err(ClientFault::Unknown)));
    for name in ["app.disabled", "app.enabled", "app.removed"] {
        let told = told(&app, name).await;
        let [told] = &told[..] else { panic!("{name} is told {} times", told.len()) };
        assert_eq!((told.actor_kind.as_str(), told.via.as_str()), ("cli", "cli"));
        assert_eq!(told.client.as_deref(), Some(id));
    }
    drop(op);
    app.finish().await;
}

const AT_ONCE: Rotation = Rotation { old: Old::Ends, lasts: None };

#[actix_web::test]
async fn what_is_wrong_with_a_client_is_told_by_its_type() {
    let app = TestApp::start().await;
    let op = by(&app, ACTOR);
    let public = json!({
        "client_id": "app", "client_name": "App", "redirect_uris": ["https://app.example/cb"],
        "token_endpoint_auth_method": "none",
    });
    let registered = clients::register(&op, described(&app, public.clone())).await.unwrap();
    assert!(registered.secret.is_none() && registered.client.is_public());
    let again = clients::register(&op, described(&app, public)).await.map(|_| ());
    assert!(matches!(&again, Err(ClientFault::Taken(id)) if id == "app"), "{again:?}");
    let rotated = clients::rotate_secret(&op, "app", AT_ONCE).await.map(|_| ());
    assert!(matches!(&rotated, Err(ClientFault::NoSecret(id)) if id == "app"), "{rotated:?}");
    for id in ["none", "App"] {
        assert!(matches!(clients::rotate_secret(&op, id, AT_ONCE).await, Err(ClientFault::Unknown)));
        assert!(matches!(clients::disable(&op, id).await, Err(ClientFault::Unknown)));
        assert!(matches!(clients::enable(&op, id).await, Err(ClientFault::Unknown)));
    }
    let set = |name: &str, value: Value| Amendment {
        set: Map::from_iter([(name.to_owned(), value)]),
        ..Amendment::default()
    };
    let offered = app.app.config.offered(&app.app.resources.load());
    let change = async |amendment: Amendment| clients::change(&op, "app", &amendment, &offered).await;
    let refused = change(set("scope", json!(""))).await.map(|_| ());
    assert!(
        matches!(&refused, Err(ClientFault::Metadata(MetadataFault { member, problem: Problem::NoScope })) if member == "scope"),
        "{refused:?}"
    );
    // It is to prove itself from now on, and is given the means to; said again, that changes nothing.
    let confidential = set("token_endpoint_auth_method", json!("client_secret_post"));
    let changed = change(confidential.clone()).await.unwrap();
    let made = changed.made.unwrap();
    let kept: Client = store::clients::by_id(&app.app.db, "app").await.unwrap().unwrap();
    assert!(kept.secrets.newest().unwrap().hash.matches(&made.hash()));
    assert_eq!(changed.members, ["token_endpoint_auth_method"]);
    let changed = change(confidential).await.unwrap();
    assert!(changed.made.is_none() && changed.members.is_empty());
    drop(op);
    app.finish().await;
}

#[actix_web::test]
async fn a_person_is_signed_out_by_what_takes_their_way_in() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let rp = Rp::new(&app, json!({ "first_party": true })).await;
    let silent = rp.authorize(&[("prompt", Some("none"))]);
    let browser = app.browser();
    rp.sign_in(&browser, "ada", &[]).await;
    assert_eq!(people::set_password(&by(&app, ACTOR), &ada, "a hash".into()).await.unwrap(), 1);
    assert_eq!(browser.get(&silent).await.answered("error").as_deref(), Some("login_required"));
    assert_eq!(people::disable(&by(&app, ACTOR), &ada).await.unwrap(), 0);
    let grace = app.user("grace").await;
    let browser = app.browser();
    rp.sign_in(&browser, "grace", &[]).await;
    assert_eq!(people::disable(&by(&app, ACTOR), &grace).await.unwrap(), 1);
    assert_eq!(browser.get(&silent).await.answered("error").as_deref(), Some("login_required"));
    assert_eq!(endings::due(&app.app.db).await.unwrap(), []);
    let told = told(&app, "person.password.changed").await;
    assert_eq!((told.len(), told[0].subject.as_ref()), (1, Some(&ada.id)));
    app.finish().await;
}

/// The change is stored with what it owes; that is said by the type, and is no failure of the change.
#[actix_web::test]
async fn sessions_that_cannot_be_ended_are_owed_and_that_is_told() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let op = Operation::opening(&app.app.db, || Err("no state store".into()), ACTOR, app.clock.now());
    let done = people::disable(&op, &ada).await;
    let Err(PersonFault::SessionsNotEnded(fault)) = done else { panic!("{done:?}") };
    assert_eq!(fault.to_string(), "no state store");
    let grace = app.user("grace").await;
    let done = people::set_password(&op, &grace, "a hash".into()).await;
    assert!(matches!(done, Err(PersonFault::SessionsNotEnded(_))), "{done:?}");
    let stored = store::users::by_login(&app.app.db, "grace").await.unwrap().unwrap();
    assert_eq!(stored.password_hash.as_deref(), Some("a hash"));
    let mut owed: Vec<String> =
        endings::due(&app.app.db).await.unwrap().into_iter().map(|owed| owed.0).collect();
    owed.sort();
    let mut both = [ada.id.clone(), grace.id];
    both.sort();
    assert_eq!(owed, both);
    assert!(store::users::by_id(&app.app.db, &ada.id).await.unwrap().unwrap().disabled);
    drop(op);
    app.finish().await;
}

/// The change of a client is stored without the state store as well: nodes see it by themselves a second later. What does
/// not hold until then is told.
#[actix_web::test]
async fn codes_that_cannot_be_withdrawn_or_admitted_again_are_told() {
    let app = TestApp::start().await;
    let (id, _) = app.client(json!({})).await;
    let op = Operation::opening(&app.app.db, || Err("no state store".into()), ACTOR, app.clock.now());
    let told =
        |done: Switched| (done.client.disabled, done.changed, done.not_told.map(|why| why.to_string()));
    let away = || Some("no state store".to_owned());
    assert_eq!(
        told(clients::enable(&op, &id).await.unwrap()),
        (false, false, None),
        "there was nothing to tell"
    );
    assert_eq!(told(clients::disable(&op, &id).await.unwrap()), (true, true, away()));
    assert_eq!(told(clients::disable(&op, &id).await.unwrap()), (true, false, away()));
    assert_eq!(told(clients::disable(&by(&app, ACTOR), &id).await.unwrap()), (true, false, None));
    assert_eq!(told(clients::enable(&op, &id).await.unwrap()), (false, true, away()));
    assert_eq!(told(clients::remove(&op, &id).await.unwrap()), (false, true, away()));
    assert!(store::clients::by_id(&app.app.db, &id).await.unwrap().is_none());
    drop(op);
    app.finish().await;
}

#[actix_web::test]
async fn what_is_wrong_with_a_person_is_told_by_its_type() {
    let app = TestApp::start().await;
    let op = by(&app, ACTOR);
    let describe = |login: &str, claims: Value| {
        let Value::Object(claims) = claims else { panic!("{claims}") };
        people::describe(login.into(), claims)
    };
    assert!(matches!(describe("a b", json!({})), Err(UserFault::Login(_))));
    assert!(matches!(describe("ada", json!({ "email": 7 })), Err(UserFault::Claim(ClaimFault::Form(_)))));
    assert!(matches!(
        describe("ada", json!({ "email": "ada" })),
        Err(UserFault::Claim(ClaimFault::Address(_)))
    ));
    let new = describe("ada", json!({ "name": "A\u{200B}da" })).unwrap();
    assert_eq!(new.cleaned.len(), 1);
    let ada = people::add(&op, new, "a hash".into()).await.unwrap();
    assert_eq!(ada.claims["name"], "Ada");
    let taken = people::add(&op, describe("ADA", json!({})).unwrap(), "a hash".into()).await.map(|_| ());
    assert!(matches!(taken, Err(PersonFault::User(UserFault::Login(_)))), "{taken:?}");
    let verified = countersign::protocol::user::Amendment {
        login: None,
        set: Map::from_iter([("email_verified".to_owned(), json!(true))]),
    };
    assert!(matches!(people::change(&op, &ada, verified).await, Err(PersonFault::NoAddress)));
    drop(op);
    app.finish().await;
}

/// One who allows an application something is the actor of that event.
#[actix_web::test]
async fn a_consent_is_the_persons_own_and_revoking_a_key_the_operators() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let rp = Rp::new(&app, json!({})).await;
    rp.sign_in(&app.browser(), "ada", &[]).await;
    let given = told(&app, "grant.given").await;
    let [given] = &given[..] else { panic!("it is told {} times", given.len()) };
    assert_eq!((given.actor_kind.as_str(), given.actor.as_ref()), ("person", Some(&ada.id)));
    assert_eq!((given.via.as_str(), given.client.as_deref()), ("page", Some(rp.client_id.as_str())));

    let op = by(&app, ACTOR);
    let config = &app.app.config;
    let installation = Installation { instance_key: &config.instance_key, policy: &config.keys };
    assert!(matches!(keys::consequences(&op, Which::Named("none")), Err(KeyFault::Unknown(_))));
    let gone = keys::consequences(&op, Which::Signing(None)).unwrap();
    assert!(gone.len() >= 2 && gone.iter().all(|gone| gone.next.is_some()));
    let revoked = keys::revoke(&op, installation, gone).unwrap();
    assert!(revoked.iter().all(|revoked| revoked.signs.is_some()));
    let told = told(&app, "key.revoked").await;
    assert_eq!(told.len(), revoked.len());
    assert!(told.iter().all(|told| told.actor_kind == "cli"));
    drop(op);
    app.finish().await;
}
