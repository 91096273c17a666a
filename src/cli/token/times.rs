//! Instants in words.

use serde_json::{Map, Value, json};

use crate::cli::report::rfc3339;
use crate::clock::span;

/// The claims that are instants.
const INSTANTS: [&str; 5] = ["iat", "nbf", "auth_time", "exp", "updated_at"];

/// Every instant of a token: its value, in RFC 3339, and in words.
pub fn of(claims: &Value, now: i64) -> Map<String, Value> {
    let found = INSTANTS.into_iter().filter_map(|name| Some((name, claims.get(name)?)));
    found.map(|(name, value)| (name.to_owned(), instant(name, value, now))).collect()
}

fn instant(name: &str, value: &Value, now: i64) -> Value {
    let Some(seconds) = whole_seconds(value) else {
        return json!({ "value": value, "words": "is no time: it must be a number of seconds since 1970" });
    };
    let time = rfc3339(seconds);
    let words = match &time {
        None => "is beyond every calendar".to_owned(),
        Some(_) if seconds.saturating_sub(now) > FIFTY_YEARS => {
            "is in milliseconds, it seems: it must be seconds".into()
        }
        Some(_) => in_words(name, seconds, now),
    };
    json!({ "value": value, "time": time, "words": words })
}

const FIFTY_YEARS: i64 = 50 * 31_556_952;

fn in_words(name: &str, seconds: i64, now: i64) -> String {
    let apart = span(seconds.saturating_sub(now));
    match (name, seconds > now) {
        ("exp", true) => format!("expires in {apart}"),
        ("exp", false) => format!("expired {apart} ago"),
        ("iat", false) => format!("issued {apart} ago"),
        ("iat", true) => format!("issued {apart} in the future: a clock is wrong"),
        ("nbf", false) => format!("became valid {apart} ago"),
        ("nbf", true) => format!("valid in {apart}, not before"),
        ("auth_time", false) => format!("signed in {apart} ago"),
        (_, false) => format!("{apart} ago"),
        (_, true) => format!("in {apart}"),
    }
}

/// Reads a `NumericDate`: any JSON number between 0 and 2^53; a fraction of a second is left out.
///
/// Spec: RFC 7519 §2
fn whole_seconds(value: &Value) -> Option<i64> {
    const EXACT: i64 = 1 << 53;
    let number = value.as_number()?;
    let seconds = match (number.as_i64(), number.as_f64()) {
        (Some(seconds), _) => seconds,
        (None, Some(float)) if (0.0..9.1e15).contains(&float) => {
            #[expect(clippy::cast_possible_truncation, reason = "within what an i64 holds")]
            let seconds = float as i64;
            seconds
        }
        _ => return None,
    };
    (0..=EXACT).contains(&seconds).then_some(seconds)
}
