//! How long what is issued lives: the bounds, and the reason for each.

use countersign::protocol::client::Metadata;
use countersign::protocol::lifetimes::{Lifetimes, check_access_token};
use countersign::protocol::resource::{Resource, Resources};
use countersign::protocol::scope::Scope;
use countersign::protocol::span::Span;
use time::Duration;

/// One change of the usual lifetimes.
type Change = fn(&mut Lifetimes, Duration);

const SECOND: Duration = Duration::SECOND;

/// Each setting, at its bounds and one second beyond them.
#[test]
fn a_lifetime_outside_its_bounds_is_refused_with_its_name_and_the_reason() {
    let (minute, hour, day) = (Duration::MINUTE, Duration::HOUR, Duration::DAY);
    let idle: Change = |it, span| it.session.idle = span;
    let absolute: Change = |it, span| {
        it.session.absolute = span;
        it.session.idle = span.min(it.session.idle);
    };
    let remembered: Change = |it, span| it.session.remembered = span;
    let code: Change = |it, span| it.code = span;
    let id_token: Change = |it, span| it.id_token = span;
    let access_token: Change = |it, span| it.access_token = span;
    let refresh_idle: Change = |it, span| it.refresh_idle = span;
    let refresh_absolute: Change = |it, span| {
        it.refresh_absolute = span;
        it.refresh_idle = span.min(it.refresh_idle);
    };
    let long: Change = |it, span| {
        it.access_token = span;
        it.refresh_idle = it.refresh_idle.max(span);
        it.accept_long_tokens = true;
    };
    for (name, change, least, why_least, most, why_most) in [
        ("session_idle", idle, minute, "reads a page", day, "session_absolute"),
        ("session_absolute", absolute, 5 * minute, "but sign in", 30 * day, "shared machine"),
        ("stay_signed_in", remembered, day, "session_absolute", 365 * day, "older than a year"),
        ("code", code, 5 * SECOND, "slow application", 60 * SECOND, "FAPI 2.0"),
        ("id_token", id_token, minute, "clocks", hour, "when it arrives"),
        ("access_token", access_token, 10 * SECOND, "expires on its way", hour, "accept_long_tokens = true"),
        ("refresh_idle", refresh_idle, 10 * minute, "has expired", 180 * day, "refresh_absolute"),
        ("refresh_absolute", refresh_absolute, hour, "all the time", 365 * day, "older than a year"),
        ("access_token", long, 10 * SECOND, "expires on its way", 30 * day, "every key has to stay public"),
    ] {
        for (span, refused) in [
            (least - SECOND, Some(why_least)),
            (least, None),
            (least + SECOND, None),
            (most - SECOND, None),
            (most, None),
            (most + SECOND, Some(why_most)),
        ] {
            let mut lifetimes = Lifetimes::default();
            change(&mut lifetimes, span);
            let fault = lifetimes.check().err().map(|(setting, fault)| (setting, fault.to_string()));
            let is_said = |(setting, said): &(&str, String)| {
                *setting == name && refused.is_some_and(|why| said.contains(why))
            };
            assert_eq!(fault.is_some(), refused.is_some(), "{name} {span}: {fault:?}");
            assert!(fault.as_ref().is_none_or(is_said), "{name} {span}: {fault:?}");
        }
    }
    assert_eq!(Lifetimes::default().check(), Ok(()));
    let said = check_access_token(61 * minute, false).unwrap_err().to_string();
    assert!(said.starts_with("is 61m, and must be at most 1h: "), "{said}");
}

/// As long as resources and client allow; who says nothing has the usual one.
#[test]
fn the_shortest_of_what_is_said_about_an_access_token_counts() {
    let resource = |name: &str, lifetime: Option<i64>| Resource {
        uri: format!("https://{name}.example"),
        lifetime: lifetime.map(|minutes| Span(Duration::minutes(minutes))),
        ..Resource::default()
    };
    let resources =
        Resources::new(vec![resource("plain", None), resource("short", Some(2)), resource("long", Some(50))]);
    let (resources, lifetimes) = (resources.unwrap(), Lifetimes::default());
    for (named, client, expected) in [
        (&[][..], None, 10),
        (&[], Some(5), 5),
        (&[], Some(30), 30),
        (&["plain"], Some(30), 30),
        (&["short"], None, 2),
        (&["short"], Some(1), 1),
        (&["short"], Some(30), 2),
        (&["long"], None, 50),
        (&["long"], Some(5), 5),
        (&["long", "plain"], None, 10),
        (&["long", "plain"], Some(30), 30),
        (&["long", "short"], None, 2),
    ] {
        let named: Vec<String> = named.iter().map(|name| format!("https://{name}.example")).collect();
        let target = resources.target("https://id.example", &named, &Scope::parse("openid")).unwrap();
        let client =
            Metadata { access_token_ttl: client.map(|minutes: u32| minutes * 60), ..Metadata::default() };
        let lifetime = lifetimes.access_token(&client, &target);
        assert_eq!(lifetime, Duration::minutes(expected), "{named:?} {client:?}");
    }
    let client = |id_token_ttl| Metadata { id_token_ttl, access_token_ttl: Some(1), ..Metadata::default() };
    assert_eq!(lifetimes.id_token(&client(None)), Duration::minutes(10));
    assert_eq!(lifetimes.id_token(&client(Some(90))), Duration::seconds(90));
}
