//! Public keys of clients, parsed and kept in memory: those that are registered, and those that a client publishes at its
//! `jwks_uri`. Every node keeps its own.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use moka::sync::Cache;
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;

use crate::keys::jose::{ForeignKeys, Mismatch};
use crate::outbound::{Document, Outbound};
use crate::protocol::cause::Cause;
use crate::protocol::client::assertion::Assertion;
use crate::protocol::client::{Client, ClientAlg, JwkSet, SigningAlg};

/// The largest set, in bytes.
const LARGEST: usize = 64 * 1024;
/// How long a fetched set is used at least, and at most.
const KEPT: [Duration; 2] = [Duration::seconds(60), Duration::DAY];
/// How long it is used if its server says nothing.
const USUAL: Duration = Duration::minutes(10);
/// How often a set is fetched before its end because a key is missing in it.
const FORCED_EVERY: Duration = Duration::seconds(60);
/// Keys that no client signs with: examples of RFC 7517, of RFC 8037, and the base point of P-256.
const OF_NO_CLIENT: &str = r#"{"keys":[
    {"kty":"RSA","e":"AQAB","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"},
    {"kty":"EC","crv":"P-256","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"},
    {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
]}"#;
/// How many clients' keys are kept.
const CLIENTS: u64 = 10_000;

/// The keys of all clients.
pub struct ClientKeys {
    outbound: Arc<Outbound>,
    registered: Cache<String, Arc<Registered>>,
    published: Cache<String, Arc<Published>>,
    /// Stand in for those of a client that is not there.
    of_no_client: ForeignKeys,
}

/// A registered set, and its keys.
struct Registered {
    set: JwkSet,
    keys: ForeignKeys,
}

/// The set at one address, for one client.
struct Published {
    uri: String,
    fetched: ArcSwapOption<Fetched>,
    /// Held during a fetch, so that requests which wait for the same set make one.
    forced_at: Mutex<Option<OffsetDateTime>>,
}

/// A set that was fetched.
struct Fetched {
    keys: ForeignKeys,
    at: OffsetDateTime,
    until: OffsetDateTime,
}

impl Fetched {
    /// A set from the future was fetched by a clock that ran ahead.
    fn is_fresh(&self, now: OffsetDateTime) -> bool {
        now < self.until && now >= self.at - KEPT[0]
    }
}

/// What is to be verified.
#[derive(Clone, Copy)]
struct Signed<'a> {
    /// One that the client may use.
    alg: SigningAlg,
    /// The key that the header names.
    kid: Option<&'a str>,
    assertion: &'a Assertion,
}

impl Signed<'_> {
    fn verify(&self, keys: &ForeignKeys) -> Result<(), Mismatch> {
        let (message, signature) = self.assertion.parts();
        keys.verify(self.alg, self.kid, message, signature)
    }

    /// Tells whether a newer set may hold the key: it is not in this one, or nothing says which of them it is.
    fn may_be_newer(&self, mismatch: Mismatch) -> bool {
        self.kid.is_none() || mismatch == Mismatch::UnknownKid
    }
}

impl ClientKeys {
    /// Empty caches.
    pub fn new(outbound: Arc<Outbound>) -> ClientKeys {
        let (registered, published) = (Cache::new(CLIENTS), Cache::new(CLIENTS));
        let of_no_client = serde_json::from_str(OF_NO_CLIENT).map(|set| ForeignKeys::parse(&set));
        ClientKeys { outbound, registered, published, of_no_client: of_no_client.unwrap_or_default() }
    }

    /// Does the work of verifying an assertion whose client is not known.
    pub fn pretend(&self, assertion: &Assertion) {
        if let Some(alg) = assertion.alg().and_then(ClientAlg::signing) {
            let _of_no_client = Signed { alg, kid: None, assertion }.verify(&self.of_no_client);
        }
    }

    /// Verifies the signature of an assertion with the keys of a client. A set that has to be fetched first delays requests of this client
    /// alone.
    ///
    /// Spec: OpenID Connect Core §10.1, §10.1.1
    pub async fn verify(
        &self,
        client: &Client,
        assertion: &Assertion,
        (alg, kid): (SigningAlg, Option<&str>),
        now: OffsetDateTime,
    ) -> Result<(), Cause> {
        let signed = Signed { alg, kid, assertion };
        if let Some(set) = &client.metadata.jwks {
            let registered = self.registered(client, set);
            return signed
                .verify(&registered.keys)
                .map_err(|mismatch| explained(mismatch, signed, &registered.keys, "jwks"));
        }
        let Some(uri) = &client.metadata.jwks_uri else {
            return Err("this client has registered no keys: jwks or jwks_uri".into());
        };
        self.verify_published(client, uri, signed, now).await
    }

    /// Parsed once; again when the client registers another set.
    fn registered(&self, client: &Client, set: &JwkSet) -> Arc<Registered> {
        if let Some(known) = self.registered.get(&client.id).filter(|known| known.set == *set) {
            return known;
        }
        let parsed = Arc::new(Registered { set: set.clone(), keys: ForeignKeys::parse(set) });
        self.registered.insert(client.id.clone(), Arc::clone(&parsed));
        parsed
    }

    async fn verify_published(
        &self,
        client: &Client,
        uri: &str,
        signed: Signed<'_>,
        now: OffsetDateTime,
    ) -> Result<(), Cause> {
        let published = self.published(client, uri);
        let fresh = || published.fetched.load_full().filter(|fetched| fetched.is_fresh(now));
        if let Some(fetched) = fresh() {
            match signed.verify(&fetched.keys) {
                Err(mismatch) if signed.may_be_newer(mismatch) => (),
                verified => {
                    return verified
                        .map_err(|mismatch| explained(mismatch, signed, &fetched.keys, "jwks_uri"));
                }
            }
        }
        let mut forced_at = published.forced_at.lock().await;
        // Another request may have fetched it meanwhile.
        let fetched = match fresh() {
            None => self.fetch(client, &published, now).await?,
            Some(fetched) => match signed.verify(&fetched.keys) {
                Err(mismatch) if signed.may_be_newer(mismatch) && is_due(*forced_at, now) => {
                    *forced_at = Some(now);
                    // The set that is still fresh goes on counting if a newer one cannot be had.
                    self.fetch(client, &published, now).await?
                }
                _ => fetched,
            },
        };
        drop(forced_at);
        let verified = signed.verify(&fetched.keys);
        verified.map_err(|mismatch| explained(mismatch, signed, &fetched.keys, "jwks_uri"))
    }

    fn published(&self, client: &Client, uri: &str) -> Arc<Published> {
        if let Some(known) = self.published.get(&client.id).filter(|known| known.uri == uri) {
            return known;
        }
        let (fetched, forced_at) = (ArcSwapOption::empty(), Mutex::new(None));
        let new = Arc::new(Published { uri: uri.to_owned(), fetched, forced_at });
        self.published.insert(client.id.clone(), Arc::clone(&new));
        new
    }

    async fn fetch(
        &self,
        client: &Client,
        published: &Published,
        now: OffsetDateTime,
    ) -> Result<Arc<Fetched>, Cause> {
        let refused = |why: String| {
            let cause = Cause::new("the keys at the client's jwks_uri cannot be had");
            let cause = cause.with("jwks_uri", &published.uri).with("why", why);
            cause.mend("let the address answer 200 with a JWK set of at most 64 KiB, within 5 seconds and without redirect")
        };
        let document = self.outbound.document(&client.id, &published.uri, LARGEST, now).await;
        let Document { body, max_age } = document.map_err(|error| refused(error.to_string()))?;
        let set = serde_json::from_slice(&body).map_err(|_error| refused("it is not JSON".into()))?;
        let set = JwkSet::read(&set).map_err(|fault| refused(fault.to_string()))?;
        let [least, most] = KEPT;
        let until = now + max_age.unwrap_or(USUAL).clamp(least, most);
        let fetched = Arc::new(Fetched { keys: ForeignKeys::parse(&set), at: now, until });
        published.fetched.store(Some(Arc::clone(&fetched)));
        Ok(fetched)
    }
}

fn is_due(forced_at: Option<OffsetDateTime>, now: OffsetDateTime) -> bool {
    forced_at.is_none_or(|at| (now - at).abs() >= FORCED_EVERY)
}

/// Why no key of the client fits, for its developer.
fn explained(mismatch: Mismatch, signed: Signed<'_>, keys: &ForeignKeys, place: &'static str) -> Cause {
    let cause = Cause::new(match mismatch {
        Mismatch::UnknownKid => "no key of this client has the kid of the client_assertion",
        Mismatch::NoKey => "this client has no key for the alg of the client_assertion",
        Mismatch::TooMany => "the client_assertion names no kid, and more than 3 keys of this client fit",
        Mismatch::Wrong => "the signature of the client_assertion is not of the client's key",
    });
    let cause = cause.with("alg", signed.alg.name()).with("kid", signed.kid.unwrap_or("absent"));
    let cause =
        keys.left_out.iter().fold(cause.with("keys", place), |cause, why| cause.with("left out", why));
    match mismatch {
        Mismatch::UnknownKid if place == "jwks_uri" => {
            cause.mend("publish a key a minute before it signs: a missing one is looked for once a minute")
        }
        _ => cause,
    }
}
