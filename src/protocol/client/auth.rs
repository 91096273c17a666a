//! Client authentication: reads the presented credentials and verifies them for a client.

use data_encoding::BASE64;
use time::OffsetDateTime;

use crate::protocol::cause::Cause;
use crate::protocol::client::assertion::{Assertion, JWT_BEARER};
use crate::protocol::client::secret::explain;
use crate::protocol::client::{AuthMethod, Client, Secrets};
use crate::protocol::params::{Params, decode};
use crate::protocol::refusal::Refusal;
use crate::secret::TokenHash;

/// How many colons of an unencoded Basic pair are tried as the separator of id and secret.
const MOST_COLONS: usize = 8;

/// The credentials of one request.
pub struct Credentials {
    transport: Transport,
    /// At least one.
    readings: Vec<Reading>,
    asserted: Option<Asserted>,
}

/// A client assertion, and the `client_id` beside it.
pub struct Asserted {
    /// The assertion.
    pub assertion: Assertion,
    /// The `client_id` of the body, if there is one.
    pub client_id: Option<String>,
}

/// How credentials were sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Basic,
    Post,
    Assertion,
    Absent,
}

/// One interpretation of the credentials: a client, and the secrets that would authenticate it.
pub struct Reading {
    client_id: String,
    /// The secret; a second one if a Basic pair differs with and without form-decoding.
    secrets: Vec<String>,
}

/// What credentials proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The method that was used.
    pub method: AuthMethod,
    /// The number of the secret that was used, if one was.
    pub secret: Option<i64>,
}

impl Reading {
    /// The client that this reading names.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }
}

impl Credentials {
    /// Collects the credentials of a request. Several kinds of credentials in one request are an error.
    ///
    /// Spec: RFC 6749 §2.3
    pub fn collect(authorization: &[&str], params: &Params) -> Result<Credentials, Refusal> {
        let header = match authorization {
            [] => None,
            [one] => Some(*one),
            _ => {
                return Err(Refusal::new("invalid_request", "more than one Authorization header"));
            }
        };
        let body_id = params.get("client_id");
        let body_secret = params.get("client_secret");
        if params.get("client_assertion").is_some() || params.get("client_assertion_type").is_some() {
            if header.is_some() || body_secret.is_some() {
                return Err(several());
            }
            return Credentials::of_assertion(params);
        }
        let Some(header) = header else {
            let Some(client_id) = body_id else {
                let cause = Cause::new("no client credentials were sent").with("received", params.names());
                return Err(refused(cause));
            };
            let transport = if body_secret.is_some() { Transport::Post } else { Transport::Absent };
            let secrets = body_secret.into_iter().map(str::to_owned).collect();
            let readings = vec![Reading { client_id: client_id.into(), secrets }];
            return Ok(Credentials { transport, readings, asserted: None });
        };
        if body_secret.is_some() {
            return Err(several());
        }
        let mut readings = basic(header)?;
        if let Some(id) = body_id {
            readings.retain(|reading| reading.client_id == id);
        }
        if readings.is_empty() {
            return Err(refused("client_id in the body differs from the Basic header"));
        }
        Ok(Credentials { transport: Transport::Basic, readings, asserted: None })
    }

    /// Spec: RFC 7521 §4.2, RFC 7523 §2.2
    fn of_assertion(params: &Params) -> Result<Credentials, Refusal> {
        let kind = params.get("client_assertion_type");
        if kind != Some(JWT_BEARER) {
            let cause = Cause::new("client_assertion_type is not the one of JWTs");
            let cause = cause.with("sent", kind.unwrap_or("absent")).with("expected", JWT_BEARER);
            return Err(refused(cause));
        }
        let text = params.get("client_assertion").ok_or_else(|| refused("client_assertion is missing"))?;
        let assertion = Assertion::read(text).map_err(refused)?;
        let client_id = params.get("client_id").map(str::to_owned);
        let named = assertion.named().or(client_id.as_deref());
        let named = named.ok_or_else(|| refused("the client_assertion has neither sub nor iss"))?;
        // No identifier has a NUL character, and PostgreSQL would refuse the query for one.
        if named.contains('\0') {
            return Err(refused("the sub of the client_assertion holds a NUL character"));
        }
        let readings = vec![Reading { client_id: named.to_owned(), secrets: vec![] }];
        let asserted = Some(Asserted { assertion, client_id });
        Ok(Credentials { transport: Transport::Assertion, readings, asserted })
    }

    /// The client assertion, if one was sent: it is verified by itself.
    pub fn asserted(&self) -> Option<&Asserted> {
        self.asserted.as_ref()
    }

    /// The possible readings: first the standard one, then those of a Basic pair that was not form-encoded,
    /// whose id may contain colons.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// The reading with the shortest identifier: the only one that certainly contains no part of the secret.
    pub fn shortest(&self) -> Option<&Reading> {
        self.readings.iter().min_by_key(|reading| reading.client_id.len())
    }

    /// Verifies this reading of the credentials for `client`. An unknown client costs the same work.
    ///
    /// Spec: RFC 6749 §2.3.1, §5.2; OAuth 2.1 §2.4
    pub fn verify(
        &self,
        reading: &Reading,
        client: Option<&Client>,
        now: OffsetDateTime,
    ) -> Result<Accepted, Refusal> {
        let refuse = |cause: Cause| Err(refused(cause));
        let none = Secrets::default();
        let secrets = client.map_or(&none, |client| &client.secrets);
        // Every secret is compared, so that the time does not depend on the results.
        let presented: Vec<TokenHash> = reading.secrets.iter().map(|secret| TokenHash::of(secret)).collect();
        let right = secrets.find(&presented, now).filter(|secret| secret.is_live(now));
        let Some(client) = client.filter(|client| !client.disabled) else {
            return refuse("the client is unknown or disabled".into());
        };
        let accepted = |secret| Ok(Accepted { method: self.method(), secret });
        let registered = client.metadata.token_endpoint_auth_method;
        match (self.transport, registered) {
            (Transport::Absent, Some(AuthMethod::None)) => accepted(None),
            // RFC 6749 §2.3.1: an empty secret may be omitted, so it counts as none.
            (Transport::Basic, Some(AuthMethod::None)) if reading.secrets.iter().all(String::is_empty) => {
                Ok(Accepted { method: AuthMethod::None, secret: None })
            }
            (_, Some(registered)) if registered != self.method() => {
                refuse(self.other_method(registered, right.is_some()))
            }
            (Transport::Absent, None) => refuse(self.other_method(AuthMethod::default(), false)),
            _ if secrets.is_empty() => refuse("this client has no secret".into()),
            _ => match right {
                Some(secret) => accepted(Some(secret.number)),
                None => refuse(self.explained(reading, client, now)),
            },
        }
    }

    /// Why a method is not the registered one.
    fn other_method(&self, registered: AuthMethod, is_right: bool) -> Cause {
        match (self.transport, registered) {
            (Transport::Absent, AuthMethod::ClientSecretJwt | AuthMethod::PrivateKeyJwt) => {
                let cause = Cause::new("this client sent no client_assertion");
                cause.with("registered", registered.name()).with("expected", JWT_BEARER)
            }
            (Transport::Absent, _) => Cause::new("this client is confidential and sent no secret")
                .with("registered", registered.name())
                .mend(
                    "send the client_secret by the registered method; an application that cannot keep one is \
                     public: countersign client update ID --public",
                ),
            (_, AuthMethod::None) => Cause::new("this client is public and must not send a secret").mend(
                "send client_id alone, and PKCE; or give it a secret: countersign client update ID \
                 --auth-method client_secret_basic",
            ),
            _ => {
                let secret = if is_right { "right" } else { "wrong" };
                let cause = Cause::new("this client authenticates by another method than the registered one");
                let cause = cause.with("sent", self.method().name()).with("registered", registered.name());
                cause.with("the secret itself is", secret).mend(
                    "tell the client's library to use the registered method, or register the one it uses: \
                     countersign client update ID --auth-method METHOD",
                )
            }
        }
    }

    fn explained(&self, reading: &Reading, client: &Client, now: OffsetDateTime) -> Cause {
        match reading.secrets.first() {
            None => Cause::new("no secret was sent"),
            Some(secret) => explain(secret, self.method().name(), client, now),
        }
    }

    /// The method by which the credentials were sent.
    fn method(&self) -> AuthMethod {
        match self.transport {
            Transport::Basic => AuthMethod::ClientSecretBasic,
            Transport::Post => AuthMethod::ClientSecretPost,
            // Which of the two it is depends on the registration.
            Transport::Assertion => AuthMethod::PrivateKeyJwt,
            Transport::Absent => AuthMethod::None,
        }
    }
}

/// The one error for every failed authentication.
///
/// Spec: RFC 6749 §5.2
pub fn refused(cause: impl Into<Cause>) -> Refusal {
    Refusal::new("invalid_client", "client authentication failed").because(cause)
}

fn several() -> Refusal {
    Refusal::new("invalid_request", "more than one kind of client credentials")
}

/// Spec: RFC 7617 §2, RFC 6749 §2.3.1 (both parts are form-encoded first)
fn basic(header: &str) -> Result<Vec<Reading>, Refusal> {
    let malformed = |cause: &'static str| refused(cause);
    let (scheme, encoded) = header.split_once(' ').unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(malformed("the Authorization scheme is not Basic"));
    }
    let encoded = encoded.trim();
    let bytes = BASE64.decode(encoded.as_bytes()).ok();
    // The decoder accepts padding in the middle, where other decoders stop.
    let bytes = bytes.filter(|bytes| BASE64.encode(bytes) == encoded);
    let bytes = bytes.ok_or_else(|| malformed("what follows the word Basic is not Base64"))?;
    let text = String::from_utf8(bytes).ok().ok_or_else(|| malformed("the Basic pair is not UTF-8"))?;
    // No registered client has a NUL character, and PostgreSQL would refuse the query for one.
    if text.contains('\0') {
        return Err(malformed("the Basic pair holds a NUL character"));
    }
    let (id, secret) =
        text.split_once(':').ok_or_else(|| malformed("the Basic pair has no colon between id and secret"))?;
    let mut readings = vec![];
    // A part with a bare `%` was not form-encoded: only the raw reading is left.
    if let (Ok(decoded_id), Ok(decoded)) = (decode(id.as_bytes()), decode(secret.as_bytes())) {
        let raw = (decoded_id == id && decoded != secret).then(|| secret.to_owned());
        let secrets = [Some(decoded), raw].into_iter().flatten().collect();
        readings.push(Reading { client_id: decoded_id, secrets });
    }
    let colons = text.rmatch_indices(':').take(MOST_COLONS);
    let longer =
        colons.map(|(at, _)| (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()));
    // By the standard the first colon is the separator: it is always tried, however many colons follow.
    for (id, secret) in longer.chain([(id, secret)]) {
        if !readings.iter().any(|reading: &Reading| reading.client_id == id) {
            readings.push(Reading { client_id: id.into(), secrets: vec![secret.into()] });
        }
    }
    Ok(readings)
}
