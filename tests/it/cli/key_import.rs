//! `countersign keys import`: keys that somebody brings along.

use countersign::clock::Clock;
use countersign::keys::jose::{KeyPair, thumbprint};
use countersign::keys::opened::Keys;
use countersign::protocol::client::SigningAlg::{self, ES256, RS256};
use countersign::store::signing_keys;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::symm::Cipher;
use serde_json::{Value, json};

use super::Shell;
use super::key_place::{Place, private_jwk};
use crate::support::rp::header;

fn pem(alg: SigningAlg) -> (String, KeyPair) {
    let pair = KeyPair::generate(alg, 2048).unwrap();
    let key = PKey::private_key_from_pkcs8(&pair.private_der).unwrap();
    (String::from_utf8(key.private_key_to_pem_pkcs8().unwrap()).unwrap(), pair)
}

/// Moving here from another provider: its verifiers know its keys by their names.
#[test]
fn keys_of_another_provider_keep_their_names() {
    let shell = Shell::new();
    let toml = "[keys]\nalgorithms = ['RS256', 'ES256', 'PS256', 'EdDSA']";
    shell.file("countersign.toml", toml);
    let mut names = vec![];
    for alg in SigningAlg::ALL {
        let (jwk, pair) = private_jwk(alg, &format!("old/{}", alg.name()));
        let file = shell.file("key.json", jwk.to_string());
        shell.run(&["keys", "import", &file, "--active"]).good();
        shell.run(&["keys", "import", &file]).bad("there is a key old/");
        let public = json!(pair.public_jwk).to_string();
        let file = shell.file("same.json", public);
        shell.run(&["keys", "import", &file, "--kid", "another name"]).bad("there is a key old/");
        names.push(format!("old/{}", alg.name()));
    }
    // What is only verified with: a whole set, and a PEM block.
    let (old, _) = private_jwk(RS256, "2023");
    let enc = json!({ "kty": "RSA", "use": "enc", "n": "x", "e": "AQAB" });
    let public = |jwk: &Value| {
        let kept = ["kty", "n", "e", "kid", "alg", "x", "y", "crv"];
        let members = jwk.as_object().unwrap().iter().filter(|(name, _)| kept.contains(&name.as_str()));
        Value::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect())
    };
    let set = json!({ "keys": [public(&old), enc, public(&private_jwk(ES256, "2024").0)] });
    let file = shell.file("jwks.json", set.to_string());
    let done = shell.run(&["keys", "import", &file, "--json"]).good().json();
    assert_eq!(done["imported"][1], json!({ "kid": "2024", "alg": "ES256", "state": "retiring" }));
    let (text, pair) = pem(RS256);
    let file = shell.file("key.pem", &text);
    let done = shell.run(&["keys", "import", &file, "--days", "30", "--json"]);
    assert!(done.code == 0 && done.err.contains("warning: the key brought no name"), "{}", done.err);
    assert_eq!(done.json()["imported"][0]["kid"], json!(thumbprint(&pair.public_jwk)));
    names.extend(["2023".into(), "2024".into(), thumbprint(&pair.public_jwk)]);

    let config = countersign::config::Config::load(Some(&shell.path("countersign.toml"))).unwrap();
    let (db, source) = (shell.db(), shell.config().instance_key);
    let keys = Keys::open(&db, &source, &config.keys, Clock::default().now()).unwrap();
    let ring = keys.ring.load();
    assert_eq!(ring.algorithms(), SigningAlg::ALL);
    for alg in SigningAlg::ALL {
        let token = ring.sign(alg, "JWT", &json!({})).unwrap();
        assert_eq!(header(&token.clone().into())["kid"], json!(format!("old/{}", alg.name())));
        ring.verify::<Value>(&token).unwrap();
    }
    let served = shell.run(&["keys", "export", "--public"]).good().json();
    let kids: Vec<&str> =
        served["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert!(names.iter().all(|name| kids.contains(&name.as_str())) && kids.len() == names.len(), "{kids:?}");
    let days = db.read_now(signing_keys::list).unwrap().into_iter().find(|key| key.kid == names[6]).unwrap();
    assert_eq!(days.until - days.since, 30 * 86_400);
}

#[test]
fn an_imported_key_replaces_the_one_that_signed() {
    let place = Place::new();
    let first = place.kid(RS256, "active");
    let file = place.shell.file("key.json", private_jwk(RS256, "theirs").0.to_string());
    place.run(&["keys", "import", &file, "--active"]).good();
    assert_eq!(place.signs(RS256), "theirs");
    assert!(place.public().contains(&first));
}

#[test]
fn what_is_no_good_key_is_not_taken_in() {
    let shell = Shell::new();
    let short = Rsa::generate(1024).unwrap();
    let short = String::from_utf8(short.private_key_to_pem().unwrap()).unwrap();
    let locked = Rsa::generate(2048).unwrap();
    let locked = locked.private_key_to_pem_passphrase(Cipher::aes_128_cbc(), b"hunter2").unwrap();
    let (rsa, _) = private_jwk(RS256, "a");
    let (other, _) = private_jwk(RS256, "a");
    let (ec, _) = private_jwk(ES256, "a");
    let with = |jwk: &Value, name: &str, value: Value| {
        let mut jwk = jwk.clone();
        jwk[name] = value;
        jwk.to_string()
    };
    let mut cut = rsa.clone();
    cut.as_object_mut().unwrap().remove("p");
    for (text, more, said) in [
        (String::new(), &[][..], "neither a PEM block nor a JWK"),
        ("hunter2".into(), &[], "neither a PEM block nor a JWK"),
        ("{}".into(), &[], "neither RSA nor on P-256"),
        (
            "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----".into(),
            &[],
            "no private key that can be read",
        ),
        (String::from_utf8(locked).unwrap(), &[], "with a passphrase"),
        (short, &[], "1024 bits is too short"),
        (json!({ "kty": "oct", "k": "aHVudGVyMg" }).to_string(), &[], "neither RSA nor on P-256"),
        (json!({ "keys": [] }).to_string(), &[], "no list of JWKs"),
        (with(&ec, "crv", json!("P-384")), &[], "neither RSA nor on P-256"),
        (with(&ec, "x", ec["y"].clone()), &[], "do not make a key"),
        (with(&ec, "d", json!("AQ")), &[], ""),
        (with(&ec, "alg", json!("RS256")), &[], "not for this kind of key"),
        (with(&rsa, "alg", json!("HS256")), &[], "none we sign with"),
        (with(&rsa, "use", json!("enc")), &[], "not for signatures"),
        (with(&rsa, "d", other["d"].clone()), &[], "no sound"),
        (with(&rsa, "n", other["n"].clone()), &[], "no sound"),
        (with(&rsa, "kid", json!("a\u{202E}b")), &[], "U+202E"),
        (with(&rsa, "kid", json!("")), &[], "1 to 255"),
        (cut.to_string(), &[], "p is missing"),
        (rsa.to_string(), &["--alg", "PS256"], "not for PS256"),
        (with(&rsa, "alg", json!("PS256")), &["--active"], "PS256 is not configured"),
        (with(&rsa, "d", Value::Null), &["--active"], ""),
    ] {
        let file = shell.file("key", &text);
        let words: Vec<&str> = ["keys", "import", &file].into_iter().chain(more.iter().copied()).collect();
        let done = shell.run(&words);
        let said_all = format!("{}{}", done.out, done.err);
        assert!(
            !said_all.contains("hunter2") && !said_all.contains(rsa["d"].as_str().unwrap()),
            "{said_all}"
        );
        done.bad(said);
    }
    assert!(shell.run(&["keys", "list", "--json"]).good().json()["keys"].as_array().unwrap().is_empty());
}
