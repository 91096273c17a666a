//! `countersign token`.
//!
//! Holds `cli/token/kind.rs`, `cli/token/times.rs`.

use countersign::clock::Clock;
use countersign::ids::GrantId;
use countersign::keys::key_set::Keys;
use countersign::protocol::claims::jti;
use countersign::protocol::client::SigningAlg;
use countersign::secret::base64url;
use countersign::store::events::Actor;
use countersign::store::grants;
use serde_json::{Value, json};
use time::Duration;

use super::{Shell, serving};

const ISSUER: &str = "http://localhost:8080";
const API: &str = "https://api.example";

/// A provider whose keys sign what a test wants to have signed.
struct Signer {
    shell: Shell,
    keys: Keys,
    now: i64,
}

impl Signer {
    fn new() -> Signer {
        Signer::of(Shell::new())
    }

    fn of(shell: Shell) -> Signer {
        let (config, now) = (shell.config(), Clock::default().now());
        let keys = Keys::open(&shell.db(), &config.instance_key, &config.keys, now).unwrap();
        Signer { shell, keys, now: now.unix_timestamp() }
    }

    fn sign(&self, typ: &str, claims: &Value) -> String {
        self.keys.snapshot.load().sign(SigningAlg::ES256, typ, claims).unwrap()
    }

    fn access_token(&self, more: &Value) -> String {
        let mut claims = json!({
            "iss": ISSUER, "sub": "somebody", "aud": API, "client_id": "app", "scope": "openid",
            "iat": self.now - 2, "exp": self.now + 590, "jti": "x",
        });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.sign("at+jwt", &claims)
    }

    fn id_token(&self) -> String {
        let claims = json!({
            "iss": ISSUER, "sub": "somebody", "aud": "app", "nonce": "n", "iat": self.now, "exp": self.now + 600,
        });
        self.sign("JWT", &claims)
    }

    fn jwks(&self) -> String {
        self.shell.file("jwks.json", &self.keys.snapshot.load().jwks.bytes)
    }

    fn inspect(&self, token: &str) -> Value {
        self.shell.run(&["token", "inspect", token, "--json"]).good().json()
    }
}

#[test]
fn a_good_token_is_taken_apart_and_its_signature_holds() {
    let signer = Signer::new();
    let token = signer.access_token(&json!({}));
    let shown = signer.inspect(&token);
    assert_eq!(shown["kind"], "access token");
    assert_eq!(shown["claims"]["scope"], "openid");
    assert_eq!(shown["signature"]["verdict"], "holds");
    assert_eq!(shown["problems"], json!([]));
    assert!(shown["times"]["exp"]["words"].as_str().unwrap().starts_with("expires in 9 min"));
    assert!(shown["times"]["iat"]["words"].as_str().unwrap().ends_with(" s ago"));
    assert!(shown["times"]["iat"]["time"].as_str().unwrap().ends_with('Z'));
    let kid = shown["header"]["kid"].as_str().unwrap();
    let text =
        signer.shell.feed(&["token", "inspect", "-"], format!("Authorization: Bearer {token}\n")).good().out;
    for part in ["access token", "expires in 9 min", kid, "Signature: holds", "sqlite:data/countersign.db"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(signer.inspect(&signer.id_token())["kind"], "ID token");
}

#[test]
fn what_is_wrong_with_a_token_is_said() {
    let signer = Signer::new();
    // Every JSON number is a time; what is none is said to be none.
    let odd = json!({ "exp": 2e9, "iat": 1.5, "nbf": -1, "auth_time": "1800000000", "updated_at": 9_007_199_254_740_993_i64 });
    let odd = signer.inspect(&signer.access_token(&odd))["times"].clone();
    assert_eq!(
        (&odd["exp"]["time"], &odd["iat"]["time"]),
        (&json!("2033-05-18T03:33:20Z"), &json!("1970-01-01T00:00:01Z"))
    );
    for name in ["nbf", "auth_time", "updated_at"] {
        assert!(odd[name]["words"].as_str().unwrap().contains("is no time"), "{name}: {odd}");
    }
    let expired = signer.inspect(&signer.access_token(&json!({ "exp": signer.now - 125 })));
    assert_eq!(expired["signature"]["verdict"], "holds");
    assert!(expired["times"]["exp"]["words"].as_str().unwrap().starts_with("expired 2 min "));
    assert!(expired["problems"][0].as_str().unwrap().contains("expired"));

    let token = signer.access_token(&json!({}));
    let (front, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{front}.{}", base64url(&[7; 64]));
    assert_eq!(signer.inspect(&forged)["signature"]["verdict"], "broken");
    let text = signer.shell.run(&["token", "inspect", &forged]).good().out;
    assert!(text.contains("DOES NOT HOLD"), "{text}");
    let (header, _) = front.split_once('.').unwrap();
    let other =
        format!("{header}.{}.{signature}", base64url(json!({ "iss": ISSUER }).to_string().as_bytes()));
    assert_ne!(signer.inspect(&other)["signature"]["verdict"], "holds");

    let elsewhere =
        signer.inspect(&signer.access_token(&json!({ "iss": "https://other.example", "exp": 1e300 })));
    assert_eq!(elsewhere["signature"]["verdict"], "unchecked");
    assert!(elsewhere["problems"][0].as_str().unwrap().contains("other.example"));
}

#[test]
fn the_provider_says_whether_it_still_stands_by_a_token() {
    let signer = Signer::new();
    let sub = signer.shell.user("ada")["sub"].clone();
    let grant = GrantId::generate();
    let client = signer.shell.client(&[])["client_id"].clone();
    let issued = Clock::default().now().unix_timestamp();
    let said = json!({ "sub": sub, "jti": jti(grant, [1; 8]), "client_id": client, "iat": issued });
    let token = signer.access_token(&said);
    assert!(signer.inspect(&token)["live"].as_str().unwrap().contains("it is ada's"));
    signer.shell.run(&["user", "disable", "ada"]).good();
    assert!(signer.inspect(&token)["live"].as_str().unwrap().contains("not stand by it"));
    signer.shell.run(&["user", "enable", "ada"]).good();
    let end = Clock::default().now() + Duration::HOUR;
    let db = signer.shell.db();
    let parties = grants::Parties { user_id: "a person", client_id: "an app" };
    actix_web::rt::System::new()
        .block_on(grants::kill(&db, grant, end, parties, Actor::Client("an app".into()), end))
        .unwrap();
    assert!(signer.inspect(&token)["live"].as_str().unwrap().contains("not stand by it"));
    let other = jti(GrantId::generate(), [1; 8]);
    let said = json!({ "sub": sub, "jti": other, "client_id": "removed", "iat": issued });
    let orphan = signer.access_token(&said);
    assert!(signer.inspect(&orphan)["live"].as_str().unwrap().contains("not stand by it"));
    // A token that the application has for itself is about no person.
    let said = json!({ "sub": client, "jti": other, "client_id": client, "iat": issued, "auth_time": null });
    let own = signer.access_token(&said);
    assert!(signer.inspect(&own)["live"].as_str().unwrap().contains("it is the client's own"));
}

#[test]
fn keys_come_from_where_they_are_named() {
    let signer = Signer::new();
    let (token, jwks) = (signer.access_token(&json!({})), signer.jwks());
    let keys = std::fs::read(signer.shell.path(&jwks)).unwrap();
    let elsewhere = Shell::new();
    let unchecked = elsewhere.run(&["token", "inspect", &token, "--json"]).good().json();
    assert_eq!(unchecked["signature"]["verdict"], "unchecked");
    assert!(unchecked["signature"]["words"].as_str().unwrap().contains("--jwks"));
    let file = elsewhere.file("keys.json", keys);
    let checked = elsewhere.run(&["token", "inspect", "--jwks", &file, &token, "--json"]).good().json();
    assert_eq!(checked["signature"]["verdict"], "holds");
    // Nothing listens there: it is still taken apart.
    for words in
        [&["--jwks", "http://127.0.0.1:1/jwks"][..], &["--jwks", "http://far.example/jwks"], &["--fetch"]]
    {
        let foreign = signer.access_token(&json!({ "iss": "http://127.0.0.1:1" }));
        let words = [&["token", "inspect", &foreign, "--json"], words].concat();
        assert_eq!(elsewhere.run(&words).good().json()["signature"]["verdict"], "unchecked");
    }
    for (text, saying) in
        [("{}", "no array named keys"), ("nope", "not a JSON object"), ("{\"keys\":[]}", "no key")]
    {
        let file = elsewhere.file("bad.json", text);
        elsewhere.run(&["token", "inspect", "--jwks", &file, &token]).bad(saying);
    }
    elsewhere.run(&["token", "inspect", "--jwks", "none.json", &token]).bad("none.json");
    assert!(!elsewhere.path("data").exists());
}

#[test]
fn keys_are_fetched_when_that_is_asked_for() {
    let shell = Shell::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let issuer = format!("http://localhost:{port}");
    let server = serving::start(&shell, &[("COUNTERSIGN_ISSUER", &issuer)]);
    let signer = Signer::of(shell);
    let token = signer.access_token(&json!({ "iss": issuer }));
    let elsewhere = Shell::new();
    let jwks = format!("{issuer}/.well-known/jwks.json");
    for source in [&["--fetch"][..], &["--jwks", &jwks]] {
        let words = [&["token", "inspect", &token, "--json"], source].concat();
        assert_eq!(elsewhere.run(&words).good().json()["signature"]["verdict"], "holds", "{source:?}");
    }
    let verify = ["token", "verify", &token, "--jwks", &jwks, "--issuer", &issuer, "--audience", API];
    elsewhere.run(&verify).good();
    elsewhere.run(&["token", "verify", &token, "--jwks", &format!("{issuer}/nothing")]).bad("cannot be had");
    assert_eq!(server.end("-TERM").code, 0);
}

#[test]
fn verifying_says_yes_or_why_not() {
    let signer = Signer::new();
    let (token, jwks) = (signer.access_token(&json!({})), signer.jwks());
    let verify = |token: &str, more: &[&str]| {
        signer.shell.run(&[&["token", "verify", "--jwks", &jwks, token][..], more].concat())
    };
    let full = ["--issuer", ISSUER, "--audience", API, "--access-token"];
    let out = verify(&token, &full).good().out;
    assert!(out.contains("The token passes") && !out.contains("Not compared"), "{out}");
    let loose = verify(&token, &["--json"]).good().json();
    assert_eq!(
        (&loose["valid"], &loose["not_compared"]),
        (&json!(true), &json!(["kind", "issuer", "audience"]))
    );
    // The configured provider's own keys and issuer need no words.
    let own = signer.shell.run(&["token", "verify", &token, "--json"]).good().json();
    assert_eq!(own["not_compared"], json!(["kind", "audience"]));

    verify(&token, &["--issuer", "https://other.example"]).bad("this service trusts");
    verify(&token, &["--audience", "https://other.example"]).bad("audience");
    verify(&token, &["--id-token"]).bad("typ");
    verify(&signer.id_token(), &["--access-token"]).bad("typ");
    verify(&signer.access_token(&json!({ "exp": signer.now - 5 })), &full).bad("expired");
    verify(&signer.access_token(&json!({ "exp": signer.now * 1000 })), &full).bad("milliseconds");
    verify(&signer.access_token(&json!({ "jti": null })), &full).bad("jti is missing");
    verify(&signer.sign("logout+jwt", &json!({ "iss": ISSUER })), &[]).bad("logout token");
    let refused = verify(&token, &["--id-token", "--json"]);
    assert_eq!((refused.code, refused.err.as_str()), (1, ""));
    assert_eq!(refused.json()["valid"], json!(false));
    assert_eq!(verify(&token, &["--id-token", "--access-token"]).code, 2);
    Shell::new().run(&["token", "verify", &token]).bad("--jwks");
}

#[test]
fn rubbish_is_answered_in_words() {
    let signer = Signer::new();
    let part = |value: &str| base64url(value.as_bytes());
    let header = part("{\"alg\":\"ES256\",\"typ\":\"JWT\"}");
    let not_decoded = [
        ("abc".to_owned(), "opaque"),
        ("a.b".to_owned(), "cut off"),
        ("a.b.c".to_owned(), "base64url"),
        ("a.b.c.d.e".to_owned(), "encrypted"),
        ("a b.c.d".to_owned(), "white space"),
        (format!("{header}.{}.", part("{}")), "not signed at all"),
        (format!("{header}.{}.AAAA", part("[]")), "not a JSON object"),
        (format!("{header}.{}.AAAA", part("{\"a\":1,\"a\":2}")), "twice"),
        (format!("{header}.{}.AAAA", part(&"[".repeat(9000))), "not a JSON object"),
        ("\u{1b}[31m.\u{202e}.x".to_owned(), "base64url"),
        ("a".repeat(20_000), "16384"),
    ];
    for (token, saying) in &not_decoded {
        for word in ["inspect", "verify"] {
            signer.shell.run(&["token", word, token]).bad(saying);
        }
    }
    signer.shell.feed(&["token", "inspect"], "").bad("no token");
    signer.shell.feed(&["token", "inspect", "-"], [0xFF; 10]).bad("not text");
    signer.shell.feed(&["token", "inspect", "-"], vec![b'a'; 2_000_000]).bad("1 MiB");
    let decoded = [
        "{}",
        "{\"exp\":1e300}",
        "{\"exp\":-9223372036854775808,\"iat\":9223372036854775807}",
        "{\"exp\":\"soon\",\"iat\":null,\"nbf\":[],\"auth_time\":1.5}",
        "{\"exp\":253402300800}",
        "{\"iss\":5,\"aud\":[],\"sub\":{}}",
        "{\"iss\":\"\u{9b}31m\",\"sub\":\"s\",\"aud\":[\"a\",\"b\"],\"exp\":1,\"iat\":1}",
    ];
    for claims in decoded {
        let token = format!("{header}.{}.AAAA", part(claims));
        let shown = signer.inspect(&token);
        assert_ne!(shown["signature"]["verdict"], "holds", "{claims}");
        let text = signer.shell.run(&["token", "inspect", &token]).good().out;
        assert!(!text.contains('\u{9b}'), "{text}");
    }
}
