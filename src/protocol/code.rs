//! Redeeming an authorization code.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::ids::GrantId;
use crate::protocol::cause::Cause;
use crate::protocol::grant::Grant;
use crate::protocol::instant::age;
use crate::protocol::params::Params;
use crate::protocol::pkce::CodeChallenge;
use crate::protocol::redirect_uri::Mismatch;
use crate::protocol::refusal::Refusal;
use crate::secret::sha256;

/// How long a code can be redeemed: hard, without skew.
pub const LIFETIME: Duration = Duration::seconds(60);
/// How much longer a code is kept, only to say by how much it came too late.
pub const LATE: Duration = Duration::minutes(10);
/// How long a spent code is recognised, so that its replay revokes what came of it. No access token lives longer.
pub const REMEMBERED: Duration = Duration::hours(1);

/// What a code stands for: the grant, and what its redemption is held to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CodeGrant {
    /// What the tokens are issued from.
    #[serde(rename = "g")]
    pub grant: Grant,
    /// When it was minted.
    #[serde(rename = "o", with = "time::serde::timestamp")]
    pub issued_at: OffsetDateTime,
    /// Exactly as sent to the authorization endpoint.
    #[serde(rename = "r")]
    pub redirect_uri: String,
    /// What the verifier must match.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<CodeChallenge>,
    /// Of the authorization request: for the ID Token that the code is redeemed for, and for no later one.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

/// The one answer for every code that cannot be redeemed; the cause is not for the answer.
///
/// Spec: RFC 6749 §5.2
pub fn refused(cause: impl Into<Cause>) -> Refusal {
    Refusal::new("invalid_grant", "the authorization code is not valid").because(cause)
}

impl CodeGrant {
    /// Checks that it does not come too late, and was not minted in the future. A replay may come whenever it likes: it is one.
    ///
    /// Spec: RFC 6749 §4.1.2
    pub fn check_age(&self, now: OffsetDateTime) -> Result<(), Refusal> {
        let Some(age) = age(self.issued_at, now) else {
            return Err(refused("the code is dated in the future: a clock ran ahead"));
        };
        let late = age - LIFETIME;
        if late.is_negative() {
            return Ok(());
        }
        let cause =
            Cause::new("the code has expired").with("lifetime", format!("{} s", LIFETIME.whole_seconds()));
        let cause = cause.with("too late by", format!("{} s", late.whole_seconds()));
        Err(refused(cause.mend("redeem a code as soon as it arrives")))
    }

    /// Checks that the client redeems what it asked for: same address, and the verifier of its challenge.
    ///
    /// Spec: RFC 6749 §4.1.3, RFC 7636 §4.6, RFC 9700 §4.8.2
    pub fn check(&self, params: &Params) -> Result<(), Refusal> {
        let is_met = |verifier: &str| self.code_challenge.as_ref().is_some_and(|it| it.is_met_by(verifier));
        let is_same = |sent: &str| sent == self.redirect_uri;
        let Err(fault) = judge(params, self.code_challenge.is_some(), is_same, is_met) else { return Ok(()) };
        Err(refused(match (&fault, &self.code_challenge) {
            (Fault::RedirectUriDiffers(sent), _) => {
                let cause = Mismatch::with_expected(&self.redirect_uri, sent).cause("redirect_uri");
                let remedy =
                    Some("send the redirect_uri of the authorization request again, byte for byte".into());
                Cause { what: fault.what().into(), remedy, ..cause }
            }
            (Fault::VerifierDiffers(sent), Some(challenge)) => challenge.explain(sent),
            (Fault::VerifierUnexpected, _) => Cause::new(fault.what())
                .mend("send code_challenge with the authorization request, or no code_verifier now"),
            _ => Cause::new(fault.what()).with("received", params.names()),
        }))
    }

    /// What is kept of this code once it was spent.
    pub fn spent(&self) -> SpentCode {
        SpentCode {
            grant_id: self.grant.id,
            user_id: self.grant.person.user_id.clone(),
            redirect_uri: short_hash(&self.redirect_uri),
            code_challenge: self.code_challenge.as_ref().map(|challenge| short_hash(challenge.as_str())),
        }
    }
}

/// What is kept of a spent code: enough to judge a replay as the first redemption was judged, and to know what to
/// revoke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpentCode {
    /// Names what was issued.
    pub grant_id: GrantId,
    /// The person.
    pub user_id: String,
    redirect_uri: [u8; 16],
    code_challenge: Option<[u8; 16]>,
}

impl SpentCode {
    /// Checks that this replay could have been the first redemption. Any other must not revoke anything: it would be
    /// a way to end other people's sessions.
    ///
    /// Spec: OAuth 2.1 §7.5.2
    pub fn check(&self, params: &Params) -> Result<(), Refusal> {
        let is_met = |verifier: &str| {
            CodeChallenge::of(verifier).map(|made| short_hash(made.as_str())) == self.code_challenge
        };
        let is_same = |sent: &str| short_hash(sent) == self.redirect_uri;
        judge(params, self.code_challenge.is_some(), is_same, is_met).map_err(|fault| {
            let cause = Cause::new(fault.what()).with("received", params.names());
            refused(cause.with("code", "was redeemed before, which ended it"))
        })
    }

    /// As it is stored: short, because many of them are.
    pub fn to_bytes(&self) -> Vec<u8> {
        let challenge = self.code_challenge.as_ref().map_or(&[][..], |challenge| challenge);
        let has_challenge = [u8::from(self.code_challenge.is_some())];
        let person = self.user_id.as_bytes();
        [&has_challenge, self.grant_id.as_bytes().as_slice(), &self.redirect_uri, challenge, person].concat()
    }

    /// Reads what [`SpentCode::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<SpentCode> {
        let (has_challenge, rest) = bytes.split_first()?;
        let (grant_id, rest) = rest.split_first_chunk::<16>()?;
        let (redirect_uri, rest) = rest.split_first_chunk::<16>()?;
        let (code_challenge, person) = match has_challenge {
            0 => (None, rest),
            _ => rest.split_first_chunk::<16>().map(|(challenge, person)| (Some(*challenge), person))?,
        };
        Some(SpentCode {
            grant_id: GrantId::from_bytes(grant_id)?,
            user_id: std::str::from_utf8(person).ok()?.to_owned(),
            redirect_uri: *redirect_uri,
            code_challenge,
        })
    }
}

/// What differs between a redemption and the request that the code was minted for.
enum Fault<'a> {
    RedirectUriMissing,
    RedirectUriDiffers(&'a str),
    VerifierMissing,
    VerifierDiffers(&'a str),
    VerifierUnexpected,
}

impl Fault<'_> {
    fn what(&self) -> &'static str {
        match self {
            Fault::RedirectUriMissing => "redirect_uri is missing",
            Fault::RedirectUriDiffers(_) => "redirect_uri is not the one the code was issued for",
            Fault::VerifierMissing => "code_verifier is missing",
            Fault::VerifierDiffers(_) => "code_verifier does not match the code_challenge of the request",
            Fault::VerifierUnexpected => {
                "code_verifier was sent, but the authorization request had no code_challenge"
            }
        }
    }
}

/// The one rule for a first redemption and for a replay.
fn judge(
    params: &Params,
    has_challenge: bool,
    is_same: impl Fn(&str) -> bool,
    is_met: impl Fn(&str) -> bool,
) -> Result<(), Fault<'_>> {
    match params.get("redirect_uri") {
        Some(sent) if is_same(sent) => (),
        Some(sent) => return Err(Fault::RedirectUriDiffers(sent)),
        // OAuth 2.1 §10.2: PKCE already proves more than repeating the address does.
        None if has_challenge => (),
        None => return Err(Fault::RedirectUriMissing),
    }
    match params.get("code_verifier") {
        Some(_) if !has_challenge => Err(Fault::VerifierUnexpected),
        Some(sent) if !is_met(sent) => Err(Fault::VerifierDiffers(sent)),
        None if has_challenge => Err(Fault::VerifierMissing),
        _ => Ok(()),
    }
}

/// 16 bytes of a hash, to compare with what is sent later.
fn short_hash(text: &str) -> [u8; 16] {
    let hash = sha256(text.as_bytes());
    std::array::from_fn(|at| hash.get(at).copied().unwrap_or_default())
}
