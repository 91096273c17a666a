//! Language negotiation: matches the preferred languages with the available ones.

/// The maximum number of languages that are read from one header.
const MOST: usize = 32;

/// The languages of an `Accept-Language` header, in order of preference. Unreadable entries and those of
/// weight zero are left out.
///
/// Spec: RFC 9110 §12.4.2, §12.5.4
pub fn accepted(header: &str) -> Vec<&str> {
    let liked = |entry: &'_ str| -> Option<f32> {
        let Some((_, weight)) = entry.split_once(';') else { return Some(1.0) };
        let digits = weight.trim().strip_prefix("q=").or(weight.trim().strip_prefix("Q="))?;
        let well_formed = digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        digits.parse().ok().filter(|weight| well_formed && *weight > 0.0 && *weight <= 1.0)
    };
    let entries = header.split(',').take(MOST);
    let mut ranges: Vec<(f32, &str)> = entries
        .filter_map(|entry| Some((liked(entry)?, entry.split(';').next().unwrap_or_default().trim())))
        .collect();
    // Entries of equal weight keep their order.
    ranges.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    ranges.into_iter().map(|(_, range)| range).collect()
}

/// The first preferred language that is available, in its more general form if need be: `de` serves `de-AT`.
/// Locales are read as well, whose parts are joined by an underscore (`de_AT`).
///
/// Spec: RFC 4647 §3.4, OpenID Connect Core §3.1.2.1 (`ui_locales`)
pub fn lookup<'w, 's>(wanted: impl IntoIterator<Item = &'w str>, spoken: &[&'s str]) -> Option<&'s str> {
    wanted.into_iter().find_map(|range| {
        let tag = range.replace('_', "-");
        let mut range = tag.as_str();
        loop {
            if let Some(found) = spoken.iter().find(|tag| tag.eq_ignore_ascii_case(range)) {
                return Some(*found);
            }
            let (shorter, _) = range.rsplit_once('-')?;
            // A single letter only introduces the part that was just removed.
            range = match shorter.rsplit_once('-') {
                Some((before, single)) if single.len() == 1 => before,
                _ => shorter,
            };
        }
    })
}
