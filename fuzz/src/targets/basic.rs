//! Basic credentials: read back as they were written, and right only for who knows the secret.

use countersign::protocol::client::auth::Credentials;
use countersign::protocol::client::{AuthMethod, Client, ClientSecret, Metadata, Secrets};
use countersign::protocol::params::{Params, decode};
use countersign::secret::TokenHash;
use data_encoding::BASE64;
use time::OffsetDateTime;
use url::form_urlencoded::byte_serialize;

use crate::input::texts;

/// The input is three lines: an `Authorization` header, a client id, a secret.
pub fn run(input: &[u8]) {
    let Some([header, id, secret]) = texts::<3>(input) else { return };
    if let Ok(read) = Credentials::collect(&[header], &Params::default()) {
        as_it_was_sent(header, &read, secret);
        assert!(Credentials::collect(&[header, header], &Params::default()).is_err(), "once is enough");
    }
    if !id.contains('\0') && !secret.contains('\0') {
        as_the_standard_writes_it(id, secret);
    }
}

/// The standard's reading of a pair first, then those without form-decoding, and no other.
fn as_it_was_sent(header: &str, read: &Credentials, secret: &str) {
    let pair = sent_pair(header);
    assert!(!pair.contains('\0'), "{pair:?}");
    let (raw_id, raw_secret) = pair.split_once(':').expect("a pair");
    let decoded = (decode(raw_id.as_bytes()).ok()).zip(decode(raw_secret.as_bytes()).ok());
    let readings = read.readings();
    assert!((1..=9).contains(&readings.len()), "{pair:?}");
    for (at, reading) in readings.iter().enumerate() {
        let id = reading.client_id();
        let of_standard = decoded.as_ref().filter(|(decoded, _)| decoded == id);
        let raw = pair.strip_prefix(id).and_then(|rest| rest.strip_prefix(':'));
        assert!(raw.is_some() || at == 0 && of_standard.is_some(), "{pair:?} as {id:?}");
        let first = at == 0 && of_standard.is_some_and(|(_, decoded)| decoded == secret);
        let knows = first || raw == Some(secret) && (at > 0 || of_standard.is_none() || id == raw_id);
        assert_eq!(
            read.verify(reading, Some(&client(id, secret)), NOW).is_ok(),
            knows,
            "{pair:?} against {secret:?}"
        );
        assert!(read.verify(reading, None, NOW).is_err(), "an unknown client");
    }
}

/// Spec: RFC 6749 §2.3.1
fn as_the_standard_writes_it(id: &str, secret: &str) {
    let form = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", form(id), form(secret));
    let header = format!("Basic {}", BASE64.encode(pair.as_bytes()));
    let read = Credentials::collect(&[&header], &Params::default()).expect("well formed");
    let reading = read.readings().first().expect("a reading");
    assert_eq!(reading.client_id(), id);
    assert!(read.verify(reading, Some(&client(id, secret)), NOW).is_ok(), "the right secret");
    assert!(read.verify(reading, Some(&client(id, &format!("{secret}x"))), NOW).is_err(), "a wrong secret");
}

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

/// What stands in the header, by another decoder than the program's own.
fn sent_pair(header: &str) -> String {
    let encoded = header.get(6..).expect("a scheme and a space").trim();
    String::from_utf8(openssl::base64::decode_block(encoded).expect("base64")).expect("text")
}

fn client(id: &str, secret: &str) -> Client {
    let metadata =
        Metadata { token_endpoint_auth_method: Some(AuthMethod::ClientSecretBasic), ..Metadata::default() };
    let secrets = Secrets::one(ClientSecret::of(TokenHash::of(secret), NOW));
    Client { id: id.into(), secrets, disabled: false, registered_at: NOW, metadata }
}
