//! The sign-in form: shown afresh, or with what is to be corrected.

use actix_web::{HttpRequest, HttpResponse};
use time::OffsetDateTime;

use super::{Waiting, waits_for};
use crate::app::App;
use crate::web::answer::{Kind, page, retry_after, see_other, shell, with_status};
use crate::web::failure::AuthorizeFailure;
use crate::web::pending::{Pending, card};
use crate::web::tried::{self, Tried};
use crate::web::views::{LoginPage, LoginProblem};

/// The longest name that is kept for the next attempt.
const LONGEST_KEPT: usize = 256;

/// The sign-in form of a request.
pub struct Form<'a> {
    /// The request.
    pub pending: &'a Pending,
    /// The same, sealed.
    pub sealed: &'a str,
    /// What stands in the field for the name.
    pub username: &'a str,
    /// Whether the person wants to stay signed in.
    pub remember: bool,
}

impl Form<'_> {
    /// Says what is to be corrected on a page with an address of its own. A page that answers a form stays
    /// in the browser's history, and going back to it would end at the question whether to send the
    /// password again.
    pub async fn again(
        &self,
        req: &HttpRequest,
        app: &App,
        problem: LoginProblem,
        now: OffsetDateTime,
    ) -> Result<HttpResponse, AuthorizeFailure> {
        let missing = match problem {
            LoginProblem::Missing => true,
            LoginProblem::WrongCredentials => false,
            // Sending it again is just what is to be done then.
            LoginProblem::Busy | LoginProblem::StateDown | LoginProblem::TooMany { .. } => {
                return Ok(self.show(req, app, Some(problem)).await);
            }
        };
        if self.username.len() > LONGEST_KEPT {
            return Ok(self.show(req, app, Some(problem)).await);
        }
        let Ok(Waiting { needed, .. }) = waits_for(req, app, self.pending, now).await else {
            return Ok(self.show(req, app, Some(problem)).await);
        };
        let tried =
            Tried { username: self.username.into(), remember: self.remember, missing, switching: !needed };
        let tried = tried::seal(app, &self.pending.browser, &tried)?;
        Ok(see_other(&format!("{}/login?t={}&tried={tried}", app.config.base, self.sealed)).finish())
    }

    /// Shows it, with what is to be corrected.
    pub async fn show(&self, req: &HttpRequest, app: &App, problem: Option<LoginProblem>) -> HttpResponse {
        let now = app.clock.now();
        let view = LoginPage {
            shell: shell(req, app),
            now,
            client: card(req, app, &self.pending.asked.client, now).await,
            ticket: self.sealed.into(),
            username: self.username.into(),
            remember: self.remember,
            problem,
        };
        let res = page(app, Kind::Form, &view);
        match problem {
            None => res,
            Some(LoginProblem::WrongCredentials | LoginProblem::Missing) => with_status(res, 422),
            Some(LoginProblem::Busy | LoginProblem::StateDown) => with_status(res, 503),
            Some(LoginProblem::TooMany { until }) => {
                retry_after(with_status(res, 429), until - app.clock.now())
            }
        }
    }
}
