//! The sign-in page. It authenticates and nothing else: what comes next is decided where it began.

use actix_web::{HttpRequest, HttpResponse, web};
use time::OffsetDateTime;

use crate::app::App;
use crate::password::{Password, VerifyFailure};
use crate::protocol::authorize::{self, Decision};
use crate::protocol::claims::ACR_SINGLE_FACTOR;
use crate::protocol::failure::{AuthorizeFailure, PageFailure};
use crate::state::StateError;
use crate::state::sessions::{Authentication, Begun};
use crate::store;
use crate::web::answer::{Kind, page, see_other, shell, with_cookie, with_status};
use crate::web::browser::{Browser, refuse_cross_site, session, session_cookie};
use crate::web::extract::{self, Body};
use crate::web::pending::{Pending, card, continue_at};
use crate::web::views::{LoginPage, LoginProblem};

/// `GET /login?t=…`
pub async fn get(req: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, AuthorizeFailure> {
    let query = extract::query(&req, &["t", "switch"])?;
    let Some(sealed) = query.get("t") else {
        return Ok(see_other(&format!("{}/", app.config.base)).finish());
    };
    let now = app.clock.now();
    let Some(pending) = Pending::open(&req, &app, sealed, now).await? else {
        return Ok(see_other(&continue_at(&app, sealed)).finish());
    };
    // A tab that finds the person already signed in just continues.
    if query.get("switch").is_none() && !needs_login(&req, &app, &pending, now).await? {
        return Ok(see_other(&continue_at(&app, sealed)).finish());
    }
    let username = pending.asked.request.login_hint.clone().unwrap_or_default();
    Ok(Form { pending: &pending, sealed, username: &username, remember: false }.show(&req, &app, None))
}

/// `POST /login`
pub async fn post(
    req: HttpRequest,
    app: web::Data<App>,
    body: Body,
) -> Result<HttpResponse, AuthorizeFailure> {
    refuse_cross_site(&req, &app)?;
    let params = extract::form(&req, &body, &["ticket", "username", "password", "remember", "decision"])?;
    Browser::of(&req, &app).ok_or(PageFailure::CookiesOff)?;
    let sealed = params.get("ticket").ok_or(PageFailure::TicketTampered)?;
    let now = app.clock.now();
    let Some(mut pending) = Pending::open(&req, &app, sealed, now).await? else {
        return Ok(see_other(&continue_at(&app, sealed)).finish());
    };
    if params.get("decision") == Some("cancel") {
        return pending.deny(&req, &app, now).await;
    }
    let username = params.get("username").filter(|typed| !typed.trim().is_empty()).unwrap_or_default();
    let remember = params.get("remember").is_some();
    let form = Form { pending: &pending, sealed, username, remember };
    let Some(password) = params.get("password").filter(|_| !username.is_empty()) else {
        return Ok(form.show(&req, &app, Some(LoginProblem::Missing)));
    };
    let wrong = || Ok(form.show(&req, &app, Some(LoginProblem::WrongCredentials)));
    let Some((user_id, hash)) = (match check(&app, username, password).await {
        Err(Unchecked::Busy) => return Ok(form.show(&req, &app, Some(LoginProblem::Busy))),
        Err(Unchecked::Failed(failure)) => return Err(failure.into()),
        Ok(person) => person,
    }) else {
        return wrong();
    };
    let begun = match begin(&req, &app, &user_id, remember, now).await {
        Err(StateError::Unreachable(cause)) => {
            tracing::warn!(%cause, "nobody can sign in: the state store cannot be reached");
            return Ok(form.show(&req, &app, Some(LoginProblem::StateDown)));
        }
        begun => begun?,
    };
    // The password may have been changed, or the account disabled, while this one waited for its turn:
    // whoever did that has ended all sessions there were, and this one came later.
    if !store::users::still_signs_in(&app.db, &user_id, &hash).await? {
        app.state.sessions.end_one(begun.record, begun.session_id, now).await?;
        return wrong();
    }
    tracing::info!(%user_id, client = %pending.asked.client.id, "signed in");
    // Coming back to a page whose request was completed since is a new request.
    if app.state.tickets.is_completed(pending.ticket.id, now).await? {
        pending.ticket = pending.ticket.afresh(now);
    }
    pending.ticket.done.login = Some(begun.session_id);
    let res = see_other(&pending.go_on(&req, &app, now).await?).finish();
    Ok(with_cookie(res, Some(session_cookie(&app, begun.cookie, begun.max_age))))
}

/// Whether a sign-in is what this request waits for.
async fn needs_login(
    req: &HttpRequest,
    app: &App,
    pending: &Pending,
    now: OffsetDateTime,
) -> Result<bool, AuthorizeFailure> {
    let session = session(req, app, now).await?;
    let accounts = session.as_ref().map(|session| session.accounts.as_slice()).unwrap_or_default();
    let (request, done) = (&pending.asked.request, &pending.ticket.done);
    let candidate = authorize::candidate(request, done, accounts);
    Ok(authorize::decide(request, &pending.asked.client, done, candidate, true, now) == Decision::Login)
}

enum Unchecked {
    Busy,
    Failed(PageFailure),
}

/// The person whose password this is, with its hash. Unknown name, wrong password and disabled account
/// are one answer at one cost.
async fn check(app: &App, username: &str, password: &str) -> Result<Option<(String, String)>, Unchecked> {
    let found =
        store::users::by_login(&app.db, username).await.map_err(|error| Unchecked::Failed(error.into()))?;
    let (user, hash) = found.map_or((None, None), |found| (Some(found.user), found.password_hash));
    match app.passwords.verify(Password::presented(password), hash.clone()).await {
        Ok(right) => {
            let user = user.filter(|user| right && !user.disabled);
            Ok(user.and_then(|user| Some((user.id, hash?))))
        }
        Err(VerifyFailure::Busy) => Err(Unchecked::Busy),
        Err(VerifyFailure::Failed(error)) => Err(Unchecked::Failed(PageFailure::Internal(error.to_string()))),
    }
}

/// A new cookie always; the browser's record, if this cookie is still the current one, stays.
async fn begin(
    req: &HttpRequest,
    app: &App,
    user_id: &str,
    remember: bool,
    now: OffsetDateTime,
) -> Result<Begun, StateError> {
    let existing = session(req, app, now).await?;
    let user_id = user_id.to_owned();
    let login = Authentication { user_id, acr: ACR_SINGLE_FACTOR.into(), amr: vec!["pwd".into()], remember };
    app.state.sessions.begin(existing.as_ref(), &login, now).await
}

struct Form<'a> {
    pending: &'a Pending,
    sealed: &'a str,
    username: &'a str,
    remember: bool,
}

impl Form<'_> {
    fn show(&self, req: &HttpRequest, app: &App, problem: Option<LoginProblem>) -> HttpResponse {
        let view = LoginPage {
            shell: shell(req, app),
            client: Some(card(&self.pending.asked.client)),
            ticket: self.sealed.into(),
            username: self.username.into(),
            remember: self.remember,
            problem,
            cancel: true,
        };
        let res = page(app, Kind::Form, &view);
        match problem {
            None => res,
            Some(LoginProblem::WrongCredentials | LoginProblem::Missing) => with_status(res, 422),
            Some(LoginProblem::Busy | LoginProblem::StateDown) => with_status(res, 503),
        }
    }
}
