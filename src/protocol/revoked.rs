//! Why a grant was revoked.

/// Why a grant was revoked, before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The code it began with was redeemed twice.
    CodeReplayed,
    /// A refresh token that had been replaced was used.
    TokenReused,
    /// The session it belongs to was ended.
    SignedOut,
    /// The person was disabled.
    PersonDisabled,
    /// The client was disabled.
    ClientDisabled,
    /// The client no longer has to authenticate, and had to when the grant was given.
    ClientPublic,
    /// The client authenticates by a weaker method than when the grant was given.
    ClientWeaker,
    /// The client revoked it.
    ByClient,
    /// An operator revoked it.
    ByOperator,
    /// It was no longer permitted when its first tokens were to be issued.
    NotIssued,
}

impl Why {
    /// Every reason.
    pub const ALL: [Why; 10] = [
        Why::CodeReplayed,
        Why::TokenReused,
        Why::SignedOut,
        Why::PersonDisabled,
        Why::ClientDisabled,
        Why::ClientPublic,
        Why::ClientWeaker,
        Why::ByClient,
        Why::ByOperator,
        Why::NotIssued,
    ];

    /// The text as it is stored, listed and recorded.
    pub fn text(self) -> &'static str {
        match self {
            Why::CodeReplayed => "code_replayed",
            Why::TokenReused => "token_reused",
            Why::SignedOut => "signed_out",
            Why::PersonDisabled => "person_disabled",
            Why::ClientDisabled => "client_disabled",
            Why::ClientPublic => "client_public",
            Why::ClientWeaker => "client_weaker",
            Why::ByClient => "by_client",
            Why::ByOperator => "by_operator",
            Why::NotIssued => "not_issued",
        }
    }

    /// Reads the stored text.
    pub fn from_text(text: &str) -> Option<Why> {
        Why::ALL.into_iter().find(|why| why.text() == text)
    }

    /// The reason for the client's developer.
    pub fn words(self) -> &'static str {
        match self {
            Why::CodeReplayed => "the authorization code it began with was redeemed twice",
            Why::TokenReused => "an earlier refresh token of it was used again",
            Why::SignedOut => "the person signed out",
            Why::PersonDisabled => "the person's account was disabled",
            Why::ClientDisabled => "the client was disabled",
            Why::ClientPublic => "the client no longer authenticates, as it did when the grant was given",
            Why::ClientWeaker => "the client authenticates by a weaker method than when the grant was given",
            Why::ByClient => "the client revoked it",
            Why::ByOperator => "an operator revoked it",
            Why::NotIssued => "it was no longer permitted when its first tokens were to be issued",
        }
    }
}
