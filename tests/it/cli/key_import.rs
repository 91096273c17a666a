//! `countersign keys import`: keys that somebody brings along.
//!
//! Holds `keys/import.rs`.

use countersign::clock::Clock;
use countersign::keys::jose::{KeyPair, thumbprint};
use countersign::keys::key_set::Keys;
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
    let done = shell.run(&["keys", "import", &file, "--json"]);
    assert!(done.err.contains("key 2 was passed over: it is not for signatures"), "{}", done.err);
    let done = done.json();
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
    let snapshot = keys.snapshot.load();
    assert_eq!(snapshot.algorithms(), SigningAlg::ALL);
    for alg in SigningAlg::ALL {
        let token = snapshot.sign(alg, "JWT", &json!({})).unwrap();
        assert_eq!(header(&token.clone().into())["kid"], json!(format!("old/{}", alg.name())));
        snapshot.verify::<Value>(&token).unwrap();
    }
    let served = shell.run(&["keys", "export", "--public"]).good().json();
    let kids: Vec<&str> =
        served["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert!(names.iter().all(|name| kids.contains(&name.as_str())) && kids.len() == names.len(), "{kids:?}");
    let days = db.read_now(signing_keys::list).unwrap().into_iter().find(|key| key.kid == names[6]).unwrap();
    assert_eq!(days.until - days.since, 30 * 86_400);
}

/// One key that cannot be used does not lose the others, and is named.
#[test]
fn of_a_set_what_can_be_used_is_taken_in_and_the_rest_is_named() {
    let shell = Shell::new();
    let (good, _) = private_jwk(ES256, "good");
    let (mut curve, _) = private_jwk(ES256, "curve");
    curve["crv"] = json!("P-384");
    let (mut hidden, _) = private_jwk(RS256, "x");
    hidden["kid"] = json!("a\u{202E}b");
    let (mut late, _) = private_jwk(RS256, "late");
    late["use"] = json!("enc");
    let set = |keys: &[&Value]| json!({ "keys": keys }).to_string();
    let file =
        shell.file("jwks.json", set(&[&json!(7), &curve, &hidden, &late, &good, &json!({ "kty": "oct" })]));
    let done = shell.run(&["keys", "import", &file, "--json"]);
    assert_eq!((done.code, done.json()["imported"].as_array().unwrap().len()), (0, 1), "{}", done.err);
    assert_eq!(done.json()["imported"][0]["kid"], "good");
    for said in [
        "key 1 was passed over: it is no JSON object",
        "key 2 (\"curve\") was passed over: it is neither RSA",
        "U+202E",
        "key 4 (\"late\") was passed over: it is not for signatures",
        "key 6 was passed over",
    ] {
        assert!(done.err.contains(said), "{said}: {}", done.err);
    }
    // The same set once more, with one key more.
    let (more, _) = private_jwk(RS256, "more");
    let file = shell.file("jwks.json", set(&[&good, &more]));
    let done = shell.run(&["keys", "import", &file, "--json"]);
    assert_eq!((done.code, &done.json()["imported"][0]["kid"]), (0, &json!("more")), "{}", done.err);
    assert!(done.err.contains("key \"good\" was passed over: there is a key good already"), "{}", done.err);
    let file = shell.file("jwks.json", set(&[&curve, &late]));
    shell.run(&["keys", "import", &file]).bad("key 1 (\"curve\") was passed over: it is neither RSA");
}

/// As key tools write them: with words before the block, with parameters beside it, with a byte order mark.
#[test]
fn a_pem_file_may_hold_more_than_the_key() {
    let (text, pair) = pem(ES256);
    let kid = thumbprint(&pair.public_jwk);
    let bag = "Bag Attributes\n    friendlyName: signing\nKey Attributes: <No Attributes>\n";
    let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    for (before, after, said) in [
        (bag, "", None),
        ("\u{feff}", "", None),
        ("\u{feff}\r\n", "\r\n", None),
        (parameters, "", Some("\"EC PARAMETERS\" is no key")),
        (bag, certificate, Some("\"CERTIFICATE\" is no key")),
    ] {
        let shell = Shell::new();
        let file = shell.file("key.pem", format!("{before}{text}{after}"));
        let done = shell.run(&["keys", "import", &file, "--json"]);
        assert_eq!(
            (done.code, &done.json()["imported"][0]["kid"]),
            (0, &json!(kid)),
            "{before:?} {}",
            done.err
        );
        assert!(said.is_none_or(|said| done.err.contains(said)), "{said:?} {}", done.err);
    }
    let shell = Shell::new();
    let windows = shell.file("key.pem", text.replace('\n', "\r\n"));
    assert_eq!(shell.run(&["keys", "import", &windows, "--active"]).code, 0);
    let marked = shell.file("key.json", format!("\u{feff}{}", private_jwk(RS256, "marked").0));
    shell.run(&["keys", "import", &marked, "--active"]).good();
    let none = shell.file("none.pem", certificate);
    shell.run(&["keys", "import", &none]).bad("it holds no key");
    let two = shell.file("two.pem", format!("{}{}", pem(ES256).0, pem(RS256).0));
    let done = shell.run(&["keys", "import", &two, "--json"]);
    assert_eq!((done.code, done.json()["imported"].as_array().unwrap().len()), (0, 2), "{}", done.err);
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
