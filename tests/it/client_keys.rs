//! Public keys of clients: fetched when they are needed, kept for as long as their server says, and holding up no other
//! client.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration as Wait, Instant};

use countersign::client_keys::ClientKeys;
use countersign::clock::Clock;
use countersign::outbound::{Allowed, Authorities, Outbound, look_up};
use countersign::protocol::client::assertion::Assertion;
use countersign::protocol::client::{Client, SigningAlg};
use futures_util::future::join_all;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::support::assertion::ClientKey;
use crate::support::origin::{self, Origin};
use crate::support::rp::registered;

/// What is published at each path: headers, and the body.
static PUBLISHED: Mutex<BTreeMap<String, (String, String)>> = Mutex::new(BTreeMap::new());

fn publish(path: &str, headers: &str, body: &Value) {
    PUBLISHED.lock().unwrap().insert(path.into(), (headers.into(), body.to_string()));
}

fn publishes(path: &str, stream: &mut TcpStream) {
    let found = PUBLISHED.lock().unwrap().get(path).cloned();
    match (path, found) {
        ("/slow", _) => {
            let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
            std::thread::sleep(Wait::from_secs(20));
        }
        ("/moved", _) => origin::write(stream, "302 Found", "Location: /keys\r\n", b""),
        ("/huge", _) => origin::write(stream, "200 OK", "", &vec![b' '; 64 * 1024 + 1]),
        (_, Some((headers, body))) => origin::write(stream, "200 OK", &headers, body.as_bytes()),
        (_, None) => origin::write(stream, "404 Not Found", "", b"{}"),
    }
}

struct Node {
    origin: Origin,
    keys: ClientKeys,
}

impl Node {
    fn start() -> Node {
        let allowed = [Allowed::parse("127.0.0.1").unwrap()];
        let outbound = Outbound::new(&allowed, &Authorities::default(), look_up);
        let origin = Origin::start("127.0.0.1", 0, publishes);
        Node { origin, keys: ClientKeys::new(Arc::new(outbound)) }
    }

    fn client(&self, id: &str, path: &str) -> Client {
        let uri = format!("http://127.0.0.1:{}{path}", self.origin.port);
        let metadata = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri });
        Client { id: id.into(), ..registered(id, None, metadata) }
    }

    async fn verify(
        &self,
        client: &Client,
        key: &ClientKey,
        kid: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<(), String> {
        let text = key.sign_as(key.alg, &json!({ "alg": key.alg.name() }), &json!({ "sub": client.id }));
        let assertion = Assertion::read(&text).unwrap();
        let verified = self.keys.verify(client, &assertion, (key.alg, kid), now).await;
        verified.map_err(|cause| cause.to_string())
    }

    fn fetches(&self, path: &str) -> usize {
        let first = format!("GET {path} ");
        self.origin.requests().iter().filter(|head| head.starts_with(&first)).count()
    }
}

fn set(keys: &[&ClientKey]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() })
}

#[actix_web::test]
async fn a_set_is_fetched_once_and_kept_within_bounds() {
    let (node, now) = (Node::start(), Clock::default().now());
    let key = ClientKey::new(SigningAlg::ES256, "k");
    for (path, headers, kept) in [
        ("/usual", "", 600),
        ("/short", "Cache-Control: public, max-age=1\r\n", 60),
        ("/never", "Cache-Control: no-store\r\n", 60),
        ("/long", "Cache-Control: max-age=9999999\r\n", 86_400),
        ("/hour", "Cache-Control: max-age=\"3600\", public\r\n", 3600),
    ] {
        publish(path, headers, &set(&[&key]));
        let client = node.client(path, path);
        // All who wait for the same set make one fetch.
        for verified in join_all((0..20).map(|_| node.verify(&client, &key, Some("k"), now))).await {
            assert_eq!(verified, Ok(()), "{path}");
        }
        node.verify(&client, &key, Some("k"), now + Duration::seconds(kept - 1)).await.unwrap();
        assert_eq!(node.fetches(path), 1, "{path}");
        node.verify(&client, &key, Some("k"), now + Duration::seconds(kept)).await.unwrap();
        assert_eq!(node.fetches(path), 2, "{path}: it has ended");
    }
}

#[actix_web::test]
async fn a_key_that_is_not_there_is_looked_for_once_a_minute() {
    let (node, now) = (Node::start(), Clock::default().now());
    let [old, new] = ["old", "new"].map(|kid| ClientKey::new(SigningAlg::ES256, kid));
    publish("/rotating", "Cache-Control: max-age=3600\r\n", &set(&[&old]));
    let client = node.client("app", "/rotating");
    let at = |seconds| now + Duration::seconds(seconds);
    node.verify(&client, &old, Some("old"), now).await.unwrap();
    publish("/rotating", "Cache-Control: max-age=3600\r\n", &set(&[&old, &new]));
    assert_eq!(
        node.verify(&client, &new, Some("new"), at(1)).await,
        Ok(()),
        "the new set is fetched at once"
    );
    assert_eq!(node.fetches("/rotating"), 2);
    for unknown in join_all((0..20).map(|_| node.verify(&client, &new, Some("none"), at(2)))).await {
        assert!(unknown.unwrap_err().contains("no key of this client has the kid"));
    }
    node.verify(&client, &new, Some("none"), at(60)).await.unwrap_err();
    assert_eq!(node.fetches("/rotating"), 2, "the last one is not a minute ago");
    // What was taken away is refused as soon as the set without it was fetched.
    publish("/rotating", "Cache-Control: max-age=3600\r\n", &set(&[&new]));
    node.verify(&client, &old, Some("old"), at(61)).await.unwrap();
    node.verify(&client, &new, Some("none"), at(61)).await.unwrap_err();
    assert_eq!(node.fetches("/rotating"), 3);
    assert!(node.verify(&client, &old, Some("old"), at(62)).await.is_err());
    node.verify(&client, &new, Some("new"), at(62)).await.unwrap();
    // A set without names is looked at again when no key of it fits.
    publish("/nameless", "", &json!({ "keys": [old.pair.public_jwk] }));
    let nameless = node.client("nameless", "/nameless");
    node.verify(&nameless, &old, None, now).await.unwrap();
    node.verify(&nameless, &old, Some("any"), now).await.unwrap();
    publish("/nameless", "", &json!({ "keys": [new.pair.public_jwk] }));
    node.verify(&nameless, &new, None, at(1)).await.unwrap();
    assert!(
        node.verify(&nameless, &old, None, at(2)).await.unwrap_err().contains("is not of the client's key")
    );
    assert_eq!(node.fetches("/nameless"), 2);
}

#[actix_web::test]
async fn a_set_that_cannot_be_had_is_explained_and_holds_up_nobody_else() {
    let (node, now) = (Node::start(), Clock::default().now());
    let key = ClientKey::new(SigningAlg::ES256, "k");
    publish("/keys", "", &set(&[&key]));
    publish("/text", "", &json!("keys"));
    publish("/private", "", &json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] }));
    let other = node.client("other", "/keys");
    let begun = Instant::now();
    let slow = node.client("slow", "/slow");
    let many = join_all((0..20).map(|_| node.verify(&slow, &key, Some("k"), now)));
    let quick = async {
        tokio::time::sleep(Wait::from_millis(200)).await;
        for _ in 0..10 {
            node.verify(&other, &key, Some("k"), now).await.unwrap();
        }
        begun.elapsed()
    };
    let (many, quick) = tokio::join!(many, quick);
    assert!(quick < Wait::from_secs(3), "{quick:?}");
    assert_eq!(node.fetches("/slow"), 1, "those who waited do not try again");
    assert!(
        many.iter().all(Result::is_err) && begun.elapsed() < Wait::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
    for (path, why) in [
        ("/moved", "302, and redirects are not followed"),
        ("/huge", "larger than 65536 bytes"),
        ("/absent", "404"),
        ("/text", "no JWK set"),
        ("/private", "private or symmetric"),
        ("/slow", "within the last 30 seconds"),
    ] {
        let refused = node.verify(&node.client(path, path), &key, Some("k"), now).await.unwrap_err();
        assert!(refused.contains("jwks_uri cannot be had") && refused.contains(why), "{path}: {refused}");
        assert!(!refused.contains("c2VjcmV0"));
    }
    let inside = Client {
        ..registered(
            "inside",
            None,
            json!({
                "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://169.254.169.254/keys",
            }),
        )
    };
    let refused = node.verify(&inside, &key, Some("k"), now).await.unwrap_err();
    assert!(refused.contains("is not fetched"), "{refused}");
}

#[actix_web::test]
async fn registered_keys_are_used_as_they_are_now() {
    let (node, now) = (Node::start(), Clock::default().now());
    let [one, two] = ["one", "two"].map(|kid| ClientKey::new(SigningAlg::EdDSA, kid));
    let client = |set: Value| {
        registered("app", None, json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": set }))
    };
    let (before, after) = (client(set(&[&one])), client(set(&[&two])));
    node.verify(&before, &one, Some("one"), now).await.unwrap();
    node.verify(&after, &two, Some("two"), now).await.unwrap();
    assert!(node.verify(&after, &one, Some("one"), now).await.is_err(), "the registration was changed");
    let four: Vec<ClientKey> =
        (0..4).map(|at| ClientKey::new(SigningAlg::EdDSA, &format!("k{at}"))).collect();
    let many = client(set(&four.iter().collect::<Vec<_>>()));
    let refused = node.verify(&many, &four[0], None, now).await.unwrap_err();
    assert!(refused.contains("more than 3 keys"), "{refused}");
    node.verify(&many, &four[3], Some("k3"), now).await.unwrap();
    let none = registered("app", None, json!({}));
    assert!(node.verify(&none, &one, None, now).await.unwrap_err().contains("no keys"));
}
