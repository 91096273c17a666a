//! Documents of sectors: what is registered only once a document says so, and what a document may not be.
//!
//! Holds `operations/clients/sector.rs`.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use countersign::operations::Operation;
use countersign::operations::clients::{self, ClientFault};
use countersign::outbound::{Outbound, look_up};
use countersign::protocol::registration::Amendment;
use serde_json::{Value, json};

use super::{ACTOR, by, described, told};
use crate::support::app::TestApp;
use crate::support::origin::{self, Origin};

const ONE: &str = "https://one.example/cb";
const TWO: &str = "https://two.example/cb";

/// A site with documents, good and bad.
fn documents(path: &str, stream: &mut TcpStream) {
    let list = |uris: &[&str]| json!(uris).to_string();
    match path {
        "/both" => origin::write(stream, "200 OK", "", list(&[ONE, TWO]).as_bytes()),
        "/first" => origin::write(stream, "200 OK", "", list(&[ONE]).as_bytes()),
        "/object" => origin::write(stream, "200 OK", "", json!({ "uris": [ONE] }).to_string().as_bytes()),
        "/fits" => origin::write(stream, "200 OK", "", of_length(64 * 1024).as_bytes()),
        "/huge" => origin::write(stream, "200 OK", "", of_length(64 * 1024 + 1).as_bytes()),
        "/moved" => origin::write(stream, "302 Found", "Location: /both\r\n", b""),
        "/absent" => origin::write(stream, "404 Not Found", "", list(&[ONE, TWO]).as_bytes()),
        _ => {
            let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
            while stream.write_all(b" ").is_ok() {
                std::thread::sleep(Duration::from_millis(200));
            }
        }
    }
}

/// A list of both, filled up with spaces.
fn of_length(bytes: usize) -> String {
    let list = json!([ONE, TWO]).to_string();
    let more = " ".repeat(bytes - list.len());
    list + &more
}

fn fetching(app: &TestApp) -> Operation<'_> {
    let config = &app.app.config;
    by(app, ACTOR).fetching(Outbound::new(&config.outbound_allow, &config.outbound_ca, look_up))
}

fn pairwise(id: &str, uris: &[&str], document: &str) -> Value {
    json!({ "client_id": id, "client_name": "App", "redirect_uris": uris, "subject_type": "pairwise",
        "sector_identifier_uri": document })
}

#[actix_web::test]
async fn a_client_is_registered_when_the_document_of_its_sector_lists_it() {
    let app = TestApp::start().await;
    let site = Origin::start("127.0.0.1", 0, documents);
    let at = |path: &str| format!("http://127.0.0.1:{}{path}", site.port);
    let begun = Instant::now();
    for (path, said) in [
        ("/first", format!("{:?} does not list the redirect URI {TWO:?}", at("/first"))),
        ("/object", format!("{:?} is not a JSON array of strings", at("/object"))),
        ("/huge", "it is larger than 65536 bytes".into()),
        ("/moved", "redirects are not followed".into()),
        ("/absent", "the answer was 404".into()),
        ("/slow", "took too long".into()),
    ] {
        let members = pairwise("app", &[ONE, TWO], &at(path));
        let refused = clients::register(&fetching(&app), described(&app, members)).await.map(|_| ());
        let Err(ClientFault::Metadata(fault)) = refused else { panic!("{path}: {refused:?}") };
        let words = fault.to_string();
        assert!(words.starts_with("sector_identifier_uri: ") && words.contains(&said), "{path}: {words}");
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    // Inside of the network nothing is fetched, whoever names it.
    for document in
        ["https://10.0.0.1/clients.json", "https://169.254.169.254/", "https://[::ffff:192.168.0.1]/"]
    {
        let members = pairwise("app", &[ONE], document);
        let refused = clients::register(&fetching(&app), described(&app, members)).await.map(|_| ());
        assert!(refused.unwrap_err().to_string().contains("not one of the public network"), "{document}");
    }
    // Nor by a caller that fetches nothing at all.
    let members = pairwise("app", &[ONE], &at("/both"));
    let refused = clients::register(&by(&app, ACTOR), described(&app, members)).await.map(|_| ());
    assert!(refused.unwrap_err().to_string().contains("is not fetched here"));
    assert!(told(&app, "app.created").await.is_empty(), "nothing was registered");

    for (id, uris, path, sector) in
        [("both", &[ONE, TWO][..], "/both", "127.0.0.1"), ("fits", &[ONE][..], "/fits", "127.0.0.1")]
    {
        let members = pairwise(id, uris, &at(path));
        let registered = clients::register(&fetching(&app), described(&app, members)).await.unwrap();
        assert_eq!(registered.client.sector().as_deref(), Some(sector));
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_change_of_redirect_uris_is_checked_by_the_document_again() {
    let app = TestApp::start().await;
    let site = Origin::start("127.0.0.1", 0, documents);
    let at = |path: &str| format!("http://127.0.0.1:{}{path}", site.port);
    let members = pairwise("app", &[ONE], &at("/first"));
    clients::register(&fetching(&app), described(&app, members)).await.unwrap();
    let offered = app.app.config.offered(&app.app.resources.load());
    let change = async |members: Value| {
        let Value::Object(set) = members else { panic!("{members}") };
        let amendment = Amendment { set, ..Amendment::default() };
        clients::change(&fetching(&app), "app", &amendment, &offered).await
    };
    let fetched = || site.requests().len();
    let before = fetched();
    change(json!({ "client_name": "Other" })).await.unwrap();
    assert_eq!(fetched(), before, "a name is none of its business");
    let refused = change(json!({ "redirect_uris": [ONE, TWO] })).await.map(|_| ());
    assert!(refused.unwrap_err().to_string().contains("does not list the redirect URI"));
    assert_eq!(fetched(), before + 1);
    let several =
        change(json!({ "redirect_uris": [ONE, TWO], "sector_identifier_uri": null })).await.map(|_| ());
    assert!(several.unwrap_err().to_string().contains("several hosts"));
    let done =
        change(json!({ "redirect_uris": [ONE, TWO], "sector_identifier_uri": at("/both") })).await.unwrap();
    assert_eq!(done.members, ["redirect_uris", "sector_identifier_uri"]);
    let less = Amendment { remove: vec![("redirect_uris", ONE.to_owned())], ..Amendment::default() };
    clients::change(&fetching(&app), "app", &less, &offered).await.unwrap();
    assert_eq!(fetched(), before + 3, "one less is a change as well");
    let three = ("redirect_uris", "https://three.example/".to_owned());
    let more = Amendment { add: vec![three], ..Amendment::default() };
    assert!(clients::change(&fetching(&app), "app", &more, &offered).await.is_err());

    // What an application calls people is told of in the events.
    let done = change(json!({ "subject_type": "public" })).await.unwrap();
    assert_eq!(done.members, ["subject_type"]);
    let told = told(&app, "app.changed").await;
    assert!(told.iter().any(|told| told.context["changed"] == json!(["subject_type"])));
    app.finish().await;
}
