//! Spans of time as people write them: `90d`, `12h`, `30m`, `45s`.

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
