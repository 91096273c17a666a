//! Client assertions, made by hand with another library than the provider's own code.

use countersign::keys::jose::KeyPair;
use countersign::protocol::client::SigningAlg;
use countersign::protocol::client::assertion::JWT_BEARER;
use countersign::secret::{Token, base64url, hmac};
use josekit::jws::{ES256, EdDSA, JwsSigner, PS256, RS256};
use reqwest::Method;
use serde_json::{Value, json};

use super::app::TestApp;
use super::browser::{Answer, Browser};

/// A key of a client.
pub struct ClientKey {
    pub kid: String,
    pub alg: SigningAlg,
    pub pair: KeyPair,
}

impl ClientKey {
    pub fn new(alg: SigningAlg, kid: &str) -> ClientKey {
        ClientKey { kid: kid.into(), alg, pair: KeyPair::generate(alg, 2048).unwrap() }
    }

    /// The public JWK.
    pub fn jwk(&self) -> Value {
        let mut jwk = self.pair.public_jwk.clone();
        jwk.insert("kid".into(), self.kid.clone().into());
        jwk.insert("use".into(), "sig".into());
        Value::Object(jwk)
    }

    /// A JWS of these, by this key as this algorithm.
    pub fn sign_as(&self, alg: SigningAlg, header: &Value, claims: &Value) -> String {
        let der = &self.pair.private_der;
        let signer: Box<dyn JwsSigner> = match alg {
            SigningAlg::RS256 => Box::new(RS256.signer_from_der(der).unwrap()),
            SigningAlg::ES256 => Box::new(ES256.signer_from_der(der).unwrap()),
            SigningAlg::PS256 => Box::new(PS256.signer_from_der(der).unwrap()),
            SigningAlg::EdDSA => Box::new(EdDSA.signer_from_der(der).unwrap()),
        };
        let message = message(header, claims);
        format!("{message}.{}", base64url(&signer.sign(message.as_bytes()).unwrap()))
    }

    /// An assertion of this client as it should be, changed: null takes a claim away.
    pub fn assertion(&self, app: &TestApp, client_id: &str, changes: &Value) -> String {
        let header = json!({ "alg": self.alg.name(), "kid": self.kid });
        self.sign_as(self.alg, &header, &claims(app, client_id, changes))
    }
}

fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()))
}

/// A JWS with a MAC.
pub fn with_mac(secret: &str, header: &Value, claims: &Value) -> String {
    let message = message(header, claims);
    format!("{message}.{}", base64url(&hmac(secret.as_bytes(), &[message.as_bytes()])))
}

/// The claims of an assertion as they should be, changed: null takes one away.
pub fn claims(app: &TestApp, client_id: &str, changes: &Value) -> Value {
    let now = app.clock.now().unix_timestamp();
    let mut claims = json!({
        "iss": client_id, "sub": client_id, "aud": app.issuer, "jti": Token::generate().expose(),
        "iat": now, "exp": now + 60,
    });
    let members = claims.as_object_mut().unwrap();
    members.extend(changes.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    claims
}

/// A token request whose client sends this assertion. One that is believed is told that the grant type is none.
pub async fn send(app: &TestApp, browser: &Browser, assertion: &str, more: &[(&str, &str)]) -> Answer {
    let none = [("grant_type", "none")];
    ask(app, browser, assertion, &none.into_iter().chain(more.iter().copied()).collect::<Vec<_>>()).await
}

/// A token request whose client sends this assertion.
pub async fn ask(app: &TestApp, browser: &Browser, assertion: &str, more: &[(&str, &str)]) -> Answer {
    let usual = [("client_assertion_type", JWT_BEARER), ("client_assertion", assertion)];
    let fields: Vec<(&str, &str)> = usual.into_iter().chain(more.iter().copied()).collect();
    browser.send(browser.request(Method::POST, &app.at("/token")).form(&fields)).await
}
