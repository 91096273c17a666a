//! The buttons of the page: each sends a request with a good, missing or forged token to the API.

use serde::{Deserialize, Serialize};

/// A button.
pub struct Button {
    /// The value of the form field.
    pub name: &'static str,
    /// The label.
    pub label: &'static str,
    /// The expected statuses; a customer gets the first one.
    pub expected: &'static [u16],
    /// Its group.
    pub group: Group,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) token: TokenSent,
    /// What is being tried.
    pub tries: &'static str,
    /// What the expected answer proves.
    pub lesson: &'static str,
}

/// How a token is forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attack {
    /// Another character in the signature.
    Flip,
    /// Other roles in the claims, under the old signature.
    Role,
    /// `alg: none`.
    AlgNone,
    /// An HMAC whose secret is the public key.
    Hmac,
    /// A valid access token for UserInfo.
    Audience,
    /// A valid ID token.
    IdToken,
    /// A valid signature of another issuer.
    Issuer,
    /// A valid token that has expired.
    Expired,
}

/// The groups of buttons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Ordinary use of the API.
    Use,
    /// A modified token.
    Tamper,
    /// Well-known attacks.
    Attack,
}

/// The token that is sent to the API.
#[derive(Clone, Copy, Debug)]
pub(super) enum TokenSent {
    Good,
    Nothing,
    Forged(Attack),
}

/// Every button, in the order of the page.
pub static BUTTONS: [Button; 12] = [
    Button {
        name: "balances",
        label: "My balances",
        expected: &[200],
        group: Group::Use,
        method: "GET",
        path: "/balances",
        token: TokenSent::Good,
        tries: "The site shows the access token it was given.",
        lesson: "The API checked the token by itself, without asking the provider: signature, issuer, audience, times, \
                 scope. Whose balances these are, it read in sub.",
    },
    Button {
        name: "anonymous",
        label: "Without a token",
        expected: &[401],
        group: Group::Use,
        method: "GET",
        path: "/balances",
        token: TokenSent::Nothing,
        tries: "The same request, with nothing to show.",
        lesson: "The challenge names no error, because nothing was wrong: something was missing. It says where to learn \
                 which provider to ask for a token.",
    },
    Button {
        name: "transfer",
        label: "Transfer money",
        expected: &[403],
        group: Group::Use,
        method: "POST",
        path: "/transfers",
        token: TokenSent::Good,
        tries: "A good token, for something it was not given for.",
        lesson: "Who you are is not in doubt, so it is 403 and not 401. The token carries the scope balances.read; moving \
                 money needs balances.transfer, which this site may not even ask for.",
    },
    Button {
        name: "customers",
        label: "List of customers",
        expected: &[403, 200],
        group: Group::Use,
        method: "GET",
        path: "/customers",
        token: TokenSent::Good,
        tries: "A route for advisors: the role is in the token, signed by the provider.",
        lesson: "The roles in the token decide. Ada is a customer and gets 403; sign in as grace, who is an advisor, and \
                 the same button answers 200.",
    },
    Button {
        name: "flip",
        label: "Flip one character",
        expected: &[401],
        group: Group::Tamper,
        method: "GET",
        path: "/balances",
        token: TokenSent::Forged(Attack::Flip),
        tries: "The good token with one other character in its signature.",
        lesson: "A signature is of exactly these bytes, or of none.",
    },
    Button {
        name: "role",
        label: "Change role to admin",
        expected: &[401],
        group: Group::Tamper,
        method: "GET",
        path: "/customers",
        token: TokenSent::Forged(Attack::Role),
        tries: "Anybody can decode the claims and write others: here roles is now admin, under the old signature.",
        lesson: "The token can be read by everybody and changed by nobody: the signature is of the claims as they were \
                 issued.",
    },
    Button {
        name: "none",
        label: "alg: none",
        expected: &[401],
        group: Group::Attack,
        method: "GET",
        path: "/balances",
        token: TokenSent::Forged(Attack::AlgNone),
        tries: "The header now says that the token needs no signature. Libraries used to believe that.",
        lesson: "The header is the attacker's to write. Which algorithms count is the API's list, and none is not on it.",
    },
    Button {
        name: "hmac",
        label: "HMAC with the public key",
        expected: &[401],
        group: Group::Attack,
        method: "GET",
        path: "/balances",
        token: TokenSent::Forged(Attack::Hmac),
        tries: "The header says HS256, and the shared secret it was signed with is the provider's public key, which \
                everybody has.",
        lesson: "Each key is for one algorithm. A public key is never a shared secret, whatever the header says.",
    },
    Button {
        name: "audience",
        label: "Another audience",
        expected: &[401],
        group: Group::Attack,
        method: "GET",
        path: "/balances",
        token: TokenSent::Forged(Attack::Audience),
        tries: "A genuine access token of yours, in force, signed by the provider: the one for UserInfo.",
        lesson: "It is good, but not for this API. So a service that gets your token cannot use it at the next one.",
    },
    Button {
        name: "id-token",
        label: "The ID token instead",
        expected: &[401],
        group: Group::Attack,
        method: "GET",
        path: "/balances",
        token: TokenSent::Forged(Attack::IdToken),
        tries: "A genuine token, but of another kind: the proof of your sign-in.",
        lesson: "Its typ says what it is. An ID token tells a site who you are; it opens no API.",
    },
    Button {
        name: "issuer",
        label: "Another issuer",
        expected: &[401],
        group: Group::Attack,
        method: "GET",
        path: "/balances",
        token: TokenSent::Forged(Attack::Issuer),
        tries: "The same claims, properly signed, by a provider that was set up for the purpose.",
        lesson: "A signature proves who said it. The API believes one issuer only, and takes keys from no other.",
    },
    Button {
        name: "expired",
        label: "Expired",
        expected: &[401],
        group: Group::Attack,
        method: "GET",
        path: "/balances",
        token: TokenSent::Forged(Attack::Expired),
        tries: "Your token as it would be had it been issued an hour ago: the provider's own key signed it for this demo.",
        lesson: "Everything else about it is right, and time alone makes it worthless. A stolen token is soon one of these.",
    },
];

/// The request and the answer, as they are stored and displayed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    pub(super) call: String,
    /// Method and address.
    pub line: String,
    /// The token, in its parts.
    pub token: Option<Vec<String>>,
    /// The status with its name.
    pub status: String,
    pub(super) code: u16,
    /// `WWW-Authenticate`.
    pub challenge: Option<String>,
    /// The body, indented.
    pub body: String,
}

impl Answer {
    /// The button of this request.
    pub fn call(&self) -> Option<&'static Button> {
        find(&self.call)
    }

    /// Tells whether the status is the expected one.
    pub fn is_expected(&self) -> bool {
        self.call().is_some_and(|call| call.expected.contains(&self.code))
    }

    /// Tells whether the API accepted the request.
    pub fn is_success(&self) -> bool {
        self.code < 300
    }

    /// The cause of a refusal, as the API describes it.
    pub fn cause(&self) -> Option<String> {
        let body: serde_json::Value = serde_json::from_str(&self.body).ok()?;
        let said = body.get("error_description").or_else(|| body.get("message"))?;
        said.as_str().map(str::to_owned)
    }
}

pub(super) fn find(name: &str) -> Option<&'static Button> {
    BUTTONS.iter().find(|call| call.name == name)
}
