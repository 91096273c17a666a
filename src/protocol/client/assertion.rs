//! Client assertions: a JWT by which a client states that it is that client. What it states is judged here; the signature
//! is verified where the keys are.

use serde::Deserialize;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::{AssertionAudience, AuthMethod, Client, ClientAlg};
use crate::protocol::cause::Cause;
use crate::protocol::instant::AHEAD;
use crate::secret::from_base64url;

/// The only `client_assertion_type`.
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The longest assertion, in bytes.
const LONGEST: usize = 16 * 1024;
/// How long an assertion is good for at most: its `jti` is remembered for as long.
pub const LIFETIME: Duration = Duration::seconds(600);
/// An expiry further ahead than this is in milliseconds.
const ABSURD: Duration = Duration::days(50 * 365);
/// The types of other kinds of JWT are refused.
const TYPES: [&str; 2] = ["jwt", "client-authentication+jwt"];

/// An assertion that was read and not yet judged.
#[derive(Debug)]
pub struct Assertion {
    header: Header,
    claims: Claims,
    /// What is signed.
    signed: String,
    signature: Vec<u8>,
}

/// The members of the header that are used; serde refuses one that appears twice. Keys that a header brings along are not
/// looked at.
#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

/// The claims that are used; serde refuses one that appears twice.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Claims {
    iss: Value,
    sub: Value,
    aud: Value,
    exp: Value,
    iat: Value,
    nbf: Value,
    jti: Value,
}

/// The addresses of this provider that assertions may name.
#[derive(Clone, Copy, Debug)]
pub struct Audience<'a> {
    /// The issuer.
    pub issuer: &'a str,
    /// The token endpoint.
    pub token_endpoint: &'a str,
}

/// What a sound assertion states. It proves nothing before its signature is verified and its `jti` is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement<'a> {
    /// The algorithm of its signature, one that this client may use.
    pub alg: ClientAlg,
    /// The key that its header names.
    pub kid: Option<&'a str>,
    /// The name of this assertion among all of this client.
    pub jti: &'a str,
    /// When it ceases to be accepted.
    pub until: OffsetDateTime,
}

impl Assertion {
    /// Reads the compact form.
    ///
    /// Spec: RFC 7515 §5.2, RFC 8725 §3
    pub fn read(text: &str) -> Result<Assertion, Cause> {
        if text.len() > LONGEST {
            let cause = Cause::new("the client_assertion is too long");
            return Err(cause.with("length", format!("{} bytes", text.len())));
        }
        let parts: Vec<&str> = text.split('.').collect();
        let [header, payload, signature] = parts.as_slice() else {
            let cause =
                Cause::new("the client_assertion is no JWT: a signed one has three parts joined by dots");
            return Err(cause.with("parts", parts.len()));
        };
        let bytes = |part: &str| from_base64url(part).filter(|bytes| !bytes.is_empty());
        let header = bytes(header).and_then(|header| serde_json::from_slice(&header).ok());
        let header: Header =
            header.ok_or("the client_assertion's first part is no JSON header with an alg")?;
        if header.crit.is_some() {
            return Err("the client_assertion's header has crit, of which nothing is understood here".into());
        }
        let claims = bytes(payload).and_then(|claims| serde_json::from_slice(&claims).ok());
        let claims =
            claims.ok_or("the client_assertion's second part is no JSON object with claims, each once")?;
        let signature = bytes(signature).ok_or("the client_assertion is not signed, or was cut off")?;
        let signed = text.rsplit_once('.').map_or("", |(signed, _)| signed).to_owned();
        Ok(Assertion { header, claims, signed, signature })
    }

    /// The client that it says it is from: the one whose developer is told what is wrong with it.
    pub fn named(&self) -> Option<&str> {
        self.claims.sub.as_str().or(self.claims.iss.as_str())
    }

    /// The algorithm of its header, if any client could use it.
    pub fn alg(&self) -> Option<ClientAlg> {
        ClientAlg::from_name(&self.header.alg)
    }

    /// What is signed, and the signature.
    pub fn parts(&self) -> (&[u8], &[u8]) {
        (self.signed.as_bytes(), &self.signature)
    }

    /// Judges everything but the signature.
    ///
    /// Spec: RFC 7523 §3, OpenID Connect Core §9
    pub fn judge(
        &self,
        client: &Client,
        audience: Audience<'_>,
        now: OffsetDateTime,
    ) -> Result<Statement<'_>, Cause> {
        let alg = self.allowed_alg(client)?;
        let typ = self.header.typ.as_deref().map(str::to_ascii_lowercase);
        let typ = typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
        if let Some(typ) = typ.filter(|typ| !TYPES.contains(typ)) {
            return Err(Cause::new("the client_assertion is a JWT of another kind").with("typ", typ));
        }
        for (name, claim) in [("iss", &self.claims.iss), ("sub", &self.claims.sub)] {
            if claim.as_str() != Some(&client.id) {
                let cause = Cause::new("iss and sub of the client_assertion must both be the client_id");
                return Err(cause.with("claim", name).with("sent", claim).with("client_id", &client.id));
            }
        }
        self.check_audience(client, audience)?;
        let until = self.until(now)?;
        let jti = self.claims.jti.as_str().filter(|jti| !jti.is_empty());
        let jti = jti.ok_or("the client_assertion has no jti: each needs a new one, a text")?;
        Ok(Statement { alg, kid: self.header.kid.as_deref(), jti, until })
    }

    /// The algorithm, if the client's method and registration allow it.
    ///
    /// Spec: RFC 8725 §3.1
    fn allowed_alg(&self, client: &Client) -> Result<ClientAlg, Cause> {
        let metadata = &client.metadata;
        let method = metadata.token_endpoint_auth_method.unwrap_or_default();
        if !method.is_assertion() {
            let cause = Cause::new("this client sent a client_assertion, which is not its registered method");
            return Err(cause.with("registered", method.name()).mend(
                "tell the client's library to use the registered method, or register the one it uses: \
                 countersign client update ID --auth-method METHOD",
            ));
        }
        let refuse = |what: &'static str, expected: &str| {
            Err(Cause::new(what).with("alg", &self.header.alg).with("expected", expected))
        };
        let is_mac = method == AuthMethod::ClientSecretJwt;
        match (self.alg(), metadata.token_endpoint_auth_signing_alg) {
            (Some(ClientAlg::HS256), _) if !is_mac => refuse(
                "the client_assertion has a MAC, but this client signs with a key of its own",
                method.name(),
            ),
            (Some(ClientAlg::Signed(_)), _) if is_mac => {
                refuse("the client_assertion is signed with a key, but this client uses its secret", "HS256")
            }
            (Some(alg), Some(registered)) if alg.signing() != registered.signing() => {
                refuse("the client_assertion has another alg than the registered one", registered.name())
            }
            (Some(alg), _) => Ok(alg),
            (None, _) => refuse(
                "the client_assertion has an alg that is not accepted",
                if is_mac { "HS256" } else { "RS256, ES256, PS256, EdDSA or Ed25519" },
            ),
        }
    }

    /// The issuer has to be the only audience. An assertion that also names another server could be used by that server
    /// here.
    ///
    /// Spec: RFC 7523 §3, RFC 8725 §3.9
    fn check_audience(&self, client: &Client, audience: Audience<'_>) -> Result<(), Cause> {
        let aud = &self.claims.aud;
        let only = match aud.as_array().map(Vec::as_slice) {
            None => aud.as_str(),
            Some([only]) => only.as_str(),
            Some(_) => {
                let cause = Cause::new("the issuer must be the only audience of the client_assertion");
                return Err(cause.with("aud", aud).with("expected", audience.issuer));
            }
        };
        let older = client.metadata.assertion_audience == Some(AssertionAudience::IssuerOrTokenEndpoint);
        if only == Some(audience.issuer) || older && aud.as_str() == Some(audience.token_endpoint) {
            return Ok(());
        }
        let cause = Cause::new("the audience of the client_assertion is not this provider's issuer");
        let cause = cause.with("aud", aud).with("expected", audience.issuer);
        Err(match aud.as_str() {
            Some(aud) if aud == audience.token_endpoint => cause.mend(
                "let the client's library name the issuer; where it can name nothing but the token endpoint, register \
                 assertion_audience issuer_or_token_endpoint",
            ),
            _ => cause,
        })
    }

    /// When it ceases to be accepted: at its expiry, or after the longest life from `iat` on. A longer life is cut, because
    /// the `jti` has to be remembered for as long; without `iat` there is nothing to count from.
    fn until(&self, now: OffsetDateTime) -> Result<OffsetDateTime, Cause> {
        let Claims { exp, iat, nbf, .. } = &self.claims;
        let issued = instant(iat, f64::ceil)?;
        for (name, sent, at) in [("iat", iat, issued), ("nbf", nbf, instant(nbf, f64::ceil)?)] {
            if at.is_some_and(|at| at > now + AHEAD) {
                let cause =
                    Cause::new("the client_assertion is dated in the future: the client's clock is ahead");
                return Err(cause.with("claim", name).with("sent", sent).with("now", now.unix_timestamp()));
            }
        }
        let Some(exp) = instant(exp, f64::floor)? else {
            return Err("the client_assertion has no exp".into());
        };
        let said = |what: &'static str| {
            Cause::new(what).with("exp", &self.claims.exp).with("now", now.unix_timestamp())
        };
        if exp > now + ABSURD {
            return Err(said("the client_assertion's exp is in milliseconds: it has to be in seconds"));
        }
        let end = match issued {
            Some(iat) => exp.min(iat + LIFETIME),
            None if exp > now + LIFETIME + AHEAD => {
                return Err(said("the client_assertion lasts longer than 10 minutes, and has no iat"));
            }
            None => exp,
        };
        let until = end + AHEAD;
        if until > now {
            return Ok(until);
        }
        let cut = end < exp;
        let cause = said(if cut {
            "the client_assertion is older than 10 minutes, however long it says that it lasts"
        } else {
            "the client_assertion has expired"
        });
        Err(cause.mend("make a new assertion for each request, and set the client's clock by NTP"))
    }
}

/// Reads a `NumericDate`: any number up to 2^53, rounded to whole seconds.
///
/// Spec: RFC 7519 §2
fn instant(claim: &Value, round: fn(f64) -> f64) -> Result<Option<OffsetDateTime>, Cause> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if claim.is_null() {
        return Ok(None);
    }
    let seconds = claim.as_f64().filter(|seconds| (0.0..=EXACT).contains(seconds)).map(round);
    let seconds = seconds.ok_or_else(|| {
        Cause::new("a time of the client_assertion is no number of seconds").with("sent", claim)
    })?;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within the range just checked")]
    let seconds = seconds as i64;
    // Beyond the year 9999 there is no instant: such an expiry is as absurd as any other.
    let latest = OffsetDateTime::new_utc(time::Date::MAX, time::Time::MIDNIGHT);
    Ok(Some(OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(latest)))
}
