//! What the words for keys are tried on: a database with its first keys, and keys of other providers.

use countersign::clock::Clock;
use countersign::db::Db;
use countersign::keys::jose::KeyPair;
use countersign::keys::key_set::Keys;
use countersign::protocol::client::SigningAlg::{self, ES256, EdDSA, PS256, RS256};
use countersign::secret::base64url;
use countersign::store::signing_keys::{self, StoredKey};
use openssl::pkey::PKey;
use serde_json::{Value, json};

use super::{Done, Shell};
use crate::store::execute;
use crate::support::rp::header;

/// A database with its first keys, and what a running server sees of it.
pub(super) struct Place {
    pub(super) shell: Shell,
    pub(super) db: Db,
    pub(super) keys: Keys,
    pub(super) clock: Clock,
}

impl Place {
    pub(super) fn new() -> Place {
        Place::in_shell(Shell::new())
    }

    pub(super) fn in_shell(shell: Shell) -> Place {
        let (config, clock, db) = (shell.config(), Clock::default(), shell.db());
        let keys = Keys::open(&db, &config.instance_key, &config.keys, clock.now()).unwrap();
        Place { shell, db, keys, clock }
    }

    pub(super) fn run(&self, words: &[&str]) -> Done {
        self.shell.run(words)
    }

    pub(super) fn stored(&self, alg: SigningAlg, state: &str) -> Option<StoredKey> {
        let keys = self.db.read_now(signing_keys::list_all).unwrap();
        keys.into_iter().find(|key| key.alg == alg.name() && key.state == state)
    }

    pub(super) fn kid(&self, alg: SigningAlg, state: &str) -> String {
        self.stored(alg, state).unwrap_or_else(|| panic!("no {state} {alg:?}")).kid
    }

    /// As if so many seconds had passed since.
    pub(super) fn age(&self, seconds: i64) {
        let set = format!("UPDATE signing_keys SET since = since - {seconds}, until = until - {seconds}");
        execute(&self.db, &format!("{set} WHERE until > 0")).unwrap();
    }

    /// Who signs, as a running server that has just looked.
    pub(super) fn signs(&self, alg: SigningAlg) -> String {
        self.keys.refresh(&self.db).unwrap();
        let token = self.keys.snapshot.load().sign(alg, "JWT", &json!({})).unwrap();
        header(&token.into())["kid"].as_str().unwrap().to_owned()
    }

    pub(super) fn public(&self) -> Vec<String> {
        let set = self.run(&["keys", "export", "--public"]).good().json();
        self.keys.refresh(&self.db).unwrap();
        let served: Value = serde_json::from_slice(&self.keys.snapshot.load().jwks.bytes).unwrap();
        assert_eq!(set, served, "what is exported is what is served");
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }
}

/// A private JWK, as another provider would hand it over.
pub(super) fn private_jwk(alg: SigningAlg, kid: &str) -> (Value, KeyPair) {
    let pair = KeyPair::generate(alg, 2048).unwrap();
    let key = PKey::private_key_from_pkcs8(&pair.private_der).unwrap();
    let mut jwk = json!(pair.public_jwk);
    let mut put = |name: &str, bytes: Vec<u8>| jwk[name] = json!(base64url(&bytes));
    match alg {
        RS256 | PS256 => {
            let rsa = key.rsa().unwrap();
            put("d", rsa.d().to_vec());
            put("p", rsa.p().unwrap().to_vec());
            put("q", rsa.q().unwrap().to_vec());
            put("dp", rsa.dmp1().unwrap().to_vec());
            put("dq", rsa.dmq1().unwrap().to_vec());
            put("qi", rsa.iqmp().unwrap().to_vec());
        }
        ES256 => put("d", key.ec_key().unwrap().private_key().to_vec_padded(32).unwrap()),
        EdDSA => put("d", key.raw_private_key().unwrap()),
    }
    jwk["kid"] = json!(kid);
    jwk["alg"] = json!(alg.name());
    (jwk, pair)
}
