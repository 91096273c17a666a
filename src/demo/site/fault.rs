//! What can go wrong, as a page that says what to do.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use super::Site;
use crate::demo::pages::{self, ProblemPage};
use crate::state::StateError;

/// Why a request ends on a page of its own.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The sites' own store.
    #[error(transparent)]
    State(#[from] StateError),
    /// A browser came back with a `state` that this site did not give to it.
    #[error("the state is none that was given to this browser")]
    UnknownState,
    /// The answer is from another provider than the one asked.
    #[error("the answer is from another provider: {0}")]
    OtherIssuer(String),
    /// The provider answered what it should not, or not at all.
    #[error("the provider: {0}")]
    Provider(String),
    /// The provider's answer does not pass its check.
    #[error("{0}")]
    NotAccepted(String),
    /// A page cannot be laid out, or a token cannot be made.
    #[error("{0}")]
    Ours(String),
}

impl From<askama::Error> for Fault {
    fn from(error: askama::Error) -> Self {
        Fault::Ours(error.to_string())
    }
}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Self {
        Fault::Provider(error.without_url().to_string())
    }
}

/// The answer, or the page that says why there is none.
pub fn answer(site: &Site, outcome: Result<HttpResponse, Fault>) -> HttpResponse {
    outcome.unwrap_or_else(|fault| {
        tracing::warn!(site = site.kind.slug(), cause = %fault, "a page of the demo ends in a problem");
        problem(site, &fault)
    })
}

fn problem(site: &Site, fault: &Fault) -> HttpResponse {
    let (status, title, what) = match fault {
        Fault::State(_) | Fault::Ours(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "This site cannot answer now",
            "It is not you: something went wrong here, and the terminal says what.".to_owned(),
        ),
        Fault::UnknownState => (
            StatusCode::BAD_REQUEST,
            "This sign-in did not begin here",
            "The browser came back with a state that this site never gave to it, or gave long ago. So nobody was \
             signed in: otherwise anybody could sign you in as themselves."
                .to_owned(),
        ),
        Fault::OtherIssuer(_) => (
            StatusCode::BAD_REQUEST,
            "The answer is from somebody else",
            "It names another provider than the one this site had asked, so the code in it was not used.".to_owned(),
        ),
        Fault::Provider(cause) => {
            (StatusCode::BAD_GATEWAY, "The provider did not answer as it should", format!("It said: {cause}."))
        }
        Fault::NotAccepted(cause) => (
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

/// Everything that is not a route.
pub async fn not_found(site: Data<Site>) -> HttpResponse {
    page(&site, StatusCode::NOT_FOUND, "There is no such page", "This small site has only one page.")
}
