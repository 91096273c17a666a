//! What each page of the sites shows: one struct a template. The words are in the templates: this is a demo.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use askama::Template;

use super::site::token_card::TokenCard;
use super::site::trace::{Party, Trace};
use super::site::{Answer, CALLS, Call, Group, Kind};
use crate::web::assets::hashed_name;

const STYLE: &str = include_str!("../../templates/demo/style.css");
static STYLE_HREF: LazyLock<String> =
    LazyLock::new(|| format!("/{}", hashed_name("style", "css", STYLE.as_bytes())));

/// The address of the style sheet, which changes with its content.
pub(super) fn style_href() -> String {
    STYLE_HREF.clone()
}

/// `GET` of the style sheet; browsers may keep it for ever.
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

/// What every page needs around its content.
pub(super) struct Shell {
    pub(super) kind: Kind,
    pub(super) other: String,
    pub(super) provider: String,
    pub(super) style: String,
}

impl Shell {
    /// Who takes part, as the trace names them.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass by reference")]
    fn party(&self, party: &Party) -> &'static str {
        match party {
            Party::Browser => "Browser",
            Party::Site => self.kind.name(),
            Party::Provider => "Countersign",
        }
    }

    fn is_bank(&self) -> bool {
        self.kind == Kind::Bank
    }
}

/// Who is signed in, and the proof.
pub(super) struct SignedIn {
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) cards: Vec<TokenCard>,
    pub(super) can_call: bool,
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

    fn calls(group: &Group) -> impl Iterator<Item = &'static Call> {
        let group = *group;
        CALLS.iter().filter(move |call| call.group == group)
    }
}

/// The page for what cannot go on.
#[derive(Template)]
#[template(path = "demo/problem.html")]
pub(super) struct ProblemPage {
    pub(super) shell: Shell,
    pub(super) title: String,
    pub(super) what: String,
}
