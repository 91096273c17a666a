//! The grants beside the code: refreshing, tokens of a machine, and what a service asks about a token.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign::clock::Clock;
use data_encoding::BASE64URL_NOPAD;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::Private;
use openssl::sha::sha256;
use serde_json::{Value, json};

use crate::http::Connection;
use crate::provider::{Client, PEOPLE, Provider, REDIRECT, redeem, run};

/// The API that machines call, declared in the configuration.
pub const RESOURCE: &str =
    "\n[[resource]]\nuri = \"https://api.example\"\nscopes = [\"orders.read\"]\ndefault = true\n";

/// The applications of these grants.
pub struct Tokens {
    /// A public application of the operator's own.
    public: Client,
    /// Its refresh token for each person. Each refresh replaces it.
    families: Vec<Mutex<String>>,
    /// A service with a secret.
    machine: Client,
    /// A service with a key.
    signing: Client,
    key: EcKey<Private>,
    /// The number of assertions so far: no two have one `jti`.
    assertions: AtomicU64,
}

impl Tokens {
    /// Registers the applications; none with a program that has not all of these grants.
    pub fn register(program: &Path, config: &Path) -> Option<Tokens> {
        let help = Command::new(program).args(["client", "add", "--help"]).output().expect("it runs");
        let help = String::from_utf8_lossy(&help.stdout);
        if ["refresh_token", "client_credentials", "--jwks"].iter().any(|word| !help.contains(word)) {
            return None;
        }
        let add =
            |words: &[&str]| Client::of(&run(program, config, &[&["client", "add"], words].concat(), ""));
        let machine = ["--grant-type", "client_credentials", "--scope", "orders.read", "--name"];
        let key = EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap();
        let jwks = config.with_file_name("jwks.json");
        std::fs::write(&jwks, json!({ "keys": [public_jwk(&key)] }).to_string()).expect("a file");
        let signed = ["Signed", "--auth-method", "private_key_jwt", "--jwks", jwks.to_str().unwrap()];
        Some(Tokens {
            public: add(&[
                "--name", "Public", "--public", "--first-party", "--redirect-uri", REDIRECT, "--grant-type",
                "authorization_code", "--grant-type", "refresh_token",
            ]),
            families: vec![],
            machine: add(&[&machine[..], &["Machine"]].concat()),
            signing: add(&[&machine[..], &signed].concat()),
            key,
            assertions: AtomicU64::new(0),
        })
    }

    /// Takes a refresh token for each person, who is signed in.
    pub fn begin_families(&mut self, provider: &Provider) {
        let mut link = Connection::open(provider.port);
        let family = |person| {
            let code = provider.code(&mut link, &self.public, person);
            let tokens = redeem(&mut link, &self.public, &code);
            Mutex::new(text(&tokens, "refresh_token"))
        };
        self.families = (0..PEOPLE).map(family).collect();
    }

    /// Refreshes for an access token without an ID Token.
    pub fn refresh(&self, link: &mut Connection, number: usize) {
        let mut token = self.families[number % PEOPLE].lock().unwrap();
        let body = format!(
            "grant_type=refresh_token&refresh_token={}&scope=profile&client_id={}",
            *token, self.public.id
        );
        *token = text(&tokens(link, "", &body), "refresh_token");
    }

    /// A token of the service that has a secret.
    pub fn with_secret(&self, link: &mut Connection) {
        tokens(link, &self.machine.basic, "grant_type=client_credentials");
    }

    /// A token of the service that has a key.
    pub fn with_key(&self, link: &mut Connection, issuer: &str) {
        let now = Clock::default().now().unix_timestamp();
        let number = self.assertions.fetch_add(1, Ordering::Relaxed);
        let claims = json!({
            "iss": self.signing.id, "sub": self.signing.id, "aud": issuer, "iat": now, "exp": now + 60,
            "jti": format!("{}-{number}", std::process::id()),
        });
        let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(&json!({ "alg": "ES256", "kid": "bench" })), part(&claims));
        let signature = EcdsaSig::sign(&sha256(signed.as_bytes()), &self.key).unwrap();
        let padded = |number: &openssl::bn::BigNumRef| number.to_vec_padded(32).unwrap();
        let signature = BASE64URL_NOPAD.encode(&[padded(signature.r()), padded(signature.s())].concat());
        let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
        let body = format!(
            "grant_type=client_credentials&client_assertion_type={kind}&client_assertion={signed}.{signature}"
        );
        tokens(link, "", &body);
    }
}

/// The tokens of one answer.
fn tokens(link: &mut Connection, headers: &str, body: &str) -> Value {
    let answer = link.post("/token", headers, body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).expect("JSON")
}

fn text(tokens: &Value, name: &str) -> String {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}")).to_owned()
}

/// Spec: RFC 7517 §4, RFC 7518 §6.2.1
fn public_jwk(key: &EcKey<Private>) -> Value {
    let (mut x, mut y, mut context) =
        (BigNum::new().unwrap(), BigNum::new().unwrap(), BigNumContext::new().unwrap());
    key.public_key().affine_coordinates(key.group(), &mut x, &mut y, &mut context).unwrap();
    let part = |number: &BigNum| BASE64URL_NOPAD.encode(&number.to_vec_padded(32).unwrap());
    json!({
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "bench", "x": part(&x), "y": part(&y),
    })
}
