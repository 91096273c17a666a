//! ID Tokens that come back as hints: which are ours, and whose session they speak of.

use countersign::ids::SessionId;
use countersign::protocol::hint::Hint;
use countersign::protocol::session::{Account, sid};
use countersign::protocol::subject::Naming;
use countersign::secret::Key;
use serde_json::json;
use time::{Duration, OffsetDateTime};

const ISSUER: &str = "https://id.example";
const NOW: i64 = 1_900_000_000;

fn accept(typ: Option<&str>, iss: &str, iat: i64, sid: Option<&str>) -> Result<Hint, &'static str> {
    let claims = json!({ "iss": iss, "sub": "ada", "aud": "app", "iat": iat, "sid": sid });
    let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
    Hint::accept(typ, serde_json::from_value(claims).unwrap(), ISSUER, now)
}

#[test]
fn an_id_token_of_ours_is_a_hint_however_old() {
    for (typ, iss, iat, fine) in [
        (None, ISSUER, NOW, true),
        (Some("jwt"), ISSUER, 0, true),
        (None, ISSUER, NOW + 30, true),
        (None, ISSUER, NOW + 31, false),
        (Some("at+jwt"), ISSUER, NOW, false),
        (Some("logout+jwt"), ISSUER, NOW, false),
        (None, "https://other.example", NOW, false),
    ] {
        assert_eq!(accept(typ, iss, iat, None).is_ok(), fine, "{typ:?} {iss} {iat}");
    }
}

#[test]
fn it_speaks_of_one_session_of_its_person() {
    let key = Key::new([7; 32]);
    let (session_id, other) = (SessionId::generate(), SessionId::generate());
    let account = |user_id: &str| Account {
        session_id,
        user_id: user_id.into(),
        auth_time: OffsetDateTime::UNIX_EPOCH,
        acr: "1".into(),
        amr: vec![],
        ends: OffsetDateTime::UNIX_EPOCH + Duration::HOUR,
        remembered: false,
        consents: vec![],
    };
    let own = sid(&key, session_id, "app");
    for (named, user_id, found) in [
        (Some(own.clone()), "ada", true),
        (Some(own), "eve", false),
        (Some(sid(&key, other, "app")), "ada", false),
        (Some(sid(&key, session_id, "another")), "ada", false),
        (None, "ada", false),
    ] {
        let hint = accept(None, ISSUER, NOW, named.as_deref()).unwrap();
        let account = hint.account(&[account(user_id)], &Naming::Public, &key).is_some();
        assert_eq!(account, found, "{named:?} {user_id}");
    }
    // The same by the name that a client with pairwise names knows.
    let naming = Naming::Pairwise { key: Key::new([8; 32]), sector: "app.example".into() };
    let hint = |sub: &str| {
        let sid = sid(&key, session_id, "app");
        let claims = json!({ "iss": ISSUER, "sub": sub, "aud": "app", "iat": NOW, "sid": sid });
        let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
        Hint::accept(None, serde_json::from_value(claims).unwrap(), ISSUER, now).unwrap()
    };
    for (sub, naming, found) in [
        (&*naming.sub("ada"), &naming, true),
        ("ada", &naming, false),
        (&*naming.sub("eve"), &naming, false),
        (&*naming.sub("ada"), &Naming::Public, false),
    ] {
        assert_eq!(hint(sub).account(&[account("ada")], naming, &key).is_some(), found, "{sub} {naming:?}");
    }
}
