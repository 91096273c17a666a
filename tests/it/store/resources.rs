//! Resources beside the configuration file, on both databases, and how nodes come to know of a change.

use countersign::db::Db;
use countersign::protocol::consent::Consent;
use countersign::protocol::resource::{Resource, Resources};
use countersign::protocol::scope::Scope;
use countersign::protocol::span::Span;
use countersign::protocol::user::User;
use countersign::store::clients::{self, Clients};
use countersign::store::resources::{self, Current, Edited, Named};
use countersign::store::{consents, users};
use futures_util::future::join_all;
use serde_json::{Map, json};
use time::{Duration, OffsetDateTime};

use super::contract::on_both_databases;
use super::{Store, execute, trail};
use crate::support::TEST;
use crate::support::rp::registered;

on_both_databases! {
    a_resource_is_added_changed_and_removed_with_an_event_each
    of_twenty_that_share_a_scope_one_is_added
    a_removed_client_acts_as_no_resource
    every_node_sees_a_change_at_its_next_look
    a_row_that_cannot_be_read_is_left_out
    what_names_a_resource_is_counted
}

const API: &str = "https://api.example";

fn api(scopes: &[&str]) -> Resource {
    named(API, scopes)
}

fn named(uri: &str, scopes: &[&str]) -> Resource {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    Resource { uri: uri.into(), scopes, ..Resource::default() }
}

/// Adds a resource unless another one is in its way; whether it is there.
async fn add(db: &Db, resource: Resource) -> bool {
    let admit = |new: &Resource, rows| Resources::default().and(rows).conflict(new).map_or(Ok(()), Err);
    let added = resources::add(db, resource, admit, TEST, OffsetDateTime::now_utc()).await.unwrap();
    added.is_some_and(|added| added.is_ok())
}

async fn edit(db: &Db, uri: &str, edit: impl Fn(&mut Resource) + Send + 'static) -> Option<Edited> {
    let edit = move |stored: &Resource, _others| {
        let mut new = stored.clone();
        edit(&mut new);
        Ok::<_, ()>(new)
    };
    let edited = resources::edit(db, uri, edit, TEST, OffsetDateTime::now_utc()).await.unwrap();
    edited.map(Result::unwrap)
}

async fn a_client(db: &Db, id: &str) {
    assert!(
        clients::add(db, &registered(id, None, json!({})), TEST, OffsetDateTime::now_utc()).await.unwrap()
    );
}

async fn a_resource_is_added_changed_and_removed_with_an_event_each(Store { db, .. }: Store) {
    for id in ["one", "two"] {
        a_client(&db, id).await;
    }
    let whole = Resource {
        name: Some("The API".into()),
        descriptions: [("read#de".to_owned(), "Lesen".to_owned())].into(),
        clients: vec!["one".into(), "two".into()],
        lifetime: Some(Span(Duration::minutes(5))),
        ..api(&["read", "write"])
    };
    assert!(add(&db, whole.clone()).await);
    assert!(!add(&db, named("HTTPS://Api.example", &["other"])).await, "it is the same one");
    assert_eq!(resources::list(&db).await.unwrap(), std::slice::from_ref(&whole));
    let Edited { before, after, members } = edit(&db, "HTTPS://API.EXAMPLE", |resource| {
        resource.clients.retain(|client| client == "two");
        resource.lifetime = None;
        resource.uri = "https://elsewhere.example".into();
    })
    .await
    .unwrap();
    assert_eq!((before, members), (whole, vec!["clients".to_owned(), "lifetime".to_owned()]));
    assert_eq!(
        (after.uri.as_str(), &after.clients[..]),
        (API, &["two".to_owned()][..]),
        "the identifier stays"
    );
    assert_eq!(resources::list(&db).await.unwrap(), [after]);
    assert!(edit(&db, API, |_| ()).await.unwrap().members.is_empty());
    let now = OffsetDateTime::now_utc();
    let refused = resources::edit(&db, API, |_, _| Err::<Resource, _>("no"), TEST, now).await.unwrap();
    assert_eq!(refused.map(Result::err), Some(Some("no")));
    assert!(edit(&db, "https://unknown.example", |_| ()).await.is_none());
    for there in [true, false] {
        assert_eq!(resources::remove(&db, API, TEST, now).await.unwrap(), there);
    }
    assert_eq!(resources::list(&db).await.unwrap(), []);
    let told = trail(&db).into_iter().filter(|line| line.contains(" resource.")).collect::<Vec<_>>();
    assert_eq!(
        told,
        [
            "test resource.created https://api.example {}",
            "test resource.changed https://api.example {\"changed\":[\"clients\",\"lifetime\"]}",
            "test resource.removed https://api.example {}",
        ]
    );
}

/// Consent to one would be consent to the other.
async fn of_twenty_that_share_a_scope_one_is_added(Store { db, .. }: Store) {
    let adding = (0..20).map(|number| add(&db, named(&format!("https://{number}.example"), &["read"])));
    let added = join_all(adding).await.into_iter().filter(|added| *added).count();
    assert_eq!((added, resources::list(&db).await.unwrap().len()), (1, 1));
}

async fn a_removed_client_acts_as_no_resource(Store { db, .. }: Store) {
    a_client(&db, "app").await;
    add(&db, Resource { clients: vec!["app".into()], ..api(&["read"]) }).await;
    let node = Current::open(&db, &Resources::default()).unwrap();
    let looks = Clients::new(db.clone());
    looks.take(&looks.look().await.unwrap());
    let acts = |resources: &Resources| resources.is_for("app", &[API.to_owned()]);
    assert!(acts(&node.load()));
    assert!(clients::remove(&db, "app", TEST, OffsetDateTime::now_utc()).await.unwrap());
    a_client(&db, "app").await;
    assert!(!acts(&Resources::default().and(resources::list(&db).await.unwrap())), "it is another client");
    assert!(looks.look().await.unwrap().has_resources(), "every node is told");
}

async fn every_node_sees_a_change_at_its_next_look(Store { db, .. }: Store) {
    let file = Resources::new(vec![named("https://file.example", &["file"])]).unwrap();
    let nodes = [(); 2].map(|()| (Clients::new(db.clone()), Current::open(&db, &file).unwrap()));
    let look = async |(clients, current): &(Clients, Current)| {
        let seen = clients.look().await.unwrap();
        if seen.has_resources() {
            current.read_again(&db).await.unwrap();
        }
        clients.take(&seen);
        (seen.has_resources(), current.load().all_scopes().has("read"))
    };
    for node in &nodes {
        assert_eq!(look(node).await, (true, false), "the first look cannot know");
        assert_eq!(look(node).await, (false, false));
    }
    add(&db, api(&["read"])).await;
    for node in &nodes {
        assert!(!node.1.load().all_scopes().has("read"));
        assert_eq!(look(node).await, (true, true));
        assert!(node.1.load().find("https://file.example").is_some());
    }
    a_client(&db, "app").await;
    for node in &nodes {
        assert_eq!(look(node).await, (false, true), "a client is no resource");
    }
    edit(&db, API, |resource| resource.scopes = vec!["other".into()]).await;
    assert_eq!(look(&nodes[0]).await, (true, false));
    resources::remove(&db, API, TEST, OffsetDateTime::now_utc()).await.unwrap();
    for node in &nodes {
        assert_eq!(look(node).await, (true, false));
        assert_eq!(node.1.load().iter().count(), 1);
    }
}

async fn a_row_that_cannot_be_read_is_left_out(Store { db, .. }: Store) {
    add(&db, api(&["read"])).await;
    add(&db, named("https://other.example", &["other"])).await;
    execute(&db, "UPDATE resources SET declaration = '{\"colour\":1}' WHERE id = 'https://api.example'")
        .unwrap();
    let left: Vec<String> =
        resources::list(&db).await.unwrap().into_iter().map(|resource| resource.uri).collect();
    assert_eq!(left, ["https://other.example"]);
    assert!(!add(&db, api(&["read"])).await, "it is there all the same");
}

async fn what_names_a_resource_is_counted(Store { db, .. }: Store) {
    let now = OffsetDateTime::now_utc();
    a_client(&db, "app").await;
    let mut people = vec![];
    for login in ["ada", "eve", "kim"] {
        let id = countersign::ids::new_sub();
        let user = User { id, login: login.into(), disabled: false, claims: Map::new() };
        people.push(users::add(&db, user, None, TEST, now).await.unwrap().unwrap().id);
    }
    let allow = async |person: &str, uri: &str| {
        let allowed =
            Consent { scopes: Scope::parse("read"), resources: vec![uri.into()], ..Consent::default() };
        consents::allow(&db, person, "app", allowed, TEST, now).await.unwrap();
    };
    allow(&people[0], API).await;
    allow(&people[1], API).await;
    allow(&people[2], "https://api.example/more").await;
    let count = async |uri: &str| resources::named(&db, uri).await.unwrap();
    assert_eq!(count(API).await, Named { consents: 2, grants: 0 });
    assert_eq!(count("https://api.example/more").await.consents, 1);
    for other in ["https://%", "https://api_example", "\\", ""] {
        assert_eq!(count(other).await, Named::default(), "{other}");
    }
}
