//! The token endpoint: authenticates the client, then calls the file of the grant type.

mod client_credentials;
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

/// The metrics of this endpoint.
pub struct Issued {
    /// Answers that carried tokens, by grant type.
    answers: Vec<(GrantType, Counter)>,
    /// Refresh tokens that were used although they had been replaced.
    reused: Counter,
    /// Refresh tokens of generations that do not exist yet.
    ahead: Counter,
}

impl Issued {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> Issued {
        let counter = |(name, grant_type)| {
            let help = "Token answers by grant_type";
            (grant_type, registry.counter("countersign_tokens_issued_total", help, &[("grant_type", name)]))
        };
        let alarm = |cause| {
            let help = "Refresh tokens that were replaced and used again, or are newer than the database";
            registry.counter("countersign_refresh_token_alarms_total", help, &[("cause", cause)])
        };
        let answers = GrantType::SUPPORTED.into_iter().map(counter).collect();
        Issued { answers, reused: alarm("reused"), ahead: alarm("ahead") }
    }

    fn count(&self, answered: GrantType) {
        let counter = self.answers.iter().find(|(grant_type, _)| *grant_type == answered);
        if let Some((_, counter)) = counter {
            counter.increment(1);
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
    let grant_type = GrantType::read(&params, &client)?;
    let answer = match grant_type {
        GrantType::AuthorizationCode => code::redeem(&visit, &client, &params).await,
        GrantType::DeviceCode => device::redeem(&visit, &client, &params).await,
        GrantType::RefreshToken => refresh::refresh(&visit, &client, &params, &issued).await,
        GrantType::ClientCredentials => client_credentials::issue(&visit, &client, &params).await,
    }?;
    issued.count(grant_type);
    Ok(answer)
}
