//! Spans of time as people write them: `90d`, `12h`, `30m`, `45s`.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::Duration;

/// The longest span: ten years. A longer one is taken for a mistake.
const LONGEST: Duration = Duration::days(3650);

/// Reads a whole number with its unit: `d`, `h`, `m` or `s`. Zero and more than ten years are refused.
pub fn parse(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let unit = match unit {
        "d" => Duration::DAY,
        "h" => Duration::HOUR,
        "m" => Duration::MINUTE,
        "s" => Duration::SECOND,
        _ => return None,
    };
    let seconds = number.parse::<i64>().ok()?.checked_mul(unit.whole_seconds())?;
    Some(Duration::seconds(seconds)).filter(|span| *span > Duration::ZERO && *span <= LONGEST)
}

/// A span in a setting, in the form that [`parse`] reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

/// The span in the largest unit of which it is a whole number.
pub fn text(span: Duration) -> String {
    let seconds = span.whole_seconds();
    let units = [(Duration::DAY, 'd'), (Duration::HOUR, 'h'), (Duration::MINUTE, 'm')];
    let whole = units.into_iter().find(|(unit, _)| seconds % unit.whole_seconds() == 0);
    whole.map_or_else(
        || format!("{seconds}s"),
        |(unit, name)| format!("{}{name}", seconds / unit.whole_seconds()),
    )
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(self.0))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        let said = String::deserialize(deserializer)?;
        parse(&said).map(Span).ok_or_else(|| {
            D::Error::custom(format!(
                "{said:?} must be a whole number of days, hours, minutes or seconds up to ten years, such as \"90d\" or \
                 \"12h\""
            ))
        })
    }
}
