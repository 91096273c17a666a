//! Who is signed in in one browser: the name of a session for a client, and remembered consents.

use countersign::ids::SessionId;
use countersign::protocol::session::{Account, KnownConsent, sid};
use countersign::secret::Key;
use serde_json::json;
use time::OffsetDateTime;

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
