//! Who is signed in in one browser: the name of a session for a client, and remembered consents.

use countersign::ids::SessionId;
use countersign::protocol::session::{Account, KnownConsent, SessionPolicy, sid};
use countersign::secret::Key;
use serde_json::json;
use time::{Duration, OffsetDateTime};

/// One session has another `sid` for each client, and none tells the session's own identifier.
#[test]
fn a_sid_is_stable_for_its_client_and_cannot_be_linked() {
    let key = Key::new([7; 32]);
    let session = SessionId::from_bytes(&[1; 16]).unwrap();
    let other = SessionId::from_bytes(&[2; 16]).unwrap();
    let app = sid(&key, session, "app");
    assert_eq!((app.len(), sid(&key, session, "app")), (22, app.clone()));
    for different in
        [sid(&key, session, "site"), sid(&key, other, "app"), sid(&Key::new([8; 32]), session, "app")]
    {
        assert_ne!(different, app);
    }
}

#[test]
fn an_account_remembers_one_consent_for_each_client_and_how_the_person_signed_in() {
    let stored = json!({ "s": SessionId::from_bytes(&[1; 16]).unwrap(), "u": "ada", "t": 1, "c": "1",
        "m": ["pwd"], "e": 2 });
    let mut account: Account = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!((account.amr.as_slice(), account.consent("app")), (&["pwd".to_owned()][..], None));
    assert_eq!(serde_json::to_value(&account).unwrap(), stored);
    let known = |client_id: &str, fingerprint: &str| KnownConsent {
        client_id: client_id.into(),
        fingerprint: fingerprint.into(),
        agreed_at: OffsetDateTime::UNIX_EPOCH,
    };
    account.remember_consent(known("app", "one"));
    account.remember_consent(known("site", "two"));
    account.remember_consent(known("app", "three"));
    assert_eq!(account.consent("app"), Some(&known("app", "three")));
    assert_eq!(account.consent("site"), Some(&known("site", "two")));
    assert_eq!(account.consents.len(), 2);
}

/// A session has the end it began with, or an earlier one under a shorter policy, never a later one.
#[test]
fn a_session_ends_by_the_shorter_of_two_policies() {
    let at = |hours| OffsetDateTime::UNIX_EPOCH + Duration::hours(hours);
    let hours = |idle, absolute, remembered| SessionPolicy {
        idle: Duration::hours(idle),
        absolute: Duration::hours(absolute),
        remembered: Duration::hours(remembered),
    };
    for (policy, remembered, ends, used_at, expected) in [
        (hours(8, 24, 720), false, 24, 0, 8),
        (hours(8, 24, 720), false, 24, 20, 24),
        (hours(8, 24, 720), true, 720, 0, 720),
        (hours(8, 12, 720), false, 24, 11, 12),
        (hours(2, 24, 720), false, 24, 11, 13),
        (hours(2, 24, 720), true, 720, 11, 720),
        (hours(8, 24, 100), true, 720, 0, 100),
        (hours(30, 48, 2000), false, 24, 20, 24),
        (hours(30, 48, 2000), true, 720, 20, 720),
    ] {
        let stored = json!({ "s": SessionId::from_bytes(&[1; 16]).unwrap(), "u": "ada", "t": 0, "c": "1", "m": [],
            "e": at(ends).unix_timestamp(), "r": remembered });
        let account: Account = serde_json::from_value(stored).unwrap();
        assert_eq!(policy.end(&account, at(used_at)), at(expected), "{policy:?} {remembered} {used_at}");
    }
}
