//! The claims of a token: read once, then compared with what the service expects.

use data_encoding::BASE64URL_NOPAD;
use openssl::sha::{sha256, sha512};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::check::{BoundTokens, Check, TokenKind};
use crate::json::{self, Round};
use crate::key_set::Algorithm;
use crate::refusal::Refusal;

/// The claims of a token that passed its check.
///
/// Spec: RFC 9068 §2.2, OpenID Connect Core §2
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Claims {
    /// The issuer, byte for byte the one of the check.
    pub iss: String,
    /// The subject of the token: a person, or the client in a token of its own.
    pub sub: String,
    /// The audience of the token.
    pub aud: Vec<String>,
    /// When it expires, in seconds; a fraction is left out.
    pub exp: i64,
    /// When it was issued, in seconds; a fraction counts as a whole second.
    pub iat: i64,
    /// The start of its validity, in seconds; a fraction counts as a whole second.
    pub nbf: Option<i64>,
    /// The token's id; every access token has one.
    pub jti: Option<String>,
    /// The client it was issued to; every access token has one, no ID token does.
    pub client_id: Option<String>,
    /// The scopes, separated by spaces; see [`Claims::has_scope`].
    pub scope: Option<String>,
    /// When the person last proved who they are, in seconds; a fraction is left out.
    pub auth_time: Option<i64>,
    /// The authentication context class.
    pub acr: Option<String>,
    /// The authentication methods.
    pub amr: Vec<String>,
    /// The session at the issuer, under its identifier for this client.
    pub sid: Option<String>,
    /// The nonce of the login.
    pub nonce: Option<String>,
    /// Every member as it was signed, including those above.
    pub raw: Map<String, Value>,
    /// The header's key id.
    pub kid: Option<String>,
    /// The algorithm it was signed with.
    pub alg: Algorithm,
}

impl Claims {
    /// Tells whether the token carries this one scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|held| held == scope)
    }

    /// Iterates over the scopes.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope.as_deref().unwrap_or_default().split(' ').filter(|scope| !scope.is_empty())
    }

    /// Requires a scope; the refusal carries its 403 and its challenge.
    pub fn require_scope(&self, scope: &str) -> Result<(), Refusal> {
        let missing = || Refusal::InsufficientScope { required: scope.to_owned() };
        self.has_scope(scope).then_some(()).ok_or_else(missing)
    }

    /// Lists the roles.
    ///
    /// Spec: RFC 9068 §2.2.3.1
    pub fn roles(&self) -> Vec<&str> {
        self.values("roles")
    }

    /// Lists the groups.
    ///
    /// Spec: RFC 9068 §2.2.3.1
    pub fn groups(&self) -> Vec<&str> {
        self.values("groups")
    }

    /// Lists the entitlements.
    ///
    /// Spec: RFC 9068 §2.2.3.1
    pub fn entitlements(&self) -> Vec<&str> {
        self.values("entitlements")
    }

    /// Returns the thumbprint of the `DPoP` key the token is bound to.
    ///
    /// Spec: RFC 9449 §6.1
    pub fn bound_jkt(&self) -> Option<&str> {
        self.raw.get("cnf")?.get("jkt")?.as_str()
    }

    /// Returns the thumbprint of the client certificate the token is bound to.
    ///
    /// Spec: RFC 8705 §3.1
    pub fn bound_x5t_s256(&self) -> Option<&str> {
        self.raw.get("cnf")?.get("x5t#S256")?.as_str()
    }

    /// Checks that an access token is the one this ID token was issued with (`at_hash`).
    ///
    /// Spec: OpenID Connect Core §3.1.3.8
    pub fn require_access_token(&self, access_token: &str) -> Result<(), Refusal> {
        let said = self.raw.get("at_hash").ok_or(Refusal::MissingClaim("at_hash"))?;
        let half = match self.alg {
            Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 => {
                BASE64URL_NOPAD.encode(sha256(access_token.as_bytes()).split_at(16).0)
            }
            Algorithm::EdDSA => BASE64URL_NOPAD.encode(sha512(access_token.as_bytes()).split_at(32).0),
        };
        (said.as_str() == Some(&half)).then_some(()).ok_or(Refusal::OtherAccessToken)
    }

    /// A list claim, as strings or as the objects with a `value` that SCIM defines.
    fn values(&self, name: &str) -> Vec<&str> {
        let members = self.raw.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        members
            .iter()
            .filter_map(|member| member.as_str().or_else(|| member.get("value")?.as_str()))
            .collect()
    }

    /// Reads the members, each in the type of its specification. Their values are compared later.
    pub(crate) fn read(
        raw: Map<String, Value>,
        kid: Option<String>,
        alg: Algorithm,
    ) -> Result<Self, Refusal> {
        let members = Members(&raw);
        Ok(Self {
            iss: members.string("iss")?.ok_or(Refusal::MissingClaim("iss"))?,
            sub: members.string("sub")?.ok_or(Refusal::MissingClaim("sub"))?,
            aud: members.one_or_many("aud")?,
            exp: members.time("exp", Round::Down)?.ok_or(Refusal::MissingClaim("exp"))?,
            iat: members.time("iat", Round::Up)?.ok_or(Refusal::MissingClaim("iat"))?,
            nbf: members.time("nbf", Round::Up)?,
            jti: members.string("jti")?,
            client_id: members.string("client_id")?,
            scope: members.optional("scope", |value| value.as_str().map(str::to_owned))?,
            auth_time: members.time("auth_time", Round::Down)?,
            acr: members.string("acr")?,
            amr: members.optional("amr", strings)?.unwrap_or_default(),
            sid: members.string("sid")?,
            nonce: members.optional("nonce", |value| value.as_str().map(str::to_owned))?,
            kid,
            alg,
            raw,
        })
    }

    /// Compares the claims with what the service expects.
    ///
    /// Spec: RFC 9068 §4, OpenID Connect Core §3.1.3.7
    pub(crate) fn fit(&self, check: &Check, now: OffsetDateTime) -> Result<(), Refusal> {
        if !self.aud.contains(&check.audience) {
            return Err(self.wrong_audience(check));
        }
        match check.kind {
            TokenKind::AccessToken => self.fit_access_token(check)?,
            TokenKind::IdToken => self.fit_id_token(check)?,
        }
        if check.nonce.is_some() && self.nonce != check.nonce {
            return Err(Refusal::WrongNonce);
        }
        self.fit_times(check, now.unix_timestamp())
    }

    fn fit_access_token(&self, check: &Check) -> Result<(), Refusal> {
        self.client_id.as_ref().ok_or(Refusal::MissingClaim("client_id"))?;
        self.jti.as_ref().ok_or(Refusal::MissingClaim("jti"))?;
        // A service that checks no proofs must not accept a bound token, which may be stolen.
        if self.raw.contains_key("cnf") && check.bound_tokens == BoundTokens::Refuse {
            return Err(Refusal::BoundToken);
        }
        Ok(())
    }

    fn fit_id_token(&self, check: &Check) -> Result<(), Refusal> {
        if let Some(name) =
            ["client_id", "scope", "events"].into_iter().find(|name| self.raw.contains_key(*name))
        {
            return Err(Refusal::ForeignClaim(name));
        }
        // The client would have to trust a further audience, and has no way to say so.
        let only_for_us =
            self.aud.len() == 1 && self.raw.get("azp").is_none_or(|azp| *azp == *check.audience);
        only_for_us.then_some(()).ok_or_else(|| self.wrong_audience(check))
    }

    fn fit_times(&self, check: &Check, now: i64) -> Result<(), Refusal> {
        const FIFTY_YEARS: i64 = 50 * 31_556_952;
        if now >= self.exp {
            return Err(Refusal::Expired { seconds: now.saturating_sub(self.exp) });
        }
        if self.exp.saturating_sub(now) > FIFTY_YEARS {
            return Err(Refusal::ExpiryTooFar);
        }
        let ahead = check.leeway.whole_seconds().clamp(0, Check::MOST_LEEWAY_SECONDS);
        for (claim, time) in [("iat", Some(self.iat)), ("nbf", self.nbf)] {
            let seconds = time.map_or(0, |time| time.saturating_sub(now));
            if seconds > ahead {
                return Err(Refusal::NotYetValid { claim, seconds });
            }
        }
        Ok(())
    }

    fn wrong_audience(&self, check: &Check) -> Refusal {
        Refusal::WrongAudience { found: self.aud.clone(), expected: check.audience.clone() }
    }
}

/// Typed access: an absent member is accepted, one of the wrong type is refused.
struct Members<'a>(&'a Map<String, Value>);

impl Members<'_> {
    fn optional<T>(
        &self,
        name: &'static str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        let read = |value| read(value).ok_or(Refusal::MalformedClaim(name));
        self.0.get(name).map(read).transpose()
    }

    /// A non-empty string: an empty one identifies nothing.
    fn string(&self, name: &'static str) -> Result<Option<String>, Refusal> {
        self.optional(name, |value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned))
    }

    /// A time in whole seconds, rounded so that a fraction never makes a token valid for longer.
    fn time(&self, name: &'static str, round: Round) -> Result<Option<i64>, Refusal> {
        self.optional(name, |value| json::seconds(value, round))
    }

    fn one_or_many(&self, name: &'static str) -> Result<Vec<String>, Refusal> {
        let read = |value: &Value| value.as_str().map(|one| vec![one.to_owned()]).or_else(|| strings(value));
        self.optional(name, read)?.ok_or(Refusal::MissingClaim(name))
    }
}

fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|member| member.as_str().map(str::to_owned)).collect()
}
