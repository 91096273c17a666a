//! Client authentication: reads the presented credentials and verifies them for a client.

use data_encoding::BASE64;

use crate::protocol::cause::Cause;
use crate::protocol::client::secret::explain;
use crate::protocol::client::{AuthMethod, Client};
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
}

/// How credentials were sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Basic,
    Post,
    Absent,
}

/// One interpretation of the credentials: a client, and the secrets that would authenticate it.
pub struct Reading {
    client_id: String,
    /// The secret; a second one if a Basic pair differs with and without form-decoding.
    secrets: Vec<String>,
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
            return Err(refused("client_assertion is not a supported method"));
        }
        let Some(header) = header else {
            let Some(client_id) = body_id else {
                let cause = Cause::new("no client credentials were sent").with("received", params.names());
                return Err(refused(cause));
            };
            let transport = if body_secret.is_some() { Transport::Post } else { Transport::Absent };
            let secrets = body_secret.into_iter().map(str::to_owned).collect();
            return Ok(Credentials {
                transport,
                readings: vec![Reading { client_id: client_id.into(), secrets }],
            });
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
        Ok(Credentials { transport: Transport::Basic, readings })
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
    pub fn verify(&self, reading: &Reading, client: Option<&Client>) -> Result<(), Refusal> {
        let refuse = |cause: Cause| Err(refused(cause));
        let stored = client.and_then(|client| client.secret).unwrap_or_else(|| TokenHash::of(""));
        // Every secret is compared, so that the time does not depend on the results.
        let right = reading
            .secrets
            .iter()
            .fold(false, |right, secret| TokenHash::of(secret).matches(&stored) | right);
        let Some(client) = client.filter(|client| !client.disabled) else {
            return refuse("the client is unknown or disabled".into());
        };
        let registered = client.metadata.token_endpoint_auth_method;
        match (self.transport, registered) {
            (Transport::Absent, AuthMethod::None) => Ok(()),
            // RFC 6749 §2.3.1: an empty secret may be omitted, so it counts as none.
            (Transport::Basic, AuthMethod::None) if reading.secrets.iter().all(String::is_empty) => Ok(()),
            (Transport::Absent, _) => refuse(
                Cause::new("this client is confidential and sent no secret")
                    .with("registered", registered.name())
                    .mend(
                        "send the client_secret by the registered method; an application that cannot keep one is \
                         public: countersign client update ID --public",
                    ),
            ),
            (_, AuthMethod::None) => refuse(
                Cause::new("this client is public and must not send a secret")
                    .mend(
                        "send client_id alone, and PKCE; or give it a secret: countersign client update ID \
                         --auth-method client_secret_basic",
                    ),
            ),
            (Transport::Basic, AuthMethod::ClientSecretPost) | (Transport::Post, AuthMethod::ClientSecretBasic) => {
                let secret = if right { "right" } else { "wrong" };
                let cause = Cause::new("this client authenticates by another method than the registered one");
                let cause = cause.with("sent", self.method()).with("registered", registered.name());
                refuse(cause.with("the secret itself is", secret).mend(
                    "tell the client's library to use the registered method, or register the one it uses: \
                     countersign client update ID --auth-method METHOD",
                ))
            }
            _ if client.secret.is_none() => refuse("this client has no secret".into()),
            _ if right => Ok(()),
            _ => refuse(self.explained(reading, &stored, &client.id)),
        }
    }

    fn explained(&self, reading: &Reading, stored: &TokenHash, client_id: &str) -> Cause {
        match reading.secrets.first() {
            None => Cause::new("no secret was sent"),
            Some(secret) => explain(secret, self.method(), stored, client_id),
        }
    }

    /// The method by which the credentials were sent.
    fn method(&self) -> &'static str {
        match self.transport {
            Transport::Basic => AuthMethod::ClientSecretBasic.name(),
            Transport::Post => AuthMethod::ClientSecretPost.name(),
            Transport::Absent => AuthMethod::None.name(),
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
