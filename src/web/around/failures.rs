//! Failures: the page for one, and its cause in the log.

use actix_web::Error;
use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;

use crate::app::App;
use crate::protocol::shown::Shown;
use crate::web::answer::shell;
use crate::web::debug;
use crate::web::failure::failure_page;
use crate::web::failure::{AuthorizeFailure, BearerFailure, PageFailure, TokenFailure};
use crate::web::instant;
use crate::web::reply::at_once;

/// Renders a failure as its page, or sends it to the application. The cause of every failure is logged.
pub fn render<B: MessageBody + 'static>(
    res: ServiceResponse<EitherBody<B, BoxBody>>,
    app: &App,
) -> ServiceResponse<EitherBody<B, BoxBody>> {
    let Some(error) = res.response().error() else { return res };
    let status = res.status();
    debug::record(res.request(), app, status, &logged(error), debug::told(error));
    let rendered = match (error.as_error::<PageFailure>(), error.as_error::<AuthorizeFailure>()) {
        (Some(page), _) | (_, Some(AuthorizeFailure::Page(page))) => {
            Some(failure_page(app, shell(res.request(), app), page, instant::of(res.request(), app)))
        }
        (_, Some(AuthorizeFailure::Reply { reply_to, refusal })) => {
            Some(at_once(shell(res.request(), app), reply_to, reply_to.error(&refusal.error)))
        }
        _ => None,
    };
    let Some(rendered) = rendered else { return res };
    let request = res.request().clone();
    ServiceResponse::new(request, rendered).map_into_right_body()
}

/// The text of an error for the log. The failures of this program bound their own length; other texts are cut.
fn logged(error: &Error) -> String {
    let ours = error.as_error::<PageFailure>().map(ToString::to_string);
    let ours = ours.or_else(|| error.as_error::<AuthorizeFailure>().map(ToString::to_string));
    let ours = ours.or_else(|| error.as_error::<TokenFailure>().map(ToString::to_string));
    let ours = ours.or_else(|| error.as_error::<BearerFailure>().map(ToString::to_string));
    ours.unwrap_or_else(|| Shown::of(error).to_string())
}
