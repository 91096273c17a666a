//! How long what is issued lives: the bounds, and the reason for each.

use countersign::protocol::lifetimes::check_access_token;
use time::Duration;

#[test]
fn a_lifetime_outside_its_bounds_is_refused_with_the_reason() {
    let (hour, month) = (Duration::hours(1), Duration::days(30));
    let second = Duration::SECOND;
    for (lifetime, accepts_long, said) in [
        (Duration::ZERO, false, Some("at least 10s: a shorter one expires on its way")),
        (Duration::seconds(9), true, Some("is 9s, and must be at least 10s")),
        (Duration::seconds(10), false, None),
        (hour - second, false, None),
        (hour, false, None),
        (
            hour + second,
            false,
            Some("at most 1h: whoever checks a token by itself accepts it until it expires"),
        ),
        (hour + second, false, Some("accept_long_tokens = true")),
        (hour + second, true, None),
        (month, true, None),
        (month, false, Some("is 30d, and must be at most 1h")),
        (month + second, true, Some("at most 30d: every key has to stay public")),
    ] {
        let fault = check_access_token(lifetime, accepts_long).err().map(|fault| fault.to_string());
        match said {
            None => assert_eq!(fault, None, "{lifetime}"),
            Some(said) => {
                assert!(fault.as_ref().is_some_and(|fault| fault.contains(said)), "{lifetime} {fault:?}");
            }
        }
    }
}
