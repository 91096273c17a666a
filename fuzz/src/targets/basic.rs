//! Basic credentials: read back as they were written, and right only for who knows the secret.

use countersign::protocol::client::{AuthMethod, Client, Metadata};
use countersign::protocol::client_auth::Credentials;
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

/// Both readings of a pair, form-decoded and raw, and no third one.
fn as_it_was_sent(header: &str, read: &Credentials, secret: &str) {
    let pair = sent_pair(header);
    let (raw_id, raw_secret) = pair.split_once(':').expect("a pair");
    let decoded = (decode(raw_id.as_bytes()).ok()).zip(decode(raw_secret.as_bytes()).ok());
    let (id, decoded_secret) = decoded.unwrap_or((raw_id.to_owned(), raw_secret.to_owned()));
    assert_eq!(read.client_id(), id, "{pair:?}");
    assert!(read.raw_client_id().is_none_or(|raw| raw == raw_id), "{pair:?}");
    assert!(!id.contains('\0') && !pair.contains('\0'), "{pair:?}");
    let knows = raw_secret == secret || decoded_secret == secret;
    assert_eq!(read.verify(Some(&client(raw_id, secret))).is_ok(), knows, "{pair:?} against {secret:?}");
    assert!(read.verify(None).is_err(), "an unknown client");
}

/// Spec: RFC 6749 §2.3.1
fn as_the_standard_writes_it(id: &str, secret: &str) {
    let form = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", form(id), form(secret));
    let header = format!("Basic {}", BASE64.encode(pair.as_bytes()));
    let read = Credentials::collect(&[&header], &Params::default()).expect("well formed");
    assert_eq!(read.client_id(), id);
    assert!(read.verify(Some(&client(id, secret))).is_ok(), "the right secret");
    assert!(read.verify(Some(&client(id, &format!("{secret}x")))).is_err(), "a wrong secret");
}

/// What stands in the header, by another decoder than the program's own.
fn sent_pair(header: &str) -> String {
    let encoded = header.get(6..).expect("a scheme and a space").trim();
    String::from_utf8(openssl::base64::decode_block(encoded).expect("base64")).expect("text")
}

fn client(id: &str, secret: &str) -> Client {
    let metadata =
        Metadata { token_endpoint_auth_method: AuthMethod::ClientSecretBasic, ..Metadata::default() };
    let secret = Some(TokenHash::of(secret));
    Client { id: id.into(), secret, disabled: false, registered_at: OffsetDateTime::UNIX_EPOCH, metadata }
}
