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
        return json!({ "value": value, "words": "is no time: it must be a whole number of seconds since 1970" });
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

/// Reads a JSON number without a fraction; anything else is no instant.
fn whole_seconds(value: &Value) -> Option<i64> {
    let number = value.as_number()?;
    match (number.as_i64(), number.as_f64()) {
        (Some(seconds), _) => Some(seconds),
        (None, Some(float)) if float.fract() == 0.0 && float.abs() < 9e15 => {
            #[expect(clippy::cast_possible_truncation, reason = "whole, and within what an i64 holds")]
            let seconds = float as i64;
            Some(seconds)
        }
        _ => None,
    }
}
