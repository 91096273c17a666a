//! Sending an authorization response to its proven address.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use askama::Template;
use data_encoding::BASE64;

use crate::app::App;
use crate::protocol::reply::{ReplyTo, Response};
use crate::secret::sha256;
use crate::web::answer::{complete, html, see_other};
use crate::web::shell::Shell;

/// The policy of the page that posts by itself. It has no `form-action`, because its form goes to the application, and
/// browsers would apply the directive to every redirect after it.
///
/// Spec: Content Security Policy Level 3
static POSTS_BY_ITSELF: LazyLock<String> = LazyLock::new(|| {
    let script = BASE64.encode(&sha256(FormPostPage::SCRIPT.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{script}'; style-src 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
});

/// The answer as a form, which posts itself. Without scripts the person presses its button.
///
/// Spec: OAuth 2.0 Form Post Response Mode §2
#[derive(Clone, Debug, Template)]
#[template(path = "form_post.html")]
pub struct FormPostPage {
    /// The data of the layout.
    pub shell: Shell,
    /// The application's name.
    pub client_name: String,
    /// The matched redirect URI that the form is posted to.
    pub to: String,
    /// The parameters of the answer.
    pub fields: Vec<(&'static str, String)>,
}

impl FormPostPage {
    /// The only inline script, allowed by its hash. It has no character that a template would escape.
    pub const SCRIPT: &str = "document.forms[0].submit()";
}

/// Answers a request for which no page was shown.
pub fn at_once(shell: Shell, reply_to: &ReplyTo, response: Response) -> HttpResponse {
    match response {
        Response::Redirect(url) => see_other(&url).finish(),
        Response::FormPost { to, fields } => form_post(shell, reply_to, to, fields),
    }
}

/// Answers a request after its last page. This is never a redirect, which would count as part of the form before it.
pub fn after_pages(shell: Shell, app: &App, reply_to: &ReplyTo, response: Response) -> HttpResponse {
    match response {
        Response::Redirect(url) => {
            let name = reply_to.client_name(shell.texts.lang());
            complete(shell, app, name, &url)
        }
        Response::FormPost { to, fields } => form_post(shell, reply_to, to, fields),
    }
}

/// Spec: OAuth 2.0 Form Post Response Mode §2
fn form_post(
    shell: Shell,
    reply_to: &ReplyTo,
    to: String,
    fields: Vec<(&'static str, String)>,
) -> HttpResponse {
    let client_name = reply_to.client_name(shell.texts.lang()).into();
    let page = FormPostPage { shell: Shell { here: None, ..shell }, client_name, to, fields };
    html(&page, &POSTS_BY_ITSELF, "no-referrer")
}
