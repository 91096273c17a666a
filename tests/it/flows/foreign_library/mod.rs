//! Client libraries of other people through every grant and through the life of its tokens. Each of them knows nothing but
//! the issuer, and checks every ID token that it is given.

mod openidconnect; // the crate

use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use serde_json::{Value, json};

use self::openidconnect::Crate;
use crate::support::app::{API, REDIRECT, TestApp};
use crate::support::foreign::Foreign;
use crate::support::rp::{Rp, VERIFIER, claims};
use crate::support::tv::{Codes, DEVICE, approve};

/// A client library, with the client that it speaks for.
enum Library {
    /// In a process of its own.
    Process(Arc<Mutex<Foreign>>),
    /// In this one.
    Crate(Option<Box<Crate>>),
}

impl Library {
    fn process(foreign: Foreign) -> Library {
        Library::Process(Arc::new(Mutex::new(foreign)))
    }

    /// What becomes of a step: its result, or the OAuth error.
    async fn take(&mut self, step: &str, mut question: Value) -> Result<Value, String> {
        question["step"] = step.into();
        match self {
            Library::Process(foreign) => {
                let foreign = Arc::clone(foreign);
                // Beside the runtime, which runs the other libraries meanwhile.
                let answer = move || foreign.lock().unwrap().answer(&question);
                let answer = actix_web::rt::task::spawn_blocking(answer).await.unwrap();
                let answer: Value = serde_json::from_str(&answer).unwrap();
                answer["bad"].as_str().map_or_else(|| Ok(answer["good"].clone()), |bad| Err(bad.to_owned()))
            }
            Library::Crate(client) if step == "client" => {
                *client = Some(Box::new(Crate::new(&question).await));
                Ok(json!({}))
            }
            Library::Crate(client) => client.as_mut().unwrap().answer(&question).await,
        }
    }

    /// The result of a step that must succeed.
    async fn good(&mut self, step: &str, question: Value) -> Value {
        let asked = question.to_string();
        self.take(step, question).await.unwrap_or_else(|bad| panic!("{step} {asked}: {bad}"))
    }

    /// Speaks for a client from now on.
    async fn is(&mut self, rp: &Rp<'_>, key: Option<&Jwk>) {
        let mut client = json!({ "issuer": rp.app.issuer, "client_id": rp.client_id });
        match key {
            Some(key) => client["key"] = json!(key.as_ref()),
            None if rp.is_public => (),
            None => client["client_secret"] = json!(rp.secret),
        }
        self.good("client", client).await;
    }

    /// The tokens of a sign-in.
    async fn sign_in(&mut self, rp: &Rp<'_>) -> Value {
        let changed = [("scope", Some("openid email offline_access")), ("prompt", Some("consent"))];
        let back = rp.sign_in(&rp.app.browser(), "ada", &changed).await;
        let question = json!({ "callback": back.destination(), "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER, "nonce": "a-nonce", "state": "a-state" });
        self.good("code", question).await
    }

    async fn refresh(&mut self, tokens: &Value) -> Result<Value, String> {
        self.take("refresh", json!({ "tokens": tokens })).await
    }

    /// What introspection says of a token of a kind.
    async fn introspect(&mut self, tokens: &Value, kind: &str) -> Value {
        self.good("introspect", json!({ "token": tokens[kind], "hint": kind })).await
    }

    async fn revoke(&mut self, tokens: &Value, kind: &str) {
        self.good("revoke", json!({ "token": tokens[kind], "hint": kind })).await;
    }
}

fn refused(error: &str) -> Result<Value, String> {
    Err(error.into())
}

/// A client that authenticates: it keeps its refresh token, asks about its tokens, and gives them back one by one.
async fn confidential(library: &mut Library, rp: &Rp<'_>, ada: &str) {
    let tokens = library.sign_in(rp).await;
    let fresh = library.refresh(&tokens).await.unwrap();
    assert_eq!(fresh["refresh_token"], tokens["refresh_token"]);
    assert_ne!(fresh["access_token"], tokens["access_token"]);
    let told = library.introspect(&fresh, "access_token").await;
    assert_eq!(
        (&told["active"], &told["sub"], &told["client_id"]),
        (&json!(true), &json!(ada), &json!(rp.client_id))
    );
    assert_eq!(library.introspect(&fresh, "refresh_token").await["active"], true);
    library.revoke(&fresh, "access_token").await;
    assert_eq!(library.introspect(&fresh, "access_token").await["active"], false);
    assert_eq!(library.introspect(&tokens, "access_token").await["active"], true);
    let again = library.refresh(&tokens).await.unwrap();
    library.revoke(&again, "refresh_token").await;
    assert_eq!(library.introspect(&again, "refresh_token").await["active"], false);
    assert_eq!(library.introspect(&again, "access_token").await["active"], false);
    assert_eq!(library.refresh(&again).await, refused("invalid_grant"));

    let own = json!({ "scope": "balances.read", "resource": API });
    let own = library.good("client_credentials", own).await;
    assert!(own.get("refresh_token").is_none_or(Value::is_null), "{own}");
    assert_eq!(claims(&own["access_token"])["aud"], API);
    let told = library.introspect(&own, "access_token").await;
    assert_eq!((&told["active"], &told["scope"]), (&json!(true), &json!("balances.read")));
}

/// A client without a secret: each use replaces its refresh token, and an answer that was lost is given again.
async fn public(library: &mut Library, rp: &Rp<'_>) {
    let tokens = library.sign_in(rp).await;
    let second = library.refresh(&tokens).await.unwrap();
    assert_ne!(second["refresh_token"], tokens["refresh_token"]);
    let repeated = library.refresh(&tokens).await.unwrap();
    assert_eq!(repeated["refresh_token"], second["refresh_token"]);
    let third = library.refresh(&second).await.unwrap();
    library.revoke(&third, "refresh_token").await;
    assert_eq!(library.refresh(&third).await, refused("invalid_grant"));
}

/// An application on a device, which waits as long as it is told to, and keeps the person signed in.
async fn device(library: &mut Library, rp: &Rp<'_>) {
    let codes = library.good("device", json!({ "scope": "openid offline_access" })).await;
    let text = |name: &str| codes[name].as_str().unwrap().to_owned();
    let shown = Codes { device: text("device"), user: text("user"), link: text("link") };
    assert_eq!(library.take("poll_once", json!({})).await, refused("authorization_pending"));
    approve(&rp.app.browser(), &shown, "ada").await;
    let tokens = library.good("poll", json!({})).await;
    let fresh = library.refresh(&tokens).await.unwrap();
    assert_ne!(fresh["refresh_token"], tokens["refresh_token"]);
}

/// The clients that one library speaks for, one after the other.
async fn every_client(app: &TestApp, mut library: Library, ada: &str) {
    let grants = json!(["authorization_code", "refresh_token", "client_credentials"]);
    let scope = "openid email offline_access balances.read";
    let rp = Rp::new(app, json!({ "grant_types": grants, "scope": scope })).await;
    library.is(&rp, None).await;
    confidential(&mut library, &rp, ada).await;

    let mut key = Jwk::generate_ec_key(EcCurve::P256).unwrap();
    key.set_key_id("a-key");
    key.set_algorithm("ES256");
    key.set_key_use("sig");
    let metadata = json!({ "grant_types": grants, "scope": scope,
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": { "keys": [key.to_public_key().unwrap().as_ref()] } });
    let rp = Rp::new(app, metadata).await;
    library.is(&rp, Some(&key)).await;
    confidential(&mut library, &rp, ada).await;

    let metadata = json!({ "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none", "application_type": "native" });
    let rp = Rp::new(app, metadata).await;
    library.is(&rp, None).await;
    public(&mut library, &rp).await;

    let metadata = json!({ "grant_types": [DEVICE, "refresh_token"], "token_endpoint_auth_method": "none",
        "redirect_uris": [] });
    let rp = Rp::new(app, metadata).await;
    library.is(&rp, None).await;
    device(&mut library, &rp).await;
}

#[actix_web::test]
async fn each_foreign_library_uses_every_grant() {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let libraries = [
        Library::process(Foreign::openid_client_grants()),
        Library::process(Foreign::authlib_grants()),
        Library::Crate(None),
    ];
    join_all(libraries.map(|library| every_client(&app, library, &ada.id))).await;
    app.finish().await;
}
