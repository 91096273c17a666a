//! Redeeming an authorization code.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::ids::{GrantId, RecordId};
use crate::protocol::cause::Cause;
use crate::protocol::grant::Grant;
use crate::protocol::instant::age;
use crate::protocol::params::Params;
use crate::protocol::pkce::CodeChallenge;
use crate::protocol::redirect_uri::Mismatch;
use crate::protocol::refusal::Refusal;
use crate::secret::sha256;

/// How much longer an expired code is kept, to report how late it came.
pub const LATE: Duration = Duration::minutes(10);
/// How long a spent code is recognised, so that a replay revokes its grant. Few access tokens live longer.
pub const REMEMBERED: Duration = Duration::hours(1);

/// The record of a code: the grant, and the facts that a redemption is checked against.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CodeGrant {
    /// The grant that the tokens are issued from.
    #[serde(rename = "g")]
    pub grant: Grant,
    /// The browser record with the session that it was given from.
    #[serde(rename = "b")]
    pub record: RecordId,
    /// When the person last agreed to the client; when the code was issued, where people are not asked.
    #[serde(rename = "y", with = "time::serde::timestamp")]
    pub agreed_at: OffsetDateTime,
    /// When it was issued.
    #[serde(rename = "o", with = "time::serde::timestamp")]
    pub issued_at: OffsetDateTime,
    /// The `redirect_uri` exactly as sent to the authorization endpoint.
    #[serde(rename = "r")]
    pub redirect_uri: String,
    /// The PKCE challenge.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<CodeChallenge>,
    /// The nonce of the authorization request: for the ID Token of this redemption, and for no later one.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

/// The one error for every code that cannot be redeemed; the cause is not part of the answer.
///
/// Spec: RFC 6749 §5.2
pub fn refused(cause: impl Into<Cause>) -> Refusal {
    Refusal::new("invalid_grant", "the authorization code is not valid").because(cause)
}

impl CodeGrant {
    /// Checks that the code has not outlived this lifetime, without tolerance for clocks that differ, and that it is not
    /// dated in the future. A replay is not checked: it counts at any time.
    ///
    /// Spec: RFC 6749 §4.1.2
    pub fn check_age(&self, lifetime: Duration, now: OffsetDateTime) -> Result<(), Refusal> {
        let Some(age) = age(self.issued_at, now) else {
            return Err(refused("the code is dated in the future: a clock ran ahead"));
        };
        let late = age - lifetime;
        if late.is_negative() {
            return Ok(());
        }
        let cause =
            Cause::new("the code has expired").with("lifetime", format!("{} s", lifetime.whole_seconds()));
        let cause = cause.with("too late by", format!("{} s", late.whole_seconds()));
        Err(refused(cause.mend("redeem a code as soon as it arrives")))
    }

    /// Checks that the redemption matches the authorization request: the same `redirect_uri`, and the
    /// verifier of its challenge.
    ///
    /// Spec: RFC 6749 §4.1.3, RFC 7636 §4.6, RFC 9700 §4.8.2
    pub fn check(&self, params: &Params) -> Result<(), Refusal> {
        let is_met = |verifier: &str| self.code_challenge.as_ref().is_some_and(|it| it.is_met_by(verifier));
        let is_same = |sent: &str| sent == self.redirect_uri;
        let Err(fault) = judge(params, self.code_challenge.is_some(), is_same, is_met) else { return Ok(()) };
        Err(refused(match (&fault, &self.code_challenge) {
            (RedemptionFault::RedirectUriDiffers(sent), _) => {
                let cause = Mismatch::with_expected(&self.redirect_uri, sent).cause("redirect_uri");
                let remedy =
                    Some("send the redirect_uri of the authorization request again, byte for byte".into());
                Cause { what: fault.what().into(), remedy, ..cause }
            }
            (RedemptionFault::VerifierDiffers(sent), Some(challenge)) => challenge.explain(sent),
            (RedemptionFault::VerifierUnexpected, _) => Cause::new(fault.what())
                .mend("send code_challenge with the authorization request, or no code_verifier now"),
            _ => Cause::new(fault.what()).with("received", params.names()),
        }))
    }

    /// The record that is kept of this code after it was spent.
    pub fn spent(&self) -> SpentCode {
        SpentCode {
            grant_id: self.grant.id,
            user_id: self.grant.person.user_id.clone(),
            redirect_uri: short_hash(&self.redirect_uri),
            code_challenge: self.code_challenge.as_ref().map(|challenge| short_hash(challenge.as_str())),
        }
    }
}

/// The record of a spent code: what the check of a replay and the revocation of the grant need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpentCode {
    /// The grant.
    pub grant_id: GrantId,
    /// The person.
    pub user_id: String,
    redirect_uri: [u8; 16],
    code_challenge: Option<[u8; 16]>,
}

impl SpentCode {
    /// Checks that this replay could have been the first redemption. Any other replay must not revoke
    /// anything, or it would be a way to end the sessions of other people.
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

    /// The stored form: short, because there are many of them.
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

/// How a redemption differs from the authorization request.
enum RedemptionFault<'a> {
    RedirectUriMissing,
    RedirectUriDiffers(&'a str),
    VerifierMissing,
    VerifierDiffers(&'a str),
    VerifierUnexpected,
}

impl RedemptionFault<'_> {
    fn what(&self) -> &'static str {
        match self {
            RedemptionFault::RedirectUriMissing => "redirect_uri is missing",
            RedemptionFault::RedirectUriDiffers(_) => "redirect_uri is not the one the code was issued for",
            RedemptionFault::VerifierMissing => "code_verifier is missing",
            RedemptionFault::VerifierDiffers(_) => {
                "code_verifier does not match the code_challenge of the request"
            }
            RedemptionFault::VerifierUnexpected => {
                "code_verifier was sent, but the authorization request had no code_challenge"
            }
        }
    }
}

/// Compares a redemption with the authorization request: the same rule for the first redemption and for a
/// replay.
fn judge(
    params: &Params,
    has_challenge: bool,
    is_same: impl Fn(&str) -> bool,
    is_met: impl Fn(&str) -> bool,
) -> Result<(), RedemptionFault<'_>> {
    match params.get("redirect_uri") {
        Some(sent) if is_same(sent) => (),
        Some(sent) => return Err(RedemptionFault::RedirectUriDiffers(sent)),
        // OAuth 2.1 §10.2: PKCE proves more than a repeated `redirect_uri`.
        None if has_challenge => (),
        None => return Err(RedemptionFault::RedirectUriMissing),
    }
    match params.get("code_verifier") {
        Some(_) if !has_challenge => Err(RedemptionFault::VerifierUnexpected),
        Some(sent) if !is_met(sent) => Err(RedemptionFault::VerifierDiffers(sent)),
        None if has_challenge => Err(RedemptionFault::VerifierMissing),
        _ => Ok(()),
    }
}

/// The first 16 bytes of a hash, to compare with a later value.
fn short_hash(text: &str) -> [u8; 16] {
    let hash = sha256(text.as_bytes());
    std::array::from_fn(|at| hash.get(at).copied().unwrap_or_default())
}
