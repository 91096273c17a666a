//! `code_challenge`, `code_challenge_method`: binds the code to the client that requests it.

use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::protocol::params::Params;
use crate::protocol::pkce::{ChallengeFault, CodeChallenge};
use crate::protocol::refusal::Refusal;
use crate::protocol::request::wrong;

/// Reads the challenge; refuses a client that must send one and does not.
///
/// Spec: RFC 7636 §4.3, §4.4.1
pub fn read(params: &Params, client: &Client) -> Result<Option<CodeChallenge>, Refusal> {
    let (challenge, method) = (params.get("code_challenge"), params.get("code_challenge_method"));
    CodeChallenge::parse(challenge, method, client.needs_pkce()).map_err(|fault| {
        let what = description(fault);
        match fault {
            ChallengeFault::Missing => {
                let cause = Cause::new(what).mend(remedy(client));
                Refusal::new("invalid_request", what).because(cause)
            }
            ChallengeFault::NotS256 => wrong(params, "code_challenge_method", "invalid_request", what),
            ChallengeFault::Malformed | ChallengeFault::MethodAlone => {
                wrong(params, "code_challenge", "invalid_request", what)
            }
        }
    })
}

fn description(fault: ChallengeFault) -> &'static str {
    match fault {
        ChallengeFault::Missing => "code_challenge is missing: this client must use PKCE",
        ChallengeFault::NotS256 => "code_challenge_method must be S256",
        ChallengeFault::Malformed => "code_challenge must be 43 characters of base64url",
        ChallengeFault::MethodAlone => "code_challenge_method without code_challenge",
    }
}

/// The remedy for a request without PKCE.
fn remedy(client: &Client) -> &'static str {
    if client.is_public() {
        "send code_challenge with code_challenge_method=S256: a client without a secret cannot do without"
    } else {
        "send code_challenge with code_challenge_method=S256; for an application that cannot: \
         countersign client update ID --no-require-pkce"
    }
}
