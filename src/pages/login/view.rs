//! What the sign-in page shows.

use askama::Template;
use time::OffsetDateTime;

use crate::web::cards::ClientCard;
use crate::web::shell::{Shell, wait_text};

/// The sign-in page: name and password on one page, as password managers want it.
///
/// Spec: OpenID Connect Core §3.1.2.3
#[derive(Clone, Debug, Template)]
#[template(path = "login.html")]
pub struct LoginPage {
    /// What surrounds the content.
    pub shell: Shell,
    /// The application that asked.
    pub client: ClientCard,
    /// The sealed request; it is also the form's proof against forgery.
    pub ticket: String,
    /// The user name to start with: from a hint, or as typed before.
    pub username: String,
    /// Whether "Stay signed in" was ticked before.
    pub remember: bool,
    /// Why the form is shown again.
    pub problem: Option<LoginProblem>,
    /// The present instant.
    pub now: OffsetDateTime,
}

/// Why a sign-in did not happen. One answer for an unknown name and a wrong password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginProblem {
    /// No account has this name and password.
    WrongCredentials,
    /// The name or the password was left empty.
    Missing,
    /// Too many passwords are being checked at the moment.
    Busy,
    /// The sign-in memory cannot be reached.
    StateDown,
    /// Too many attempts failed before; the password was not looked at.
    TooMany {
        /// When attempts are accepted again.
        until: OffsetDateTime,
    },
}

impl LoginProblem {
    fn text(self, part: &str) -> String {
        let kind = match self {
            Self::WrongCredentials => "credentials",
            Self::Missing => "missing",
            Self::Busy => "busy",
            Self::StateDown => "state-down",
            Self::TooMany { .. } => "too-many",
        };
        format!("login-{kind}-{part}")
    }

    /// Tells a fault of the service, said in a milder colour, from something the person can correct.
    fn is_ours(self) -> bool {
        matches!(self, Self::Busy | Self::StateDown)
    }
}

impl LoginPage {
    fn heading(&self) -> String {
        self.shell.with("login-title", "client", &self.client.name)
    }

    fn document_title(&self) -> String {
        let id = if self.problem.is_some() { "page-title-problem" } else { "page-title" };
        self.shell.with(id, "title", self.heading())
    }

    /// What to do about the problem; where that is to wait, for how long and until when.
    fn problem_next(&self, problem: &LoginProblem) -> String {
        let id = problem.text("next");
        match problem {
            LoginProblem::TooMany { until } => wait_text(self.shell.texts, &id, *until, self.now),
            _ => self.shell.get(id),
        }
    }

    /// The password is never sent back, so a filled-in name means that the password was missing.
    fn username_missing(&self) -> bool {
        self.problem == Some(LoginProblem::Missing) && self.username.is_empty()
    }

    fn password_missing(&self) -> bool {
        self.problem == Some(LoginProblem::Missing) && !self.username.is_empty()
    }

    fn credentials_wrong(&self) -> bool {
        self.problem == Some(LoginProblem::WrongCredentials)
    }
}
