//! The views of the sites, one struct for each template. The texts are in the templates.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use askama::Template;

use super::site::buttons::{Answer, BUTTONS, Button, Group};
use super::site::site_id::SiteId;
use super::site::token_card::TokenCard;
use super::site::trace::{Party, Trace};
use crate::web::assets::hashed_name;

const STYLE: &str = include_str!("../../templates/demo/style.css");
static STYLE_HREF: LazyLock<String> =
    LazyLock::new(|| format!("/{}", hashed_name("style", "css", STYLE.as_bytes())));

/// The address of the style sheet, which changes with its content.
pub(super) fn style_href() -> String {
    STYLE_HREF.clone()
}

/// `GET` of the style sheet; browsers may cache it for ever.
pub(super) async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(STYLE)
}

/// A page as it is sent.
pub(super) fn html(status: StatusCode, html: String) -> HttpResponse {
    HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html)
}

/// The data for the layout of every page.
pub(super) struct Shell {
    pub(super) id: SiteId,
    pub(super) other: String,
    pub(super) provider: String,
    pub(super) style: String,
}

impl Shell {
    /// The name of a party in the trace.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass by reference")]
    fn party(&self, party: &Party) -> &'static str {
        match party {
            Party::Browser => "Browser",
            Party::Site => self.id.name(),
            Party::Provider => "Countersign",
        }
    }

    fn is_bank(&self) -> bool {
        self.id == SiteId::Bank
    }
}

/// The person and the tokens.
pub(super) struct SignedIn {
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) cards: Vec<TokenCard>,
    pub(super) can_call: bool,
    pub(super) rotates: bool,
}

/// The one page of a site.
#[derive(Template)]
#[template(path = "demo/home.html")]
pub(super) struct HomePage {
    pub(super) shell: Shell,
    pub(super) api: String,
    pub(super) notice: Option<String>,
    pub(super) signed_in: Option<SignedIn>,
    pub(super) answer: Option<Answer>,
    pub(super) trace: Option<Trace>,
    pub(super) happened: Option<String>,
}

impl HomePage {
    fn groups() -> [(&'static str, Group); 3] {
        [
            ("Use the API", Group::Use),
            ("Tamper with the token", Group::Tamper),
            ("Known attacks", Group::Attack),
        ]
    }

    fn calls(group: &Group) -> impl Iterator<Item = &'static Button> {
        let group = *group;
        BUTTONS.iter().filter(move |call| call.group == group)
    }
}

/// The page of a failure.
#[derive(Template)]
#[template(path = "demo/problem.html")]
pub(super) struct ProblemPage {
    pub(super) shell: Shell,
    pub(super) title: String,
    pub(super) what: String,
}
