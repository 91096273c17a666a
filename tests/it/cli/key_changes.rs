//! `countersign keys rotate`, `revoke`, `export` and `reseal`.

use countersign::keys::instance::InstanceKeys;
use countersign::keys::key_set::Keys;
use countersign::keys::seal;
use countersign::keys::stored_key::PURPOSE;
use countersign::protocol::client::SigningAlg::{self, ES256, RS256};
use countersign::secret::{Key, base64url};
use countersign::store::clients;
use countersign::store::signing_keys::{self};
use data_encoding::BASE64;
use openssl::pkey::PKey;
use serde_json::{Value, json};

use super::key_place::{Place, private_jwk};
use crate::store::trail;
use crate::support::log;

#[test]
fn a_rotation_in_order_waits_until_every_verifier_knows_the_next_key() {
    let place = Place::new();
    let first = place.kid(RS256, "active");
    let asked = place.run(&["keys", "rotate", "--alg", "RS256"]).good().out;
    assert!(asked.contains("has not been made yet") && asked.contains("1 day"), "{asked}");
    place.keys.rotate(&place.db, &place.clock).unwrap();
    let spare = place.kid(RS256, "published");
    assert_eq!(place.signs(RS256), first, "nobody knows the spare yet");
    let asked = place.run(&["keys", "rotate", "--alg", "RS256", "--json"]).good().json();
    assert_eq!(
        (&asked["rotated"][0]["state"], &asked["rotated"][0]["kid"]),
        (&json!("asked"), &json!(spare))
    );
    place.age(86_400);
    assert_eq!(place.signs(RS256), first, "a day, and not the skew");
    place.keys.rotate(&place.db, &place.clock).unwrap();
    assert_eq!(place.signs(RS256), first);
    place.age(400);
    place.keys.rotate(&place.db, &place.clock).unwrap();
    assert_eq!(place.signs(RS256), spare, "a running server lets it take over by itself");
    assert!(
        place.public().contains(&first) && place.stored(RS256, "retiring").unwrap().private_sealed.is_none()
    );
    // The other ring's spare is old enough: the command itself lets it take over.
    let spare = place.kid(ES256, "published");
    let done = place.run(&["keys", "rotate", "--alg", "ES256", "--json"]).good().json();
    assert_eq!((&done["rotated"][0]["state"], &done["rotated"][0]["kid"]), (&json!("done"), &json!(spare)));
    assert_eq!(place.signs(ES256), spare);
    place.run(&["keys", "rotate", "--alg", "PS256"]).bad("no key that signs; `countersign keys list` shows");
    let told = trail(&place.db).join("\n");
    for event in
        ["cli key.rotation.asked", "system key.published", "system key.activated", "system key.retiring"]
    {
        assert!(told.contains(event), "{event}\n{told}");
    }
    let listed = place.run(&["keys", "list"]).good().out;
    for words in ["UNTIL", "signs and is published", "is published, signs no more", "may sign from then on"] {
        assert!(listed.contains(words), "{words}\n{listed}");
    }
}

#[test]
fn in_an_emergency_it_is_said_first_what_it_means() {
    let place = Place::new();
    let first = place.kid(ES256, "active");
    for words in [&["keys", "rotate", "--now"][..], &["keys", "revoke", &first]] {
        let done = place.run(words);
        assert_eq!(done.code, 1);
        assert!(
            done.out.contains("10 min") && done.err.contains("nothing was changed; say --yes"),
            "{}",
            done.out
        );
        assert_eq!(place.signs(ES256), first);
    }
    // Without a spare a new key is made, with one it takes over.
    place.run(&["keys", "rotate", "--now", "--yes", "--alg", "ES256"]).good();
    let second = place.signs(ES256);
    assert!(second != first && place.public().contains(&second));
    place.keys.rotate(&place.db, &place.clock).unwrap();
    let spare = place.kid(ES256, "published");
    place.age(99_999);
    let means = place.run(&["keys", "rotate", "--now", "--alg", "ES256"]).out;
    let thief = format!("has that one too: then first do\n`countersign keys revoke {spare}`");
    assert!(means.contains("every verifier knows it") && means.contains(&thief), "{means}");
    place.run(&["keys", "rotate", "--now", "--yes", "--alg", "ES256"]).good();
    assert_eq!(place.signs(ES256), spare);
    let unclear = place.run(&["keys", "rotate", "--yes"]);
    assert!(unclear.code == 2 && unclear.err.contains("--now"), "{}", unclear.err);
}

#[test]
fn switched_at_once_every_key_that_signed_is_gone_and_its_tokens_are_refused() {
    let place = Place::new();
    place.keys.rotate(&place.db, &place.clock).unwrap();
    let (stolen, spares) = (
        [RS256, ES256].map(|alg| place.kid(alg, "active")),
        [RS256, ES256].map(|alg| place.kid(alg, "published")),
    );
    let sign = |alg| place.keys.snapshot.load().sign(alg, "JWT", &json!({ "iss": "us" })).unwrap();
    let tokens = [RS256, ES256].map(sign);
    let done = place.run(&["keys", "rotate", "--now", "--yes", "--json"]).good().json();
    let revoked = |at: usize, alg: &str| json!({ "alg": alg, "kid": stolen[at], "signs": spares[at] });
    assert_eq!(done["revoked"], json!([revoked(0, "RS256"), revoked(1, "ES256")]));
    assert_eq!([RS256, ES256].map(|alg| place.signs(alg)), spares);
    let (public, told) = (place.public(), trail(&place.db).join("\n"));
    for (kid, token) in stolen.iter().zip(&tokens) {
        assert!(
            !public.contains(kid) && told.contains(&format!("cli key.revoked {kid}")),
            "{public:?}\n{told}"
        );
        assert!(place.keys.snapshot.load().verify::<Value>(token).is_err(), "our own endpoints refuse it");
    }
}

#[test]
fn a_revoked_key_is_gone_at_once_and_never_comes_back() {
    let place = Place::new();
    place.keys.rotate(&place.db, &place.clock).unwrap();
    let (stolen, spare) = (place.kid(RS256, "active"), place.kid(RS256, "published"));
    let token = place.keys.snapshot.load().sign(RS256, "JWT", &json!({ "iss": "us" })).unwrap();
    place.keys.snapshot.load().verify::<Value>(&token).unwrap();
    place.run(&["keys", "revoke", &stolen[..40], "--yes"]).bad(&format!("did you mean {stolen}"));
    let done = place.run(&["keys", "revoke", &stolen, "--yes", "--json"]).good().json();
    assert_eq!(done["revoked"], json!([{ "alg": "RS256", "kid": stolen, "signs": spare }]));
    assert!(!place.public().contains(&stolen));
    assert!(place.keys.snapshot.load().verify::<Value>(&token).is_err(), "our own endpoints refuse it");
    assert_eq!(place.signs(RS256), spare);
    // Without a spare a new one is made in its place.
    place.run(&["keys", "revoke", &spare, "--yes"]).good();
    let third = place.signs(RS256);
    assert!(third != spare && third != stolen);
    // One that does not sign goes as well, and nothing takes its place but a new spare.
    let spare = place.kid(ES256, "published");
    let done = place.run(&["keys", "revoke", &spare, "--yes", "--json"]).good().json();
    assert_eq!(done["revoked"][0]["signs"], Value::Null);
    place.keys.rotate(&place.db, &place.clock).unwrap();
    assert_ne!(place.kid(ES256, "published"), spare);
    place.run(&["keys", "revoke", &stolen, "--yes"]).bad("there is no key");
    // Names are random, and so is what they begin with.
    place.run(&["keys", "revoke", "-Ca", "--yes"]).bad("there is no key");
    assert!(trail(&place.db).iter().any(|line| line.starts_with(&format!("cli key.revoked {stolen}"))));
    for gone in
        place.db.read_now(signing_keys::list_all).unwrap().iter().filter(|key| key.state == "destroyed")
    {
        assert_eq!(gone.private_sealed, None);
        let file = place.shell.file("gone.json", &gone.public_jwk);
        place.run(&["keys", "import", &file]).bad("does not come back");
    }
}

#[test]
fn a_new_instance_key_takes_over() {
    let place = Place::new();
    place.keys.rotate(&place.db, &place.clock).unwrap();
    let client = place.shell.client(&["--id-token-alg", "HS256"]);
    let path = place.shell.path("keys/instance.key");
    let old = std::fs::read_to_string(&path).unwrap();
    let new = base64url(Key::generate().expose());
    std::fs::write(&path, format!("{new}\n{old}")).unwrap();
    let config = place.shell.config();
    let both = || Keys::open(&place.db, &config.instance_key, &config.keys, place.clock.now());
    let before = both().unwrap();
    assert_eq!(before.csrf.expose(), place.keys.csrf.expose(), "nodes agree, whichever they list first");
    let done = place.run(&["keys", "reseal", "--json"]).good().json();
    assert_eq!(done["sealed"], json!(10), "two that sign, two spares, five secrets, one of a client");
    std::fs::write(&path, &new).unwrap();
    let after = both().unwrap();
    assert_eq!(after.snapshot.load().jwks.bytes, before.snapshot.load().jwks.bytes);
    assert_eq!(after.sid.expose(), before.sid.expose());
    assert_eq!(after.pairwise.expose(), before.pairwise.expose());
    let id = client["client_id"].as_str().unwrap();
    let stored = actix_web::rt::System::new().block_on(clients::by_id(&place.db, id)).unwrap().unwrap();
    let opened = after.open_secret(id, stored.secrets.newest().unwrap()).unwrap().unwrap();
    assert_eq!(opened.as_str(), client["client_secret"], "also a secret that has to be known again");
    assert_eq!(after.snapshot.load().algorithms(), SigningAlg::ALWAYS);
    std::fs::write(&path, &old).unwrap();
    let said = both().err().unwrap().to_string();
    assert!(said.contains("bring the right key back"), "{said}");
    place.run(&["keys", "reseal"]).bad("bring the right key back");
    assert!(trail(&place.db).iter().any(|line| line.starts_with("cli key.resealed")));
    // A server that runs through all this goes on with what it has opened.
    place.keys.refresh(&place.db).unwrap();
    assert_eq!(place.keys.snapshot.load().algorithms(), SigningAlg::ALWAYS);
}

/// Whoever reads the files, the log and the terminal learns no private key.
#[test]
fn no_private_key_is_ever_written_down_in_clear() {
    log::start();
    let place = Place::new();
    place.keys.rotate(&place.db, &place.clock).unwrap();
    let (jwk, imported) = private_jwk(RS256, "theirs");
    let file = place.shell.file("key.json", jwk.to_string());
    let mut said = vec![];
    let spare = place.kid(ES256, "published");
    for words in [
        &["keys", "import", &file, "--active"][..],
        &["keys", "import", &file, "--json"],
        &["keys", "list", "--json"],
        &["keys", "export", "--public"],
        &["keys", "rotate", "--json"],
        &["keys", "revoke", &spare, "--yes", "--json"],
        &["keys", "reseal", "--json"],
    ] {
        let done = place.run(words);
        said.push(done.out);
        said.push(done.err);
    }
    place.keys.rotate(&place.db, &place.clock).unwrap();
    let instance = InstanceKeys::read(&place.shell.config().instance_key).unwrap().unwrap();
    let stored = place.db.read_now(signing_keys::list).unwrap();
    let sealed = stored.iter().filter_map(|key| Some((key, key.private_sealed.as_deref()?)));
    let mut private: Vec<Vec<u8>> = sealed
        .map(|(key, sealed)| seal::open(&instance, PURPOSE, key.kid.as_bytes(), sealed).unwrap())
        .collect();
    assert!(private.len() >= 4);
    private.push(imported.private_der.to_vec());
    let mut written: Vec<Vec<u8>> = said.into_iter().map(String::into_bytes).collect();
    for entry in std::fs::read_dir(place.shell.path("data")).unwrap() {
        written.push(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let mut texts = vec![];
    for der in &private {
        // The end of the encoding is the private number, or its last factors.
        let end = &der[der.len() - 30..];
        texts.extend([base64url(end), BASE64.encode(&der[der.len() / 3 * 3 - 30..der.len() / 3 * 3])]);
        let number = PKey::private_key_from_pkcs8(der).unwrap();
        let number = number.rsa().map(|rsa| rsa.d().to_vec());
        let number = number.unwrap_or_else(|_| end.to_vec());
        texts.push(base64url(&number));
        for place in &written {
            let has = |part: &[u8]| place.windows(part.len()).any(|window| window == part);
            assert!(!has(end) && !has(&number), "in clear");
            assert!(!texts.iter().any(|text| has(text.as_bytes())), "in clear");
        }
    }
    log::assert_without(&texts);
}
