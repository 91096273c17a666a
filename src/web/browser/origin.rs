//! The origin of a request by the browser's own headers: a form of the provider, a link elsewhere, a script.

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest};

use super::Browser;
use crate::app::App;
use crate::ids::SessionId;
use crate::secret::{base64url, same};
use crate::state::sessions::Session;
use crate::web::failure::PageFailure;

impl Browser {
    /// The CSRF tokens of a form without a ticket: one for each session that it is shown for, bound to the session, to
    /// this browser and to a purpose. A token is valid only while its session lasts.
    pub fn csrf_tokens(&self, app: &App, session: &Session, purpose: &str) -> String {
        let accounts = session.accounts.iter();
        let tokens: Vec<String> = accounts.map(|a| self.csrf_token(app, a.session_id, purpose)).collect();
        tokens.join(".")
    }

    /// The present sessions that a form was shown for. A form that was shown for none of them is refused.
    pub fn shown_for(
        &self,
        app: &App,
        session: &Session,
        purpose: &str,
        sent: Option<&str>,
    ) -> Result<Vec<SessionId>, PageFailure> {
        let sent = sent.unwrap_or_default();
        let is_sent = |right: &str| sent.split('.').any(|token| same(token.as_bytes(), right.as_bytes()));
        let ids = session.accounts.iter().map(|account| account.session_id);
        let shown: Vec<_> = ids.filter(|id| is_sent(&self.csrf_token(app, *id, purpose))).collect();
        if shown.is_empty() {
            return Err(PageFailure::CrossSite("its tokens are not of these sessions in this browser"));
        }
        Ok(shown)
    }

    fn csrf_token(&self, app: &App, session_id: SessionId, purpose: &str) -> String {
        base64url(&app.keys.csrf.mac(&[session_id.as_bytes(), self.id().as_bytes(), purpose.as_bytes()]))
    }
}

/// Refuses a form that another site sent, by the browser's own headers.
///
/// Spec: Fetch Metadata Request Headers §2.4 (`Sec-Fetch-Site`), RFC 6454 §7
pub fn refuse_cross_site(req: &HttpRequest, app: &App) -> Result<(), PageFailure> {
    let text = |name: &str| req.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
        (Some("same-origin" | "none"), _) => Ok(()),
        (Some(_), _) => Err(PageFailure::CrossSite("Sec-Fetch-Site says so")),
        (None, Some(origin)) if origin == app.config.origin => Ok(()),
        (None, Some(_)) => Err(PageFailure::CrossSite("Origin is not the issuer's")),
        (None, None) => Err(PageFailure::CrossSite("it has neither Sec-Fetch-Site nor Origin")),
    }
}

/// Whether a link was followed on another site, by the browser's own headers.
///
/// Spec: Fetch Metadata Request Headers §2.4 (`Sec-Fetch-Site`)
pub fn is_from_elsewhere(req: &HttpRequest) -> bool {
    req.headers().get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}

/// Refuses requests other than navigations: a page is for a person who opens it, and neither for scripts nor for images
/// of other sites. A request without the header is served, because older browsers and programs do not send it.
///
/// Spec: Fetch Metadata Request Headers §2.3 (`Sec-Fetch-Mode`)
pub async fn navigations_only<B: MessageBody + 'static>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    if req.headers().get("sec-fetch-mode").is_some_and(|mode| mode != "navigate") {
        return Ok(req.error_response(PageFailure::NotNavigated).map_into_right_body());
    }
    Ok(next.call(req).await?.map_into_left_body())
}
