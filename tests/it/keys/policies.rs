//! The one policy: what it refuses, and what it says about it.
//!
//! Holds `keys/policy.rs`.

use countersign::keys::policy::{KeyPolicy, KeySettings};
use countersign::protocol::lifetimes::Lifetimes;
use time::Duration;

use super::policy;

fn read(text: &str) -> Result<KeyPolicy, String> {
    let settings: KeySettings = toml::from_str(text).map_err(|error| error.to_string())?;
    KeyPolicy::new(settings, Lifetimes::default().longest_token())
}

#[test]
fn what_contradicts_itself_is_refused_with_words() {
    for (text, said) in [
        ("algorithms = ['ES256']", &["algorithms", "RS256"][..]),
        ("algorithms = ['RS256', 'PS256']", &["algorithms", "ES256"]),
        ("algorithms = ['RS256', 'ES256', 'RS256']", &["algorithms", "twice"]),
        ("algorithms = ['RS256', 'ES256', 'EdDSA', 'Ed25519']", &["algorithms", "twice"]),
        ("algorithms = ['RS256', 'ES256', 'HS256']", &["HS256"]),
        ("rsa_bits = 1024", &["rsa_bits", "2048"]),
        ("rsa_bits = 2047", &["rsa_bits", "2048"]),
        ("jwks_max_age = 0", &["jwks_max_age"]),
        ("jwks_max_age = 86401", &["jwks_max_age", "86400"]),
        ("jwks_max_age = -1", &["jwks_max_age"]),
        // Half a day twice, and not a second for the nodes to learn of it.
        ("jwks_max_age = 43200", &["publish_before", "jwks_max_age", "86416"]),
        ("publish_before = 1200", &["publish_before", "1216"]),
        ("publish_after = 1200", &["publish_after", "600 s", "1216"]),
        ("rotate_every = 3600", &["rotate_every", "86700"]),
        ("skew = 4000000000", &["skew", "ten years"]),
        ("overlap = 1", &["overlap"]),
    ] {
        let refused = read(text).expect_err(text);
        for word in said {
            assert!(refused.contains(word), "{text}\nsaid {refused:?}, not {word}");
        }
    }
    for fine in [
        "",
        "publish_before = 1216",
        "publish_after = 1216",
        "algorithms = ['ES256', 'RS256', 'EdDSA', 'PS256']\nrsa_bits = 4096",
        "algorithms = ['ES256', 'RS256', 'Ed25519']",
        // Down to seconds, so that a rotation can be watched.
        "jwks_max_age = 2\npublish_before = 5\npublish_after = 603\nrotate_every = 6\nretain = 1\nskew = 1",
    ] {
        read(fine).unwrap_or_else(|why| panic!("{fine}: {why}"));
    }
}

#[test]
fn what_holds_when_nothing_is_said() {
    let policy = policy();
    assert_eq!(policy.jwks_max_age, Duration::minutes(10));
    assert_eq!((policy.publish_before, policy.publish_after), (Duration::DAY, Duration::DAY));
    assert_eq!((policy.rotate_every, policy.retain), (Duration::days(90), Duration::days(400)));
    assert_eq!((policy.skew, policy.rsa_bits), (Duration::minutes(5), 2048));
    assert!(policy.refresh() < Duration::seconds(5), "what is done at one node is live on all within 5 s");
}
