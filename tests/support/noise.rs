//! Text that compression makes no shorter than three quarters.

use countersign::secret::Token;

/// Random characters that need no escaping in an address.
pub fn noise(length: usize) -> String {
    let pieces = std::iter::repeat_with(|| Token::generate().expose().to_owned());
    pieces.take(length / 43 + 1).collect::<String>().split_off(43 - length % 43)
}
