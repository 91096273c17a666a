//! What each key is derived for and each sealed value is sealed for, byte for byte. A purpose that changes makes
//! everything unreadable that an earlier release sealed. The values were computed by another implementation of HKDF
//! (RFC 5869), HMAC (RFC 2104) and AES-256-GCM.

use countersign::db::DbError;
use countersign::ids::{GrantId, RecordId, SessionId};
use countersign::keys::seal::open as unseal;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use serde_json::{Value, json};

use super::{database, given, open};
use crate::store::{Store, execute, lines};
use crate::support::app::TestApp;
use crate::support::noise::noise;
use crate::support::rp::Rp;

/// The bytes 0 to 31.
const INSTANCE_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
/// What the installation's secrets were sealed to: 32 times 0x11, 0x22, 0x33 and 0x88.
const SECRETS: [(&str, &str); 4] = [
    (
        "sid",
        "6a52fe51e8cc19b0a0a1a2a3a4a5a6a7a8a9aaabacadaeaf6481512215d7ec5c5e0b0f9280d9b5aa11dc854d9d11f5812072f9a396e\
         09bc5a7183f5de0e412c7e55f488edd7fa362",
    ),
    (
        "session reference",
        "6a52fe51e8cc19b0a0a1a2a3a4a5a6a7a8a9aaabacadaeaf57b2621126e4df6f6d383ca1b3ea869922efb67eae22c6b21341ca90a5d\
         3a8f6ef829c4818dac4880f8cfd650f47b565",
    ),
    (
        "audit",
        "6a52fe51e8cc19b0a0a1a2a3a4a5a6a7a8a9aaabacadaeaf46a3730037f5ce7e7c292db0a2fb978833fea76fbf33d7a30250db81b4c\
         2b9e7e59dee750d18622ba26705b2825bca3c",
    ),
    (
        "pairwise",
        "6a52fe51e8cc19b0a0a1a2a3a4a5a6a7a8a9aaabacadaeaffd18c8bb8c4e75c5c792960b19402c3388451cd404886c18b9eb603a0f7\
         9025caf371fe6907722ffff7aad7a29f101c6",
    ),
];
/// A person's key, 32 times 0x44, and what it sealed.
const PERSON_KEY: &str = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf46e0619b70b86134c3a76eedbf48ed775652268d79ff6c7b4704788864c92a07f\
                          653fe1c010746559becc8153f187e93";
const DETAIL: &str = "a0a1a2a3a4a5a6a7a8a9aaabacadaeafca3a50cfb54e29380d399acd36b57731399855cbe3a5a134c4150484cd1e75f7ec8\
                      6d6e4d9461b";

#[test]
fn keys_are_derived_from_the_instance_key_as_ever() {
    let Store { db, _folder, .. } = database();
    let keys = open(&db, &given(INSTANCE_KEY)).unwrap();
    let hex = |mac: &[u8]| HEXLOWER.encode(mac);
    for (what, made, expected) in [
        (
            "csrf",
            hex(&keys.csrf.mac(&[b"x"])),
            "bbe2155c182682f1e0e7fb7c357539ec58a94448b86be69a0388c975e1feabb2",
        ),
        (
            "device",
            hex(&keys.device.mac(&[b"x"])),
            "100b67212ce2c5fa8101a72313b8f51b1f43e2b5ec5eceb7975d681f3a612cf9",
        ),
        ("state", hex(&keys.state.tag(&[b"x"])), "bb2208df8d020242cbb107463fa3344b"),
    ] {
        assert_eq!(made, expected, "{what}");
    }
}

#[test]
fn what_rests_in_the_database_opens_as_ever() {
    let Store { db, _folder, .. } = database();
    for (name, sealed) in SECRETS {
        execute(&db, &format!("INSERT INTO secrets (name, sealed) VALUES ('{name}', x'{sealed}')")).unwrap();
    }
    execute(&db, &format!("INSERT INTO person_keys (person, sealed) VALUES ('a-person', x'{PERSON_KEY}')"))
        .unwrap();
    let keys = open(&db, &given(INSTANCE_KEY)).unwrap();
    let sid = HEXLOWER.encode(&keys.sid.mac(&[b"x"]));
    assert_eq!(sid, "5826a4db0cec04ca1e62958a50a51bef5dea733b5810accbea5a38d231c21000");
    let pairwise = HEXLOWER.encode(&keys.pairwise.mac(&[b"x"]));
    assert_eq!(pairwise, "2118ba541c48b574c908bf63a15e6a0c58fe3190a79f8be09d118c31381bbdc2");
    let (record, session) =
        (RecordId::from_bytes(&[0x66; 16]).unwrap(), SessionId::from_bytes(&[0x77; 16]).unwrap());
    let hidden = keys.hide_session(record, session, GrantId::from_bytes(&[0x55; 16]).unwrap());
    assert_eq!(hidden, "k4Yd3eARth3wEc7d5Ga9UDk22JS85HM3YIUr6dGObLw");
    assert_eq!(keys.vault.network("192.0.2.0/24"), "1yZpS-3-IA5Ei1b8bhjmbg");
    assert_eq!(keys.vault.typed("ada"), "vAWXPNVAG_r3q0EOgdG8aQ");
    let detail = HEXLOWER.decode(DETAIL.as_bytes()).unwrap();
    let read =
        db.read_now(|conn| -> Result<_, DbError> { keys.vault.open(conn, "a-person", "an-event", &detail) });
    assert_eq!(read.unwrap().map(Value::Object), Some(json!({ "address": "192.0.2.1" })));
    let rows = lines(&db, "SELECT kid || ' ' || hex(private_sealed) AS line FROM signing_keys");
    assert!(!rows.is_empty());
    for row in rows {
        let (kid, sealed) = row.split_once(' ').unwrap();
        let sealed = HEXUPPER.decode(sealed.as_bytes()).unwrap();
        assert!(unseal(&keys.instance, "signing key", kid.as_bytes(), &sealed).is_ok(), "{kid}");
    }
}

/// The first 16 bytes of a ticket are the browser it is bound to.
fn ticket(sealed: &str) -> ([u8; 16], Vec<u8>) {
    let bytes = BASE64URL_NOPAD.decode(sealed.as_bytes()).unwrap();
    let (binding, sealed) = bytes.split_first_chunk::<16>().unwrap();
    (*binding, sealed.to_vec())
}

/// Pages that are open while the program is replaced go on.
#[actix_web::test]
async fn what_travels_with_a_browser_is_sealed_as_ever() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let metadata = json!({ "first_party": true, "post_logout_redirect_uris": ["https://app.example/bye"] });
    let rp = Rp::new(&app, metadata).await;
    let browser = app.browser();
    let instance = &app.app.keys.instance;
    let opens = |purpose: &str, binding: &[u8], sealed: &[u8]| {
        let plain = unseal(instance, purpose, binding, sealed);
        plain.unwrap_or_else(|why| panic!("{purpose}: {why:?}"))
    };

    let login = browser.get(&rp.authorize(&[])).await.location().unwrap();
    let value = |url: &url::Url, name: &str| {
        url.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned()
    };
    let (binding, sealed) = ticket(&value(&login, "t"));
    opens("authorization request", &binding, &sealed);
    let page = browser.get(login.as_str()).await;
    let fields: Vec<(String, String)> = page.form().fields;
    let token = &fields.iter().find(|(name, _)| name == "ticket").unwrap().1;
    let again = browser.post(&app.at("/login"), &[("ticket", token), ("username", "ada")]).await;
    let tried = BASE64URL_NOPAD.decode(value(&again.location().unwrap(), "tried").as_bytes()).unwrap();
    let tried: Value = serde_json::from_slice(&opens("tried", &binding, &tried)).unwrap();
    assert_eq!(tried, json!({ "username": "ada", "remember": false, "missing": true, "switching": false }));

    let long = browser.get(&rp.authorize(&[("state", Some(&noise(8000)))])).await.location().unwrap();
    let (_, sealed) = ticket(&value(&long, "t"));
    let plain: Value = serde_json::from_slice(&opens("authorization request", &binding, &sealed)).unwrap();
    let handle = plain["p"].as_str().unwrap();
    let parked = app.app.state.tickets.parked(handle, app.clock.now()).await.unwrap().unwrap();
    opens("parked parameters", handle.as_bytes(), &parked);

    rp.sign_in(&browser, "ada", &[]).await;
    let url = app.at("/end_session");
    let query =
        [("client_id", rp.client_id.as_str()), ("post_logout_redirect_uri", "https://app.example/bye")];
    let ask = browser.get(url::Url::parse_with_params(&url, query).unwrap().as_str()).await;
    let fields = ask.form().fields;
    let then = &fields.iter().find(|(name, _)| name == "then").unwrap().1;
    let then = BASE64URL_NOPAD.decode(then.as_bytes()).unwrap();
    let then: Value = serde_json::from_slice(&opens("sign-out", &binding, &then)).unwrap();
    assert_eq!(then, json!({ "name": "Example App", "redirect": "https://app.example/bye" }));
    let posted = browser.post(&url, &query).await.location().unwrap();
    let (binding, sealed) = ticket(&value(&posted, "t"));
    opens("logout request", &binding, &sealed);
    app.finish().await;
}
