//! Requests of devices, on every store: one decision, one redemption, an interval that only grows.
//!
//! Holds `state/device_codes.rs`, `state/limits/user_codes.rs`, `state/limits/budget.rs`.

use countersign::ids::{GrantId, RecordId, SessionId};
use countersign::protocol::device::{Approval, Decision, DeviceRequest};
use countersign::protocol::grant::{Authenticated, Grant};
use countersign::protocol::named_claims::NamedClaims;
use countersign::protocol::scope::Scope;
use countersign::protocol::user_code::UserCode;
use countersign::secret::Token;
use countersign::state::State;
use countersign::state::device_codes::{Codes, Polled};
use countersign::state::kv::Kv;
use futures_util::future::join_all;
use time::{Duration, OffsetDateTime};

use super::contract::{on_every_store, postgres, redis, sqlite};
use super::state;

on_every_store! {
    a_request_is_found_by_both_codes_and_by_no_other
    polling_early_lengthens_the_interval_for_good
    an_approval_is_redeemed_once
    codes_expire_and_are_told_so_for_a_while
    of_twenty_decisions_one_is_recorded
    of_twenty_polls_one_redeems
    devices_of_one_network_or_client_are_bounded
    wrong_codes_are_counted_by_person_and_network
}

const RIVALS: usize = 20;

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(OffsetDateTime::now_utc().unix_timestamp()).unwrap()
}

fn seconds(count: i64) -> Duration {
    Duration::seconds(count)
}

fn request(client_id: &str, asked_at: OffsetDateTime) -> DeviceRequest {
    DeviceRequest {
        client_id: client_id.into(),
        registered_at: OffsetDateTime::UNIX_EPOCH,
        scope: Scope::parse("openid email"),
        resources: vec!["https://api.example".into()],
        asked_at,
        network: "198.51.100.0/24".into(),
        decision: Decision::Pending,
    }
}

fn approved(user_id: &str, now: OffsetDateTime) -> Decision {
    let person = Authenticated {
        user_id: user_id.into(),
        auth_time: now,
        acr: "1".into(),
        amr: vec!["pwd".into()],
        session_id: SessionId::generate(),
    };
    let grant = Grant {
        id: GrantId::generate(),
        scope: Scope::parse("openid"),
        claims: NamedClaims::default(),
        resources: vec![],
        person,
    };
    Decision::Approved(Box::new(Approval { grant, record: RecordId::generate(), given_at: now }))
}

/// A client of the test's own, so that tests on one store do not meet.
fn client() -> String {
    format!("client-{}", Token::generate().expose())
}

async fn mint(state: &State, client_id: &str, now: OffsetDateTime) -> Codes {
    state.device_codes.mint(&request(client_id, now), None, now).await.unwrap().unwrap()
}

async fn poll(state: &State, client_id: &str, codes: &Codes, now: OffsetDateTime) -> String {
    let polled = state.device_codes.poll(client_id, codes.device_code.expose(), now).await.unwrap();
    match polled {
        Polled::Unknown => "unknown".into(),
        Polled::Expired => "expired".into(),
        Polled::SlowDown(interval) => format!("slow down to {interval}"),
        Polled::Pending => "pending".into(),
        Polled::Denied => "denied".into(),
        Polled::Approved(approved) => {
            assert_eq!(approved.0.client_id, client_id);
            approved.1.grant.person.user_id
        }
    }
}

async fn a_request_is_found_by_both_codes_and_by_no_other(kv: Kv) {
    let (state, app, now) = (state(&kv), client(), now());
    let codes = mint(&state, &app, now).await;
    assert!(codes.device_code.expose().len() >= 43, "256 bits");
    let found = state.device_codes.find(&codes.user_code, now).await.unwrap().unwrap();
    assert_eq!((found.client_id.as_str(), found.scope.to_string().as_str()), (app.as_str(), "email openid"));
    assert_eq!((found.asked_at, found.network.as_str()), (now, "198.51.100.0/24"));
    assert!(found.is_pending(now));
    let other = UserCode::parse("ZZZZ-ZZZZ").unwrap();
    assert!(state.device_codes.find(&other, now).await.unwrap().is_none());
    // Another client finds nothing, and changes nothing.
    assert_eq!(poll(&state, "other", &codes, now).await, "unknown");
    assert_eq!(poll(&state, &app, &codes, now).await, "pending");
    let second = mint(&state, &app, now).await;
    assert_ne!(second.user_code, codes.user_code);
    let mixed = Codes { device_code: Token::generate(), user_code: codes.user_code.clone() };
    assert_eq!(poll(&state, &app, &mixed, now).await, "unknown");
}

async fn polling_early_lengthens_the_interval_for_good(kv: Kv) {
    let (state, app, now) = (state(&kv), client(), now());
    let codes = mint(&state, &app, now).await;
    for (at, expected) in [
        (0, "pending"),
        (4, "slow down to 10"),
        (13, "slow down to 15"),
        (28, "pending"),
        (42, "slow down to 20"),
        (62, "pending"),
        (83, "pending"),
    ] {
        assert_eq!(poll(&state, &app, &codes, now + seconds(at)).await, expected, "after {at} s");
    }
}

async fn an_approval_is_redeemed_once(kv: Kv) {
    let (state, app, now) = (state(&kv), client(), now());
    let codes = mint(&state, &app, now).await;
    let code = &codes.user_code;
    assert_eq!(poll(&state, &app, &codes, now).await, "pending");
    assert!(state.device_codes.decide(code, approved("ada", now), now).await.unwrap());
    // Whoever comes later decides nothing.
    assert!(!state.device_codes.decide(code, Decision::Denied, now).await.unwrap());
    assert!(!state.device_codes.decide(code, approved("eve", now), now).await.unwrap());
    assert_eq!(poll(&state, &app, &codes, now + seconds(4)).await, "slow down to 10");
    assert_eq!(poll(&state, &app, &codes, now + seconds(14)).await, "ada");
    assert_eq!(poll(&state, &app, &codes, now + seconds(24)).await, "unknown");
    let found = state.device_codes.find(code, now + seconds(24)).await.unwrap().unwrap();
    assert!(!found.is_pending(now), "it stays decided");

    let codes = mint(&state, &app, now).await;
    assert!(state.device_codes.decide(&codes.user_code, Decision::Denied, now).await.unwrap());
    assert!(!state.device_codes.decide(&codes.user_code, approved("ada", now), now).await.unwrap());
    assert_eq!(poll(&state, &app, &codes, now).await, "denied");
    assert_eq!(poll(&state, &app, &codes, now + seconds(5)).await, "denied");
}

async fn codes_expire_and_are_told_so_for_a_while(kv: Kv) {
    let (state, app, now) = (state(&kv), client(), now());
    for (at, polled, decided) in [
        (599, "pending", true),
        (600, "expired", false),
        (601, "expired", false),
        (1199, "expired", false),
        (1200, "unknown", false),
    ] {
        let codes = mint(&state, &app, now).await;
        let then = now + seconds(at);
        assert_eq!(poll(&state, &app, &codes, then).await, polled, "after {at} s");
        let is_recorded =
            state.device_codes.decide(&codes.user_code, approved("ada", then), then).await.unwrap();
        assert_eq!(is_recorded, decided, "after {at} s");
    }
    // Approved in time, polled too late.
    let codes = mint(&state, &app, now).await;
    assert!(state.device_codes.decide(&codes.user_code, approved("ada", now), now).await.unwrap());
    assert_eq!(poll(&state, &app, &codes, now + seconds(600)).await, "expired");
}

/// Two nodes: each has its own drawers on the one store.
async fn of_twenty_decisions_one_is_recorded(kv: Kv) {
    let (nodes, app, now) = ([state(&kv), state(&kv)], client(), now());
    for _ in 0..3 {
        let codes = mint(&nodes[0], &app, now).await;
        let rivals = (0..RIVALS).map(|rival| {
            let (node, code) = (&nodes[rival % 2], &codes.user_code);
            let decision =
                if rival % 3 == 0 { Decision::Denied } else { approved(&format!("person-{rival}"), now) };
            async move { node.device_codes.decide(code, decision, now).await.unwrap() }
        });
        let recorded = join_all(rivals).await;
        let winners: Vec<usize> = (0..RIVALS).filter(|rival| recorded[*rival]).collect();
        let [winner] = winners[..] else { panic!("{} decided", winners.len()) };
        let expected = if winner % 3 == 0 { "denied".into() } else { format!("person-{winner}") };
        assert_eq!(poll(&nodes[1], &app, &codes, now).await, expected);
    }
}

async fn of_twenty_polls_one_redeems(kv: Kv) {
    let (nodes, app, now) = ([state(&kv), state(&kv)], client(), now());
    for _ in 0..3 {
        let codes = mint(&nodes[0], &app, now).await;
        assert!(nodes[1].device_codes.decide(&codes.user_code, approved("ada", now), now).await.unwrap());
        let polled = join_all((0..RIVALS).map(|rival| poll(&nodes[rival % 2], &app, &codes, now))).await;
        let redeemed = polled.iter().filter(|polled| *polled == "ada").count();
        assert_eq!(redeemed, 1, "{polled:?}");
        assert!(polled.iter().all(|polled| polled == "ada" || polled == "unknown"), "{polled:?}");
    }
    // Before the decision: one is in time, and all others make the interval longer.
    let codes = mint(&nodes[0], &app, now).await;
    let polled = join_all((0..RIVALS).map(|rival| poll(&nodes[rival % 2], &app, &codes, now))).await;
    assert_eq!(polled.iter().filter(|polled| *polled == "pending").count(), 1, "{polled:?}");
    assert_eq!(poll(&nodes[0], &app, &codes, now + seconds(9)).await.split(' ').next(), Some("slow"));
}

async fn devices_of_one_network_or_client_are_bounded(kv: Kv) {
    let (state, app, now) = (state(&kv), client(), now());
    let site = format!("{} of a test", Token::generate().expose());
    let ask = async |site: Option<&str>, now| {
        state.device_codes.mint(&request(&app, now), site, now).await.unwrap().map(|_| ())
    };
    for _ in 0..200 {
        ask(Some(&site), now).await.unwrap();
    }
    let full = ask(Some(&site), now).await.unwrap_err();
    assert_eq!(full.budget, "devices of a network");
    let ends = now + Duration::minutes(20);
    assert!(full.until >= ends && full.until < ends + Duration::MINUTE, "{}", full.until);
    // Another network, and a client that has authenticated, are not held up; afterwards there is room again.
    ask(Some("another network"), now).await.unwrap();
    ask(None, now).await.unwrap();
    assert!(ask(Some(&site), full.until - seconds(1)).await.is_err());
    ask(Some(&site), full.until).await.unwrap();
}

async fn wrong_codes_are_counted_by_person_and_network(kv: Kv) {
    let (limits, now) = (state(&kv).user_code_limits, now());
    let [ada, eve, network] = [client(), client(), client()];
    for _ in 0..3 {
        // What was right counts for nothing.
        let right = limits.admit(&ada, &network, now).await.unwrap().unwrap_or_else(|_| panic!("held off"));
        limits.forgive(&right).await.unwrap();
    }
    for _ in 0..5 {
        assert!(limits.admit(&ada, &network, now).await.unwrap().is_ok());
    }
    for _ in 0..3 {
        let until = limits.admit(&ada, "another network", now).await.unwrap().err();
        assert_eq!(until, Some(now + Duration::minutes(10)));
    }
    // Her neighbour is not shut out, until the network as a whole has tried too often.
    assert!(limits.admit(&eve, &network, now).await.unwrap().is_ok());
    for _ in 6..50 {
        assert!(limits.admit(&client(), &network, now).await.unwrap().is_ok());
    }
    assert!(limits.admit(&client(), &network, now).await.unwrap().is_err());
    assert!(limits.admit(&ada, &network, now + seconds(599)).await.unwrap().is_err());
    assert!(limits.admit(&ada, &network, now + seconds(600)).await.unwrap().is_ok());
    // Twenty at once are five.
    let grace = client();
    let at_once = join_all((0..RIVALS).map(|_| limits.admit(&grace, "a third network", now))).await;
    let admitted = at_once.into_iter().filter(|admitted| admitted.as_ref().unwrap().is_ok()).count();
    assert!(admitted <= 5, "{admitted}");
}
