//! Parsing of inputs: they are lines of text, so that people can read and write seeds.

/// The first `N - 1` lines, then the rest; missing lines are empty.
pub fn lines<const N: usize>(input: &[u8]) -> [&[u8]; N] {
    let mut parts = input.splitn(N, |byte| *byte == b'\n');
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

/// The same as text; `None` when one of them is no UTF-8.
pub fn texts<const N: usize>(input: &[u8]) -> Option<[&str; N]> {
    let lines: [&[u8]; N] = lines(input);
    let mut texts = [""; N];
    for (text, line) in texts.iter_mut().zip(lines) {
        *text = std::str::from_utf8(line).ok()?;
    }
    Some(texts)
}

/// Changes a text as the bytes of `edits` say, three at a time: position, kind, value. A fuzzer cannot guess
/// a text that was sealed or signed, so it changes a valid one.
pub fn edited(text: &str, edits: &[u8]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for edit in edits.chunks_exact(3) {
        let (position, how, with) = (usize::from(edit[0]), edit[1], edit[2]);
        // Positions count from both ends, where headers and signatures are.
        let at = if position < 128 { position } else { bytes.len().saturating_sub(256 - position) };
        match how % 4 {
            _ if at >= bytes.len() => bytes.push(with),
            0 => bytes[at] = with,
            1 => bytes[at] ^= 1 << (with % 8),
            2 => bytes.insert(at, with),
            _ => drop(bytes.remove(at)),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The name, the value and the sorted attributes of a `Set-Cookie` field.
///
/// Spec: RFC 6265 §5.2
pub fn set_cookie(field: &str) -> (&str, &str, Vec<&str>) {
    let mut parts = field.split(';').map(str::trim);
    let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie");
    let mut attributes: Vec<&str> = parts.collect();
    attributes.sort_unstable();
    (name, value, attributes)
}
