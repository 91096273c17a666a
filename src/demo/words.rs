//! Instants in words.

use time::OffsetDateTime;
use time::macros::format_description;

use crate::clock::span;

/// An instant, to the second.
pub(super) fn instant(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    at.format(&format).unwrap_or_else(|_| at.to_string())
}

/// An instant given in epoch seconds, with its distance from now.
pub(super) fn relative(epoch_seconds: i64, now: OffsetDateTime) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp(epoch_seconds).ok()?;
    let away = epoch_seconds - now.unix_timestamp();
    let distance = match away {
        0 => "now".to_owned(),
        1.. => format!("in {}", span(away)),
        _ => format!("{} ago", span(away)),
    };
    Some(format!("{}, {distance}", instant(at)))
}
