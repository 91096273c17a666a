//! Failures of a site, each with its page.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use super::relying_party::Site;
use crate::demo::pages::{self, ProblemPage};
use crate::state::StateError;

/// Why a request ends on a page of its own.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// The sites' own store.
    #[error(transparent)]
    State(#[from] StateError),
    /// A browser returned with a `state` that this site has not given to it.
    #[error("the state is none that was given to this browser")]
    UnknownState,
    /// The answer comes from another provider.
    #[error("the answer is from another provider: {0}")]
    OtherIssuer(String),
    /// The provider did not answer, or its answer is invalid.
    #[error("the provider: {0}")]
    Provider(String),
    /// The answer of the provider failed a check.
    #[error("{0}")]
    NotAccepted(String),
    /// A page cannot be rendered, or a token cannot be made.
    #[error("{0}")]
    Ours(String),
}

impl From<askama::Error> for SiteError {
    fn from(error: askama::Error) -> Self {
        SiteError::Ours(error.to_string())
    }
}

impl From<reqwest::Error> for SiteError {
    fn from(error: reqwest::Error) -> Self {
        SiteError::Provider(error.without_url().to_string())
    }
}

/// The answer, or the page of the failure.
pub fn answer(site: &Site, outcome: Result<HttpResponse, SiteError>) -> HttpResponse {
    outcome.unwrap_or_else(|error| {
        tracing::warn!(site = site.id.slug(), cause = %error, "a page of the demo ends in a problem");
        problem(site, &error)
    })
}

fn problem(site: &Site, error: &SiteError) -> HttpResponse {
    let (status, title, what) = match error {
        SiteError::State(_) | SiteError::Ours(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "This site cannot answer now",
            "It is not you: something went wrong here, and the terminal says what.".to_owned(),
        ),
        SiteError::UnknownState => (
            StatusCode::BAD_REQUEST,
            "This sign-in did not begin here",
            "The browser came back with a state that this site never gave to it, or gave long ago. So nobody was \
             signed in: otherwise anybody could sign you in as themselves."
                .to_owned(),
        ),
        SiteError::OtherIssuer(_) => (
            StatusCode::BAD_REQUEST,
            "The answer is from another provider",
            "It names another provider than the one this site had asked, so the code in it was not used.".to_owned(),
        ),
        SiteError::Provider(cause) => {
            (StatusCode::BAD_GATEWAY, "The provider did not answer as it should", format!("It said: {cause}."))
        }
        SiteError::NotAccepted(cause) => (
            StatusCode::BAD_GATEWAY,
            "The sign-in was not accepted",
            format!("What the provider sent did not pass this site's check: {cause}."),
        ),
    };
    page(site, status, title, &what)
}

fn page(site: &Site, status: StatusCode, title: &str, what: &str) -> HttpResponse {
    let page = ProblemPage { shell: site.shell(), title: title.into(), what: what.into() };
    match page.render() {
        Ok(html) => pages::html(status, html),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

/// The answer for paths without a route.
pub async fn not_found(site: Data<Site>) -> HttpResponse {
    page(&site, StatusCode::NOT_FOUND, "There is no such page", "This small site has only one page.")
}
