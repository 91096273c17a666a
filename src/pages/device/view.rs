//! The views of the pages for devices.

use askama::Template;
use time::OffsetDateTime;

use crate::protocol::user_code::Mistyped;
use crate::web::cards::{ClientCard, PersonCard};
use crate::web::permissions::ScopeLine;
use crate::web::shell::{Shell, wait_text};

/// The page on which a person enters the code that a device shows.
///
/// Spec: RFC 8628 §3.3
#[derive(Clone, Debug, Template)]
#[template(path = "device.html")]
pub struct DevicePage {
    /// The data of the layout.
    pub shell: Shell,
    /// The account that the device would be signed in to.
    pub account: PersonCard,
    /// The address at which another account is chosen.
    pub switch_href: String,
    /// The value of the code field: from the link, or as typed before.
    pub code: String,
    /// Why the code is not accepted.
    pub problem: Option<CodeProblem>,
    /// The sealed request, which is the form's CSRF token as well.
    pub ticket: String,
    /// The present instant.
    pub now: OffsetDateTime,
}

/// Why a code is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeProblem {
    /// It cannot be a code.
    Mistyped(Mistyped),
    /// No device has it.
    Unknown,
    /// It has expired.
    Expired,
    /// It was approved or denied before.
    Decided,
    /// Too many wrong codes were entered; this one was not looked up.
    TooMany {
        /// When codes are accepted again.
        until: OffsetDateTime,
    },
}

impl CodeProblem {
    fn text(self, part: &str) -> String {
        let kind = match self {
            Self::Mistyped(Mistyped::Missing) => "missing",
            Self::Mistyped(Mistyped::Character(_)) => "character",
            Self::Mistyped(Mistyped::Length(_)) => "length",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Decided => "decided",
            Self::TooMany { .. } => "too-many",
        };
        format!("device-{kind}-{part}")
    }
}

impl DevicePage {
    fn document_title(&self) -> String {
        let id = if self.problem.is_some() { "page-title-problem" } else { "page-title" };
        self.shell.with(id, "title", self.shell.get("device-title"))
    }

    /// What to do about the problem.
    fn problem_next(&self, problem: &CodeProblem) -> String {
        let id = problem.text("next");
        match problem {
            CodeProblem::TooMany { until } => wait_text(self.shell.texts, &id, *until, self.now),
            CodeProblem::Mistyped(Mistyped::Character(typed)) => {
                self.shell.with(&id, "character", typed.to_string())
            }
            CodeProblem::Mistyped(Mistyped::Length(typed)) => {
                self.shell.with(&id, "count", typed.to_string())
            }
            _ => self.shell.get(id),
        }
    }
}

/// The page that asks whether a device may be signed in. No button has the focus, so that approval is a deliberate act.
///
/// Spec: RFC 8628 §3.3, §5.4
#[derive(Clone, Debug, Template)]
#[template(path = "device_confirm.html")]
pub struct ConfirmPage {
    /// The data of the layout.
    pub shell: Shell,
    /// The application on the device.
    pub client: ClientCard,
    /// The code, which the device has to show.
    pub code: String,
    /// The account that the device would be signed in to.
    pub account: PersonCard,
    /// The address at which another account is chosen.
    pub switch_href: String,
    /// The permissions that the device asks for.
    pub scopes: Vec<ScopeLine>,
    /// The network that the device asked from; none when it is not known.
    pub network: Option<String>,
    /// Whether that is the network of this request.
    pub is_same_network: bool,
    /// When the device asked.
    pub asked_at: OffsetDateTime,
    /// The sealed request, with exactly what is displayed.
    pub ticket: String,
}

/// The last page: the device is signed in, or it is not.
#[derive(Clone, Debug, Template)]
#[template(path = "device_done.html")]
pub struct DonePage {
    /// The data of the layout.
    pub shell: Shell,
    /// Whether the person approved.
    pub approved: bool,
}

impl DonePage {
    fn text(&self, part: &str) -> String {
        let kind = if self.approved { "approved" } else { "denied" };
        self.shell.get(format!("device-{kind}-{part}"))
    }
}
