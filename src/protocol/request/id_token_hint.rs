//! `id_token_hint`: the person that the request is about.

use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::protocol::hint::Hint;
use crate::protocol::refusal::Refusal;

/// Accepts a hint whose signature was verified, if it was issued to this client; returns its subject.
///
/// Spec: OpenID Connect Core §3.1.2.1
pub fn subject(verified: Result<Hint, Cause>, client: &Client) -> Result<String, Refusal> {
    let cause = match verified {
        Ok(hint) if hint.client_id == client.id => return Ok(hint.sub),
        Ok(hint) => Cause::new("id_token_hint is another client's").with("issued to", hint.client_id),
        Err(why) => Cause::new("id_token_hint cannot be accepted").with("why", why),
    };
    Err(Refusal::new("invalid_request", "id_token_hint is not an ID Token of this client").because(cause))
}
