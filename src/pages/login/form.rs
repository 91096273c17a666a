//! The sign-in form: shown first, or again with what is to be corrected.

use actix_web::HttpResponse;

use super::view::{LoginPage, LoginProblem};
use super::{Waiting, waits_for};
use crate::web::answer::{PageKind, page, retry_after, see_other, with_status};
use crate::web::failure::AuthorizeFailure;
use crate::web::login_retry::LoginRetry;
use crate::web::pending::Pending;
use crate::web::sealed::Sealed;
use crate::web::visit::Visit;

/// The longest name that is filled in again.
const LONGEST_KEPT: usize = 256;

/// The sign-in form of a request.
pub struct Form<'a> {
    /// The request.
    pub pending: &'a Pending,
    /// The request, sealed.
    pub sealed: &'a str,
    /// The value of the name field.
    pub username: &'a str,
    /// Whether "Stay signed in" is ticked.
    pub remember: bool,
}

impl Form<'_> {
    /// Redirects to a page that says what is to be corrected. A page that answers a form stays in the browser's history,
    /// and on the way back the browser would ask whether to send the password again.
    pub async fn again(
        &self,
        visit: &Visit,
        problem: LoginProblem,
    ) -> Result<HttpResponse, AuthorizeFailure> {
        let missing = match problem {
            LoginProblem::Missing => true,
            LoginProblem::WrongCredentials => false,
            // Here sending the form again is the right thing to do.
            LoginProblem::Busy | LoginProblem::StateDown | LoginProblem::TooMany { .. } => {
                return Ok(self.show(visit, Some(problem)).await);
            }
        };
        if self.username.len() > LONGEST_KEPT {
            return Ok(self.show(visit, Some(problem)).await);
        }
        let Ok(Waiting { needed, .. }) = waits_for(visit, self.pending).await else {
            return Ok(self.show(visit, Some(problem)).await);
        };
        let (username, remember) = (self.username.to_owned(), self.remember);
        let retry = LoginRetry { username, remember, missing, switching: !needed };
        let retry = retry.seal(&visit.app, &self.pending.browser)?;
        Ok(see_other(&visit.at(&format!("/login?t={}&tried={retry}", self.sealed))).finish())
    }

    /// Shows the form, with what is to be corrected.
    pub async fn show(&self, visit: &Visit, problem: Option<LoginProblem>) -> HttpResponse {
        let view = LoginPage {
            shell: visit.shell(),
            now: visit.now,
            client: self.pending.card(visit).await,
            ticket: self.sealed.into(),
            username: self.username.into(),
            remember: self.remember,
            problem,
        };
        let res = page(&visit.app, PageKind::Form, &view);
        match problem {
            None => res,
            Some(LoginProblem::WrongCredentials | LoginProblem::Missing) => with_status(res, 422),
            Some(LoginProblem::Busy | LoginProblem::StateDown) => with_status(res, 503),
            Some(LoginProblem::TooMany { until }) => retry_after(with_status(res, 429), until - visit.now),
        }
    }
}
