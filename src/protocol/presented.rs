//! Tokens that clients present to introspection and revocation.

use crate::protocol::cause::Cause;
use crate::protocol::client::Client;

/// Why nothing is told about a presented token, or nothing is done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// By a mistake of the client: it is another kind of token, or another client's.
    Mistaken(Cause),
    /// It is none of ours, or its time is over.
    Over(Cause),
}

impl From<&'static str> for Unusable {
    fn from(cause: &'static str) -> Self {
        Unusable::Over(cause.into())
    }
}

/// Refuses a token that was issued to another client than the one that presents it.
///
/// Spec: RFC 7009 §2.1, RFC 7662 §4
pub fn own(issued_to: &str, client: &Client) -> Result<(), Unusable> {
    if issued_to == client.id {
        return Ok(());
    }
    let cause = Cause::new("the token was issued to another client").with("issued to", issued_to);
    Err(Unusable::Mistaken(cause.mend("present a token by the client that it was issued to")))
}
