//! Certificates made by the test that needs them.

use countersign::secret::Token;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name, X509NameRef};

/// How long an authority and what it signs are good for.
const DAYS: u32 = 2;

/// Somebody who signs certificates.
pub struct Authority {
    cert: X509,
    key: PKey<Private>,
}

impl Authority {
    pub fn new() -> Authority {
        let key = key();
        let name = name(&format!("Authority {}", &Token::generate().expose()[..8]));
        let mut cert = unsigned(&name, &name, &key, 1, DAYS);
        cert.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        cert.sign(&key, MessageDigest::sha256()).unwrap();
        Authority { cert: cert.build(), key }
    }

    /// Its own certificate, as PEM.
    pub fn pem(&self) -> String {
        String::from_utf8(self.cert.to_pem().unwrap()).unwrap()
    }

    /// A certificate for localhost by name, and its key, as PEM.
    pub fn certify_localhost(&self) -> (String, String) {
        let key = key();
        let cert = unsigned(&name("localhost"), self.cert.subject_name(), &key, 2, DAYS);
        for_localhost(cert, &key, &self.key)
    }
}

/// A certificate for localhost with this number, good for so many days, that its key signed itself; and the key;
/// as PEM.
pub fn self_signed(serial: u32, days: u32) -> (String, String) {
    signed_by_itself(&key(), serial, days)
}

/// The same with an RSA key, which suites without elliptic curves could be used with as well.
pub fn self_signed_rsa(serial: u32, days: u32) -> (String, String) {
    let key = PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
    signed_by_itself(&key, serial, days)
}

fn signed_by_itself(key: &PKey<Private>, serial: u32, days: u32) -> (String, String) {
    let name = name("localhost");
    for_localhost(unsigned(&name, &name, key, serial, days), key, key)
}

fn for_localhost(mut cert: X509Builder, key: &PKey<Private>, signer: &PKey<Private>) -> (String, String) {
    let context = cert.x509v3_context(None, None);
    let names = SubjectAlternativeName::new().dns("localhost").build(&context).unwrap();
    cert.append_extension(names).unwrap();
    cert.sign(signer, MessageDigest::sha256()).unwrap();
    let text = |pem| String::from_utf8(pem).unwrap();
    (text(cert.build().to_pem().unwrap()), text(key.private_key_to_pem_pkcs8().unwrap()))
}

fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn name(common: &str) -> X509Name {
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("CN", common).unwrap();
    name.build()
}

fn unsigned(
    subject: &X509NameRef,
    issuer: &X509NameRef,
    key: &PKey<Private>,
    serial: u32,
    days: u32,
) -> X509Builder {
    let mut cert = X509::builder().unwrap();
    cert.set_version(2).unwrap();
    cert.set_serial_number(&BigNum::from_u32(serial).unwrap().to_asn1_integer().unwrap()).unwrap();
    cert.set_subject_name(subject).unwrap();
    cert.set_issuer_name(issuer).unwrap();
    cert.set_pubkey(key).unwrap();
    cert.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    cert.set_not_after(&Asn1Time::days_from_now(days).unwrap()).unwrap();
    cert
}
