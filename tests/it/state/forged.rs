//! Values that another program wrote into the store, or changed there: treated as absent, on every store.

use countersign::ids::{GrantId, RecordId, SessionId, new_sub};
use countersign::protocol::cause::Cause;
use countersign::protocol::code::{CodeGrant, REMEMBERED};
use countersign::protocol::grant::{Authenticated, Grant};
use countersign::protocol::lifetimes::Lifetimes;
use countersign::protocol::named_claims::NamedClaims;
use countersign::protocol::scope::Scope;
use countersign::protocol::session::KnownConsent;
use countersign::secret::{self, MacKeys, Token, TokenHash, base64url, sha256};
use countersign::state::State;
use countersign::state::failures::Failure;
use countersign::state::kv::{Drawer, Key, Kv, OnceKey, Spend, Until};
use countersign::state::sessions::Authentication;
use countersign::state::tickets::Whose;
use time::{Duration, OffsetDateTime};

use super::contract::{self, on_every_store, postgres, redis, sqlite};
use super::state;

on_every_store! {
    a_session_record_that_was_changed_signs_in_none
    a_session_record_of_another_browser_signs_in_none
    a_code_that_was_changed_is_unknown
    what_was_parked_and_changed_is_absent
    a_forged_list_of_failures_gives_way_to_the_next_failure
    a_forged_mark_gives_way_to_a_new_one
    values_outlive_a_change_of_the_instance_key
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(OffsetDateTime::now_utc().unix_timestamp()).unwrap()
}

fn in_a_while() -> OffsetDateTime {
    now() + Duration::minutes(5)
}

/// Every way to change bytes that keeps some of them.
fn changed(bytes: &[u8]) -> Vec<Vec<u8>> {
    let flipped = (0..bytes.len()).map(|at| {
        let mut changed = bytes.to_vec();
        changed[at] ^= 1;
        changed
    });
    let cut = [0, 1, 15, 16, 17, bytes.len() - 16, bytes.len() - 1].map(|length| bytes[..length].to_vec());
    let moved = [bytes[1..].to_vec(), [bytes, b"\0"].concat(), [b"\0", bytes].concat()];
    flipped.chain(cut).chain(moved).collect()
}

/// The hash of a browser's cookie.
const BROWSER: [u8; 16] = [7; 16];

fn login(user_id: &str) -> Authentication {
    Authentication {
        browser: BROWSER,
        user_id: user_id.into(),
        acr: "1".into(),
        amr: vec![],
        remember: false,
    }
}

/// The key of the record that a session cookie names.
fn record(cookie: &str) -> Key {
    Key::new(Drawer::Session, &cookie[..22])
}

async fn a_session_record_that_was_changed_signs_in_none(kv: Kv) {
    let (sessions, now) = (state(&kv).sessions, now());
    let begun = sessions.begin(None, &login("ada"), now).await.unwrap();
    let key = record(&begun.cookie);
    let stored = kv.get(&key, now).await.unwrap().unwrap();
    for forged in changed(&stored) {
        kv.put(&key, &forged, in_a_while()).await.unwrap();
        assert!(sessions.open(&begun.cookie, &BROWSER, now).await.unwrap().is_none(), "{forged:?}");
        assert!(!sessions.is_live(begun.record, begun.session_id, now).await.unwrap());
    }
    assert_eq!(sessions.end_user("ada", now).await.unwrap(), []);
    kv.put(&key, &stored, in_a_while()).await.unwrap();
    assert!(
        sessions.open(&begun.cookie, &BROWSER, now).await.unwrap().is_some(),
        "as it was, it is good again"
    );
}

/// Who writes a genuine record under another name is still nobody else.
async fn a_session_record_of_another_browser_signs_in_none(kv: Kv) {
    let (sessions, now) = (state(&kv).sessions, now());
    let [ada, eve] = [
        sessions.begin(None, &login("ada"), now).await.unwrap(),
        sessions.begin(None, &login("eve"), now).await.unwrap(),
    ];
    let stored = kv.get(&record(&ada.cookie), now).await.unwrap().unwrap();
    kv.put(&record(&eve.cookie), &stored, in_a_while()).await.unwrap();
    assert!(!sessions.is_live(eve.record, ada.session_id, now).await.unwrap());
    // With the secret of the other record as well.
    let crossed = format!("{}{}", &eve.cookie[..22], &ada.cookie[22..]);
    assert!(sessions.open(&crossed, &BROWSER, now).await.unwrap().is_none());
}

pub fn grant() -> CodeGrant {
    let grant = Grant {
        id: GrantId::generate(),
        scope: Scope::parse("openid"),
        claims: NamedClaims::default(),
        resources: vec![],
        person: Authenticated {
            user_id: new_sub(),
            auth_time: now(),
            acr: "1".into(),
            amr: vec!["pwd".into()],
            session_id: SessionId::generate(),
        },
    };
    CodeGrant {
        grant,
        record: RecordId::generate(),
        agreed_at: now(),
        issued_at: now(),
        redirect_uri: "https://app.example/cb".into(),
        code_challenge: None,
        nonce: None,
    }
}

async fn a_code_that_was_changed_is_unknown(kv: Kv) {
    let (codes, now) = (state(&kv).codes, now());
    let code = codes.mint("app", &grant(), now).await.unwrap();
    let key = |client: &str| {
        let until = Until::of(now + Lifetimes::default().code + REMEMBERED);
        OnceKey::new(
            Drawer::Code,
            until,
            &sha256(&[client.as_bytes(), &[0], code.expose().as_bytes()].concat()),
        )
    };
    let spend = async |client: &str| codes.spend(client, code.expose(), now).await.unwrap();
    let put = async |client: &str, whole: &[u8], later: &[u8]| {
        kv.issue(&key(client), whole, later, in_a_while()).await.unwrap();
    };
    assert!(matches!(spend("other").await, Spend::Unknown));
    // As it was stored: what a spender is given, and what is left for those who come later.
    let Spend::Fresh(whole) = contract::spend(&kv, &key("app"), now).await else { panic!("it is there") };
    let Spend::Spent(later) = contract::spend(&kv, &key("app"), now).await else { panic!("it was spent") };
    for forged in changed(&whole).into_iter().chain([later.clone(), vec![]]) {
        put("app", &forged, &later).await;
        assert!(matches!(spend("app").await, Spend::Unknown), "{forged:?}");
        assert!(matches!(spend("app").await, Spend::Spent(_)));
    }
    for forged in changed(&later).into_iter().chain([whole.clone(), vec![]]) {
        put("app", &whole, &forged).await;
        assert!(matches!(spend("app").await, Spend::Fresh(_)));
        assert!(matches!(spend("app").await, Spend::Unknown), "{forged:?}");
    }
    // Moved to where another client would find it.
    put("other", &whole, &later).await;
    assert!(matches!(spend("other").await, Spend::Unknown));
}

async fn what_was_parked_and_changed_is_absent(kv: Kv) {
    let (tickets, now, handle) = (state(&kv).tickets, now(), Token::generate());
    let whose = Whose::Stranger {
        network: Token::generate().expose().into(),
        client_id: Token::generate().expose().into(),
    };
    tickets.park(&handle, b"sealed", &whose, now).await.unwrap().unwrap();
    let key = Key::new(Drawer::ParkedRequest, &base64url(TokenHash::of(handle.expose()).as_bytes()));
    let stored = kv.get(&key, now).await.unwrap().unwrap();
    for forged in changed(&stored) {
        kv.put(&key, &forged, in_a_while()).await.unwrap();
        assert_eq!(tickets.parked(handle.expose(), now).await.unwrap(), None);
    }
    kv.put(&key, &stored, in_a_while()).await.unwrap();
    assert_eq!(tickets.parked(handle.expose(), now).await.unwrap().as_deref(), Some(b"sealed".as_slice()));
}

async fn a_forged_list_of_failures_gives_way_to_the_next_failure(kv: Kv) {
    let (failures, now, client) = (state(&kv).failures, now(), Token::generate());
    let (key, client) = (Key::new(Drawer::ClientFailures, client.expose()), client.expose());
    kv.put(&key, b"[]", in_a_while()).await.unwrap();
    assert!(failures.list(client, now).await.unwrap().is_empty());
    let failure = Failure {
        last: now,
        first: now,
        count: 1,
        endpoint: "/token".into(),
        error: "invalid_grant".into(),
        cause: Cause::new("of a test"),
        request_id: String::new(),
        network: String::new(),
    };
    failures.note(client, failure.clone());
    failures.write_down(now).await.unwrap();
    assert_eq!(failures.list(client, now).await.unwrap(), [failure]);
}

async fn a_forged_mark_gives_way_to_a_new_one(kv: Kv) {
    let (mark, now) = (state(&kv).mark, now());
    kv.put(&Key::new(Drawer::Mark, "mark"), b"a mark of another program", in_a_while()).await.unwrap();
    let found = mark.read(now).await.unwrap();
    assert_eq!(mark.read(now).await.unwrap(), found);
}

/// While several instance keys are listed, what was authenticated with any of them is believed.
async fn values_outlive_a_change_of_the_instance_key(kv: Kv) {
    let now = now();
    let [old, new] = [[1; 32], [2; 32]].map(secret::Key::new);
    let with = |first: &secret::Key, others: &[&secret::Key]| {
        State::new(
            &kv,
            MacKeys::new(first.clone(), others.iter().copied().cloned().collect()),
            &Lifetimes::default(),
        )
        .sessions
    };
    let begun = with(&old, &[]).begin(None, &login("ada"), now).await.unwrap();
    let opens = async |sessions: &countersign::state::sessions::Sessions| {
        sessions.open(&begun.cookie, &BROWSER, now).await.unwrap()
    };
    assert!(opens(&with(&new, &[])).await.is_none());
    assert!(opens(&with(&old, &[&new])).await.is_some());
    let both = with(&new, &[&old]);
    let session = opens(&both).await.expect("the old key is listed");
    let known = KnownConsent { client_id: "app".into(), fingerprint: "fingerprint".into(), agreed_at: now };
    both.remember_consent(session.record, begun.session_id, known, now).await.unwrap();
    assert!(opens(&with(&new, &[])).await.is_some(), "what is written anew has the new key's MAC");
    assert!(opens(&with(&old, &[])).await.is_none());
}

/// Redis also takes what is in no form of ours, or no string at all.
#[actix_web::test]
async fn what_is_no_value_of_ours_in_redis_is_no_failure() {
    let (kv, now) = (redis().kv, now());
    let (sessions, codes) = (state(&kv).sessions, state(&kv).codes);
    let mut direct = ::redis::Client::open(crate::support::redis::url()).unwrap().get_connection().unwrap();
    let begun = sessions.begin(None, &login("ada"), now).await.unwrap();
    let code = codes.mint("app", &grant(), now).await.unwrap();
    let names: Vec<String> = ::redis::cmd("KEYS").arg("[sc]:*").query(&mut direct).unwrap();
    assert_eq!(names.len(), 2, "{names:?}");
    for words in [
        &["SET", "KEY", ""][..],
        &["SET", "KEY", "junk"],
        &["SET", "KEY", "999999999999"],
        &["RPUSH", "KEY", "x"],
    ] {
        for name in &names {
            let _: () = ::redis::cmd("DEL").arg(name).query(&mut direct).unwrap();
            let mut command = ::redis::cmd(words[0]);
            for word in &words[1..] {
                command.arg(word.replace("KEY", name));
            }
            let _: ::redis::Value = command.query(&mut direct).unwrap();
        }
        assert!(sessions.open(&begun.cookie, &BROWSER, now).await.unwrap().is_none(), "{words:?}");
        assert!(sessions.end_one(begun.record, begun.session_id, now).await.is_ok(), "{words:?}");
        let spent = codes.spend("app", code.expose(), now).await.unwrap();
        assert!(matches!(spent, Spend::Unknown), "{words:?} {spent:?}");
    }
    // A counter begins anew.
    let counter = Key::new(Drawer::Probe, "counter");
    let _: () = ::redis::cmd("RPUSH").arg("h:counter").arg("x").query(&mut direct).unwrap();
    assert_eq!(kv.hit(&counter, Duration::minutes(1), now).await.unwrap().count, 1);
}
