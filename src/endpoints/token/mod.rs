//! The token endpoint: authenticates the client, then calls the file of the grant type.

mod code;
mod device;
mod family; // beginning a family of refresh tokens
mod issue; // the tokens of any grant
mod refresh;

use actix_web::{HttpResponse, web};

use metrics::Counter;

use crate::protocol::grant_type::GrantType;
use crate::telemetry::registry::Registry;
use crate::web::client_auth;
use crate::web::extract;
use crate::web::failure::TokenFailure;
use crate::web::visit::VisitWithBody;

/// Every parameter of this endpoint.
const PARAMS: [&str; 12] = [
    "grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "code",
    "redirect_uri", "code_verifier", "device_code", "resource", "refresh_token", "scope",
];

/// The metrics of answers that carried tokens.
pub struct Issued {
    authorization_code: Counter,
    device_code: Counter,
    refresh_token: Counter,
    /// Refresh tokens that were used although they had been replaced.
    reused: Counter,
    /// Refresh tokens of generations that do not exist yet.
    ahead: Counter,
}

impl Issued {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> Issued {
        let counter = |grant| {
            let help = "Token answers by grant_type";
            registry.counter("countersign_tokens_issued_total", help, &[("grant_type", grant)])
        };
        let alarm = |cause| {
            let help = "Refresh tokens that were replaced and used again, or are newer than the database";
            registry.counter("countersign_refresh_token_alarms_total", help, &[("cause", cause)])
        };
        Issued {
            authorization_code: counter(GrantType::AuthorizationCode.name()),
            device_code: counter(GrantType::DeviceCode.name()),
            refresh_token: counter(GrantType::RefreshToken.name()),
            reused: alarm("reused"),
            ahead: alarm("ahead"),
        }
    }
}

/// `POST /token`
///
/// Spec: RFC 6749 §3.2, §4.1.3, §6; OpenID Connect Core §3.1.3, §12; RFC 8628 §3.4
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
        GrantType::RefreshToken => {
            let answer = refresh::refresh(&visit, &client, &params, &issued).await?;
            issued.refresh_token.increment(1);
            Ok(answer)
        }
    }
}
