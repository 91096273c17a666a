//! Browser records that several tabs change at once, on every store.

use countersign::protocol::lifetimes::Lifetimes;
use countersign::protocol::session::SessionPolicy;
use countersign::state::kv::Kv;
use countersign::state::sessions::Authentication;
use time::{Duration, OffsetDateTime};

use super::contract::{on_every_store, postgres, redis, sqlite};
use super::{state, state_for};

on_every_store! {
    a_record_opens_in_its_own_browser
    signing_out_loses_nobody_who_signs_in_beside_it
    no_session_falls_out_of_the_index
    a_shorter_lifetime_counts_for_sessions_that_exist
}

/// The hash of a browser's cookie.
const BROWSER: [u8; 16] = [7; 16];

fn login(user_id: &str) -> Authentication {
    Authentication {
        user_id: user_id.into(),
        browser: BROWSER,
        acr: "1".into(),
        amr: vec![],
        remember: false,
    }
}

/// A session cookie that was planted in another browser opens nothing there, and nothing is begun in its record.
async fn a_record_opens_in_its_own_browser(kv: Kv) {
    let (sessions, now) = (state(&kv).sessions, OffsetDateTime::now_utc());
    let mallory = sessions.begin(None, &login("mallory"), now).await.unwrap();
    for other in [[0; 16], [8; 16]] {
        assert!(sessions.open(&mallory.cookie, &other, now).await.unwrap().is_none());
    }
    let opened = sessions.open(&mallory.cookie, &BROWSER, now).await.unwrap().unwrap();
    let ada = Authentication { browser: [8; 16], ..login("ada") };
    let begun = sessions.begin(Some(&opened), &ada, now).await.unwrap();
    assert_ne!(begun.record, mallory.record);
    assert!(sessions.open(&begun.cookie, &BROWSER, now).await.unwrap().is_none());
    assert_eq!(sessions.open(&begun.cookie, &[8; 16], now).await.unwrap().unwrap().accounts.len(), 1);
    assert_eq!(sessions.open(&mallory.cookie, &BROWSER, now).await.unwrap().unwrap().accounts.len(), 1);
}

/// One tab signs the only account out while another one signs somebody in: whichever comes first, who has
/// signed in is signed in.
async fn signing_out_loses_nobody_who_signs_in_beside_it(kv: Kv) {
    let (sessions, now) = (state(&kv).sessions, OffsetDateTime::now_utc());
    let mut beside = 0;
    for _ in 0..60 {
        let first = sessions.begin(None, &login("ada"), now).await.unwrap();
        let opened = sessions.open(&first.cookie, &BROWSER, now).await.unwrap().unwrap();
        let eve = login("eve");
        let (out, begun) = tokio::join!(sessions.end(&opened, now), sessions.begin(Some(&opened), &eve, now));
        out.unwrap();
        let begun = begun.unwrap();
        beside += usize::from(begun.record == first.record);
        let seen = sessions.open(&begun.cookie, &BROWSER, now).await.unwrap().expect("eve is signed in");
        let seen: Vec<&str> = seen.accounts.iter().map(|account| account.user_id.as_str()).collect();
        assert_eq!(seen, ["eve"]);
        assert!(!sessions.is_live(first.record, first.session_id, now).await.unwrap());
    }
    println!("{beside} of 60 signed in to the record that was about to end");
}

/// Somebody's sessions are ended while that person signs in again beside another account: what has begun
/// nevertheless is found when it is to be ended.
async fn no_session_falls_out_of_the_index(kv: Kv) {
    let (sessions, now) = (state(&kv).sessions, OffsetDateTime::now_utc());
    let (eve, ada) = (login("eve"), login("ada"));
    let mut beside = 0;
    for _ in 0..60 {
        let first = sessions.begin(None, &eve, now).await.unwrap();
        let opened = sessions.open(&first.cookie, &BROWSER, now).await.unwrap().unwrap();
        let second = sessions.begin(Some(&opened), &ada, now).await.unwrap();
        let opened = sessions.open(&second.cookie, &BROWSER, now).await.unwrap().unwrap();
        let (ended, begun) =
            tokio::join!(sessions.end_user("ada", now), sessions.begin(Some(&opened), &ada, now));
        ended.unwrap();
        let begun = begun.unwrap();
        beside += usize::from(sessions.is_live(begun.record, begun.session_id, now).await.unwrap());
        sessions.end_user("ada", now).await.unwrap();
        assert!(!sessions.is_live(begun.record, begun.session_id, now).await.unwrap());
        assert_eq!(sessions.end_user("ada", now).await.unwrap(), [], "nothing is left to be ended");
        assert!(sessions.is_live(first.record, first.session_id, now).await.unwrap(), "eve stays");
    }
    println!("{beside} of 60 were signed in after it");
}

/// One second before each end, at it, and after it: under the policy it began with, and under a shorter one.
async fn a_shorter_lifetime_counts_for_sessions_that_exist(kv: Kv) {
    let now = OffsetDateTime::from_unix_timestamp(OffsetDateTime::now_utc().unix_timestamp()).unwrap();
    let usual = Lifetimes::default();
    let (hours, second) = (|hours| Duration::hours(hours), Duration::SECOND);
    let short = SessionPolicy { idle: hours(2), absolute: hours(6), remembered: hours(48) };
    let shorter = Lifetimes { session: short, ..usual };
    let longer = SessionPolicy { idle: hours(20), absolute: hours(48), remembered: hours(2000) };
    let longer = Lifetimes { session: longer, ..usual };
    for (remember, lifetimes, ends) in [
        (false, &usual, hours(8)),
        (false, &shorter, hours(2)),
        (true, &usual, hours(720)),
        (true, &shorter, hours(48)),
        (true, &longer, hours(720)),
        (false, &longer, hours(20)),
    ] {
        // The store keeps a value for as long as the policy that wrote it says.
        let earlier = if ends > hours(8) && !remember { lifetimes } else { &usual };
        let login = Authentication { remember, ..login("ada") };
        let begun = state_for(&kv, earlier).sessions.begin(None, &login, now).await.unwrap();
        let sessions = state_for(&kv, lifetimes).sessions;
        for (at, is_there) in [(ends - second, true), (ends, false), (ends + second, false)] {
            let opened = sessions.open(&begun.cookie, &BROWSER, now + at).await.unwrap();
            let accounts = opened.map(|session| session.accounts.len()).unwrap_or_default();
            assert_eq!(accounts, usize::from(is_there), "{remember} {at} of {ends}");
            let is_live = sessions.is_live(begun.record, begun.session_id, now + at).await.unwrap();
            assert_eq!(is_live, is_there, "{remember} {at} of {ends}");
        }
    }
    // Used all the time, it ends in all.
    let sessions = state_for(&kv, &shorter).sessions;
    let begun = state(&kv).sessions.begin(None, &login("ada"), now).await.unwrap();
    for minutes in (0..359).step_by(30) {
        let at = now + Duration::minutes(minutes);
        let session = sessions.open(&begun.cookie, &BROWSER, at).await.unwrap().expect("it is used");
        assert!(session.accounts.iter().all(|account| account.ends == now + hours(6)));
        sessions.touch(&session, at).await.unwrap();
    }
    for (at, is_there) in [(hours(6) - second, true), (hours(6), false)] {
        assert_eq!(
            sessions.is_live(begun.record, begun.session_id, now + at).await.unwrap(),
            is_there,
            "{at}"
        );
    }
}
