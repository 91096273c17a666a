//! Failures as pages.

use actix_web::HttpResponse;
use actix_web::http::header;
use time::OffsetDateTime;

use crate::app::App;
use crate::protocol::request::Unanswerable;
use crate::texts::Texts;
use crate::web::answer::{html, retry_after, with_status};
use crate::web::error_page::ErrorPage;
use crate::web::failure::PageFailure;
use crate::web::shell::{Shell, wait_text};

/// Renders a failure as a page. Its waits are counted from `now`.
pub fn failure_page(app: &App, shell: Shell, failure: &PageFailure, now: OffsetDateTime) -> HttpResponse {
    let text = |part: &str, args: &[(&str, &str)]| {
        shell.texts.with(&format!("error-{}-{part}", failure.name()), args)
    };
    let waits = matches!(failure, PageFailure::RateLimited { .. });
    let mut next = if waits { String::new() } else { text("next", &[]) };
    let (mut what, mut back) = (None, None);
    match failure {
        PageFailure::RateLimited { until, .. } => {
            let wait = |part| wait_text(shell.texts, &format!("error-rate-limited-{part}"), *until, now);
            what = Some(wait("what"));
            next = wait("next");
        }
        PageFailure::Unanswerable(Unanswerable::ParameterRepeated(name)) => {
            what = Some(text("what", &[("name", name)]));
        }
        PageFailure::TicketExpired { back: Some((name, url)) } => {
            next = text("next-client", &[("client", name)]);
            back = Some((name.clone(), url.clone()));
        }
        _ => (),
    }
    let page = ErrorPage {
        title: text("title", &[]),
        what: what.unwrap_or_else(|| text("what", &[])),
        next,
        code: failure.code().map(Into::into),
        details: if app.config.development { details(shell.texts, failure) } else { vec![] },
        back,
        status: failure.status(),
        shell,
    };
    let policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
                  frame-ancestors 'none'";
    let mut res = with_status(html(&page, policy, "no-referrer"), failure.status());
    match failure {
        PageFailure::Method(allow) => {
            res.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allow));
        }
        PageFailure::RateLimited { until, .. } => res = retry_after(res, *until - now),
        _ => (),
    }
    res
}

/// The details for the developer, shown in development mode: each label once, with its values.
fn details(texts: Texts, failure: &PageFailure) -> Vec<(String, Vec<String>)> {
    let mut lines: Vec<(String, Vec<String>)> = vec![];
    let mut add = |label: &str, value: String| {
        let label = texts.get(label);
        match lines.iter_mut().find(|(known, _)| *known == label) {
            Some((_, values)) => values.push(value),
            None => lines.push((label, vec![value])),
        }
    };
    match failure {
        PageFailure::Unanswerable(Unanswerable::RedirectUriMismatch(mismatch)) => {
            for fact in failure.cause().facts {
                match &*fact.name {
                    "sent" => add("detail-got", fact.value.to_string()),
                    "nearest" => add("detail-nearest", fact.value.to_string()),
                    "character" => add("detail-character", fact.value.to_string()),
                    "in ASCII" => add("detail-ascii", fact.value.to_string()),
                    _ => add("detail-differs", texts.get(&format!("differs-{}", fact.value))),
                }
            }
            if mismatch.nearest.is_none() {
                add("detail-nearest", texts.get("detail-registered-none"));
            }
        }
        PageFailure::NotFound
        | PageFailure::Method(_)
        | PageFailure::CookiesOff
        | PageFailure::TicketExpired { .. } => (),
        other => add("detail-cause", other.to_string()),
    }
    lines
}
