//! Proof Key for Code Exchange: only the client that requested a code can redeem it.

use serde::{Deserialize, Serialize};

use crate::protocol::cause::Cause;
use crate::secret::{base64url, same, sha256};

/// The `S256` challenge of an authorization request; no other method exists here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeChallenge(String);

/// Why the PKCE parameters of an authorization request cannot be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeFault {
    /// No challenge, although this client must send one.
    Missing,
    /// `plain`, by name or because the method was left out.
    NotS256,
    /// Not 43 characters of base64url.
    Malformed,
    /// A method without a challenge.
    MethodAlone,
}

impl CodeChallenge {
    /// Reads `code_challenge` and `code_challenge_method`.
    ///
    /// Spec: RFC 7636 §4.3, OAuth 2.1 §4.1.1
    pub fn parse(
        challenge: Option<&str>,
        method: Option<&str>,
        required: bool,
    ) -> Result<Option<CodeChallenge>, ChallengeFault> {
        match (challenge, method) {
            (None, Some(_)) => Err(ChallengeFault::MethodAlone),
            (None, None) if required => Err(ChallengeFault::Missing),
            (None, None) => Ok(None),
            (Some(value), Some("S256")) if is_challenge(value) => Ok(Some(CodeChallenge(value.into()))),
            (Some(_), Some("S256")) => Err(ChallengeFault::Malformed),
            (Some(_), _) => Err(ChallengeFault::NotS256),
        }
    }

    /// Tells whether `verifier` matches this challenge.
    ///
    /// Spec: RFC 7636 §4.6
    pub fn is_met_by(&self, verifier: &str) -> bool {
        CodeChallenge::of(verifier).is_some_and(|made| same(made.0.as_bytes(), self.0.as_bytes()))
    }

    /// The challenge of a verifier; none if the verifier is malformed.
    ///
    /// Spec: RFC 7636 §4.2
    pub fn of(verifier: &str) -> Option<CodeChallenge> {
        is_verifier(verifier).then(|| CodeChallenge(base64url(&sha256(verifier.as_bytes()))))
    }

    /// The challenge as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl CodeChallenge {
    /// Explains why a verifier does not match this challenge. The challenge was sent in an address and
    /// reveals nothing about its verifier.
    pub fn explain(&self, verifier: &str) -> Cause {
        let cause = Cause::new("code_verifier does not match the code_challenge of the request");
        let cause = cause.with("code_challenge", &self.0);
        if verifier == self.0 {
            return cause.with("differs", "the code_challenge itself was sent as code_verifier").mend(
                "send the verifier that the challenge was made from: code_challenge = BASE64URL(SHA256(code_verifier))",
            );
        }
        if self.is_met_by(verifier.trim()) {
            let cause = cause.with("differs", "it would match without the white space around it");
            return cause.mend("take the white space off");
        }
        if !is_verifier(verifier) {
            let form = "it is not 43 to 128 of the characters A-Z a-z 0-9 - . _ ~";
            return cause.with("differs", form).mend("make the verifier as RFC 7636 section 4.1 says");
        }
        cause.with("made of this verifier", base64url(&sha256(verifier.as_bytes()))).mend(
            "keep the verifier from the request until the code is redeemed, one for each request: a second tab, or a \
             new one made on the way back, does not match",
        )
    }
}

fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// Spec: RFC 7636 §4.1
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
}
