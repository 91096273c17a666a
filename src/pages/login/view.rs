//! The view of the sign-in page.

use askama::Template;
use time::OffsetDateTime;

use crate::web::cards::ClientCard;
use crate::web::shell::{Shell, wait_text};

/// The sign-in page. Name and password are on one page, because password managers expect that.
///
/// Spec: OpenID Connect Core §3.1.2.3
#[derive(Clone, Debug, Template)]
#[template(path = "login.html")]
pub struct LoginPage {
    /// The data of the layout.
    pub shell: Shell,
    /// The application that asked; none where a device is to be signed in.
    pub client: Option<ClientCard>,
    /// The sealed request, which is the form's CSRF token as well.
    pub ticket: String,
    /// The value of the name field: from a hint, or as typed before.
    pub username: String,
    /// Whether "Stay signed in" was ticked before.
    pub remember: bool,
    /// Why the form is shown again.
    pub problem: Option<LoginProblem>,
    /// The present instant.
    pub now: OffsetDateTime,
}

/// Why a sign-in failed. An unknown name and a wrong password have the same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginProblem {
    /// Name or password is wrong.
    WrongCredentials,
    /// The name or the password is empty.
    Missing,
    /// The queue for password hashing is full.
    Busy,
    /// The state store cannot be reached.
    StateDown,
    /// Too many attempts failed before; the password was not compared.
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

    /// Whether the service failed, and not the person. It is shown in a milder colour.
    fn is_ours(self) -> bool {
        matches!(self, Self::Busy | Self::StateDown)
    }
}

impl LoginPage {
    fn heading(&self) -> String {
        match &self.client {
            Some(client) => self.shell.with("login-title", "client", &client.name),
            None => self.shell.get("login-title-device"),
        }
    }

    fn document_title(&self) -> String {
        let id = if self.problem.is_some() { "page-title-problem" } else { "page-title" };
        self.shell.with(id, "title", self.heading())
    }

    /// What to do about the problem. A wait is given as minutes and as its end.
    fn problem_next(&self, problem: &LoginProblem) -> String {
        let id = problem.text("next");
        match problem {
            LoginProblem::TooMany { until } => wait_text(self.shell.texts, &id, *until, self.now),
            _ => self.shell.get(id),
        }
    }

    fn username_missing(&self) -> bool {
        self.problem == Some(LoginProblem::Missing) && self.username.is_empty()
    }

    /// Whether the password was missing. It is never filled in again, so this is told by the name.
    fn password_missing(&self) -> bool {
        self.problem == Some(LoginProblem::Missing) && !self.username.is_empty()
    }

    fn credentials_wrong(&self) -> bool {
        self.problem == Some(LoginProblem::WrongCredentials)
    }
}
