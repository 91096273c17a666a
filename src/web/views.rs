//! What each page shows: one struct per template of the same name. The handlers fill them in, the templates
//! only lay them out, and every word comes from the [`Texts`] in the [`Shell`].

use askama::Template;
use time::{Duration, OffsetDateTime, UtcOffset};

use crate::texts::Texts;
use crate::web::assets;

/// What every page needs around its content.
#[derive(Clone, Debug)]
pub struct Shell {
    /// The words, in the person's language.
    pub texts: Texts,
    /// The path of the issuer, `""` or `"/path"`: all links and form actions start with it.
    pub base: String,
    /// The id of the request in the log; shown on the error page.
    pub request_id: String,
    /// The address to find this page at again, in another language; an answer to a form has none.
    pub here: Option<String>,
}

impl Shell {
    fn style_href(&self) -> String {
        assets::style_href(&self.base)
    }

    fn password_script_href(&self) -> String {
        assets::password_script_href(&self.base)
    }

    fn favicon_href(&self) -> String {
        assets::favicon_href(&self.base)
    }

    /// The address that turns this page into another language.
    fn language_href(&self, lang: &str, here: &str) -> String {
        let here: String = url::form_urlencoded::byte_serialize(here.as_bytes()).collect();
        format!("{}/language?lang={lang}&back={here}", self.base)
    }

    fn get(&self, id: impl AsRef<str>) -> String {
        self.texts.get(id.as_ref())
    }

    fn with(&self, id: &str, name: &str, value: impl AsRef<str>) -> String {
        self.texts.with(id, &[(name, value.as_ref())])
    }

    fn at(&self, id: &str, instant: &OffsetDateTime) -> String {
        self.texts.at(id, *instant)
    }

    fn title(&self, heading: impl AsRef<str>) -> String {
        self.with("page-title", "title", heading)
    }
}

/// The application a person signs in to.
#[derive(Clone, Debug)]
pub struct ClientCard {
    /// Its name as registered.
    pub name: String,
    /// The host it is known to run on.
    pub host: Option<String>,
    /// Where we serve its logo, if there is one.
    pub logo: Option<String>,
    /// Its privacy policy.
    pub policy_uri: Option<String>,
    /// Its terms of use.
    pub tos_uri: Option<String>,
}

/// An account, as it is shown to whoever is signed in to it.
#[derive(Clone, Debug)]
pub struct PersonCard {
    /// The account's identifier, where it can be chosen.
    pub id: String,
    /// The person's name.
    pub name: String,
    /// The login name.
    pub login: String,
}

/// The page on which one of the accounts signed in here is chosen. Each is a button of one form.
///
/// Spec: OpenID Connect Core §3.1.2.1 (`prompt=select_account`)
#[derive(Clone, Debug, Template)]
#[template(path = "select.html")]
pub struct SelectPage {
    /// What surrounds the content.
    pub shell: Shell,
    /// The application that asked.
    pub client: ClientCard,
    /// The accounts it may be about.
    pub accounts: Vec<PersonCard>,
    /// The sealed request; it is also the form's proof against forgery.
    pub ticket: String,
}

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

/// A message about a wait, with the `$minutes` that are left and the `$time` (UTC) of its end. Both are rounded up.
pub fn wait_text(texts: Texts, id: &str, until: OffsetDateTime, now: OffsetDateTime) -> String {
    let seconds = u64::try_from((until - now).whole_seconds()).unwrap_or_default();
    let minutes = seconds.div_ceil(60).max(1).to_string();
    let end = until.to_offset(UtcOffset::UTC) + Duration::seconds(59);
    let time = format!("{:02}:{:02}", end.hour(), end.minute());
    texts.with(id, &[("minutes", &minutes), ("time", &time)])
}

/// The page that asks whether an application may act for an account. Nothing on it has the focus: allowing
/// must be a deliberate act.
///
/// Spec: OpenID Connect Core §3.1.2.4
#[derive(Clone, Debug, Template)]
#[template(path = "consent.html")]
pub struct ConsentPage {
    /// What surrounds the content.
    pub shell: Shell,
    /// The application that asks.
    pub client: ClientCard,
    /// The account the person is acting as.
    pub account: PersonCard,
    /// What the application would be able to do.
    pub scopes: Vec<ScopeLine>,
    /// Whether the answer goes to a program on the person's own computer, whose name proves nothing.
    pub loopback_warning: bool,
    /// The sealed request, holding exactly what is displayed.
    pub ticket: String,
    /// Where to choose another account.
    pub switch_href: String,
}

/// One thing an application asks for, in plain words.
#[derive(Clone, Debug)]
pub struct ScopeLine {
    /// What it would be able to do.
    pub title: String,
    /// One line more.
    pub detail: Option<String>,
}

impl ScopeLine {
    /// Describes a scope that the house has words for; others bring the operator's description.
    pub fn standard(texts: Texts, scope: &str) -> Option<Self> {
        let title = format!("scope-{scope}");
        let detail = format!("{title}-detail");
        (texts.has(&title) && texts.has(&detail))
            .then(|| Self { title: texts.get(&title), detail: Some(texts.get(&detail)) })
    }
}

/// The question before signing out, asked when no valid hint says who is meant.
///
/// Spec: OpenID Connect RP-Initiated Logout §2
#[derive(Clone, Debug, Template)]
#[template(path = "sign_out.html")]
pub struct SignOutPage {
    /// What surrounds the content.
    pub shell: Shell,
    /// The accounts that would be signed out: everybody in this browser.
    pub accounts: Vec<PersonCard>,
    /// The application that asked.
    pub client: Option<ClientCard>,
    /// The fields to send along: the proof against forgery and what to do afterwards.
    pub hidden: Vec<(String, String)>,
}

/// The page after signing out.
#[derive(Clone, Debug, Template)]
#[template(path = "signed_out.html")]
pub struct SignedOutPage {
    /// What surrounds the content.
    pub shell: Shell,
    /// Why the person stays here although the application asked for a redirect, by the name of the text.
    pub stay: Option<&'static str>,
    /// Whether other accounts in this browser are still signed in.
    pub others: bool,
}

/// The page for everything that cannot be answered to an application: it says what happened and what to do.
///
/// Spec: OAuth 2.0 RFC 6749 §4.1.2.1
#[derive(Clone, Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// What surrounds the content.
    pub shell: Shell,
    /// The HTTP status it is sent with.
    pub status: u16,
    /// The fault in a few words.
    pub title: String,
    /// What happened.
    pub what: String,
    /// What to do next.
    pub next: String,
    /// The error code of the standards.
    pub code: Option<String>,
    /// Particulars for developers, label and values; development mode only.
    pub details: Vec<(String, Vec<String>)>,
    /// Name and address of the application to go back to.
    pub back: Option<(String, String)>,
}

/// The stop between a form and the application: browsers hold every redirect after a form against the page's
/// `form-action`, but not a refresh.
#[derive(Clone, Debug, Template)]
#[template(path = "interstitial.html")]
pub struct InterstitialPage {
    /// What surrounds the content.
    pub shell: Shell,
    /// The application's name.
    pub client_name: String,
    /// Where the answer goes; a matched redirect URI with its parameters.
    pub url: String,
}

/// The way back as a form: it posts itself, or waits for the button where there is no script.
///
/// Spec: OAuth 2.0 Form Post Response Mode §2
#[derive(Clone, Debug, Template)]
#[template(path = "form_post.html")]
pub struct FormPostPage {
    /// What surrounds the content.
    pub shell: Shell,
    /// The application's name.
    pub client_name: String,
    /// Where the form goes: a matched redirect URI.
    pub to: String,
    /// What it carries.
    pub fields: Vec<(&'static str, String)>,
}

impl FormPostPage {
    /// The only script there is inside a page, permitted by its hash. No character of it is one that a
    /// template would escape.
    pub const SCRIPT: &str = "document.forms[0].submit()";
}

/// The front page: who is signed in in this browser, and the applications.
#[derive(Clone, Debug, Template)]
#[template(path = "home.html")]
pub struct HomePage {
    /// What surrounds the content.
    pub shell: Shell,
    /// The accounts signed in here.
    pub accounts: Vec<HomeAccount>,
    /// The applications that can be opened from here.
    pub apps: Vec<HomeApp>,
    /// The proof against forgery of the sign-out form.
    pub csrf: String,
    /// Whether this provider runs in development mode.
    pub development: bool,
    /// Whether somebody has just installed this: nobody is signed in, and no application is registered.
    pub first_steps: bool,
}

impl HomePage {
    fn heading(&self) -> String {
        let id = if self.accounts.is_empty() { "home-title-nobody" } else { "home-title-account" };
        self.shell.get(id)
    }
}

/// An account on the front page.
#[derive(Clone, Debug)]
pub struct HomeAccount {
    /// The account's identifier, by which it is signed out.
    pub id: String,
    /// The person's name.
    pub name: String,
    /// The login name.
    pub login: String,
    /// When they signed in.
    pub since: OffsetDateTime,
}

/// An application on the front page.
#[derive(Clone, Debug)]
pub struct HomeApp {
    /// Its name as registered.
    pub name: String,
    /// Where it opens.
    pub url: String,
    /// The host it runs on.
    pub host: Option<String>,
}

/// Answers the letter that stands for a person where there is no picture.
pub(crate) fn initial(name: &str) -> String {
    name.chars().find(|c| c.is_alphanumeric()).map(|c| c.to_uppercase().collect()).unwrap_or_default()
}

/// Tells words from a literal value such as an address, which is set in a fixed-width face.
fn is_sentence(value: &str) -> bool {
    value.contains(' ')
}
