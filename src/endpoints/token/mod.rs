//! The token endpoint: authenticates the client, then calls the file of the grant type.

mod code;
mod device;
mod issue; // the tokens of any grant

use actix_web::{HttpResponse, web};

use metrics::Counter;

use crate::protocol::grant_type::GrantType;
use crate::telemetry::registry::Registry;
use crate::web::client_auth;
use crate::web::extract;
use crate::web::failure::TokenFailure;
use crate::web::visit::VisitWithBody;

/// Every parameter of this endpoint.
const PARAMS: [&str; 10] = [
    "grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "code",
    "redirect_uri", "code_verifier", "device_code", "resource",
];

/// The metrics of answers that carried tokens.
pub struct Issued {
    authorization_code: Counter,
    device_code: Counter,
}

impl Issued {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> Issued {
        let counter = |grant| {
            let help = "Token answers by grant_type";
            registry.counter("countersign_tokens_issued_total", help, &[("grant_type", grant)])
        };
        Issued {
            authorization_code: counter(GrantType::AuthorizationCode.name()),
            device_code: counter(GrantType::DeviceCode.name()),
        }
    }
}

/// `POST /token`
///
/// Spec: RFC 6749 §3.2, §4.1.3; OpenID Connect Core §3.1.3; RFC 8628 §3.4
pub async fn post(
    VisitWithBody { visit, body }: VisitWithBody,
    issued: web::Data<Issued>,
) -> Result<HttpResponse, TokenFailure> {
    let params = extract::client_form(&visit.req, &body, &PARAMS)?;
    let client = client_auth::authenticate(&visit, &params).await?;
    match GrantType::read(&params, &client)? {
        GrantType::AuthorizationCode => {
            let answer = code::redeem(&visit, &client, &params).await?;
            issued.authorization_code.increment(1);
            Ok(answer)
        }
        GrantType::DeviceCode => {
            let answer = device::redeem(&visit, &client, &params).await?;
            issued.device_code.increment(1);
            Ok(answer)
        }
    }
}
