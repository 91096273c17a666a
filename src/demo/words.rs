//! Times and spans as people say them.

use time::OffsetDateTime;
use time::macros::format_description;

/// An instant, to the second.
pub(super) fn instant(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    at.format(&format).unwrap_or_else(|_| at.to_string())
}

/// An instant given in epoch seconds, with how far away it is.
pub(super) fn relative(epoch_seconds: i64, now: OffsetDateTime) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp(epoch_seconds).ok()?;
    let away = epoch_seconds - now.unix_timestamp();
    let distance = match away {
        0 => "now".to_owned(),
        1.. => format!("in {}", span(away)),
        _ => format!("{} ago", span(-away)),
    };
    Some(format!("{}, {distance}", instant(at)))
}

/// A span of seconds in its two largest units.
pub(super) fn span(seconds: i64) -> String {
    const UNITS: [(i64, &str); 4] = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let mut rest = seconds.max(0);
    let mut parts = vec![];
    for (size, name) in UNITS {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            parts.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "0 seconds".into() } else { parts.join(" ") }
}
