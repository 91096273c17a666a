//! E-mail addresses: their syntax, and when two addresses are equal.

use url::Host;

use crate::protocol::names::{HiddenCharacter, check_shown, fold};

/// The maximum length of an address, in bytes.
///
/// Spec: RFC 5321 §4.5.3.1
const LONGEST: usize = 320;

/// Folds an address to the form in which addresses are compared: the domain in the form of DNS, the local
/// part without case. Returns none for a text that cannot be an address. Mail is sent to the address as it
/// was typed, never to this form: a mail server may distinguish addresses that are equal here.
///
/// Spec: RFC 5321 §2.4, RFC 5890 §2.3.2.1
pub fn fold_address(typed: &str) -> Option<String> {
    let (local, domain) = split(typed.trim())?;
    let (local, domain) = (fold(local), fold(domain));
    // Folding turns some marks into spaces, and white space around an address is ignored.
    let (local, domain) = (local.trim_start(), domain.trim_end());
    // Folding also turns signs that look like `@` into `@`, which no domain contains.
    if local.is_empty() || domain.is_empty() || domain.contains('@') {
        return None;
    }
    // A percent sign would be decoded as in the host of a URL.
    let named = Host::parse(domain).ok().filter(|_| !domain.contains('%'));
    Some(match named {
        Some(Host::Domain(ascii)) => format!("{local}@{ascii}"),
        _ => format!("{local}@{domain}"),
    })
}

/// Why a text cannot be an e-mail address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// A character of it cannot be seen.
    #[error("an e-mail address {0}")]
    Hidden(#[from] HiddenCharacter),
    /// It has not the form of one.
    #[error("email: {0:?} is no e-mail address")]
    Form(String),
}

/// Refuses what cannot be an address. Whether one works, only mail itself can tell.
pub fn check_address(email: &str) -> Result<(), AddressFault> {
    check_shown(email)?;
    if fold_address(email).is_none() || email.contains(char::is_whitespace) || email.len() > LONGEST {
        return Err(AddressFault::Form(email.to_owned()));
    }
    Ok(())
}

fn split(address: &str) -> Option<(&str, &str)> {
    address.rsplit_once('@').filter(|(local, domain)| !local.is_empty() && !domain.is_empty())
}
