//! The sign-in page. It authenticates and nothing else: what comes next is decided where it began.

use actix_web::{HttpResponse, web};

use crate::app::App;
use crate::password::{Password, VerifyFailure};
use crate::protocol::claims::ACR_SINGLE_FACTOR;
use crate::protocol::decide::{Decision, candidate, decide};
use crate::protocol::event::Outcome;
use crate::protocol::session::Account;
use crate::state::StateError;
use crate::state::sessions::{Authentication, Begun};
use crate::state::throttle::{Attempt, TurnedAway};
use crate::store;
use crate::web::answer::{see_other, with_cookie};
use crate::web::around::address::ClientAddress;
use crate::web::browser::Browser;
use crate::web::browser::cookies::session_cookie;
use crate::web::browser::device::Device;
use crate::web::extract::{self, Body};
use crate::web::failure::{AuthorizeFailure, PageFailure};
use crate::web::login_retry::LoginRetry;
use crate::web::pending::{Pending, Posted, continue_at};
use crate::web::sealed::Sealed;
use crate::web::visit::Visit;

mod form; // the form, and what is to be corrected in it
mod metrics; // attempts, by result
mod report; // what is told of an attempt
pub mod view; // what the page shows

pub use self::metrics::SignIns;

use form::Form;
use report::{About, Report};
use view::LoginProblem;

/// `GET /login?t=…`
pub async fn get(visit: Visit) -> Result<HttpResponse, AuthorizeFailure> {
    let app = &visit.app;
    let query = extract::query(&visit.req, &["t", "switch", "tried"])?;
    let Some(sealed) = query.get("t") else {
        return Ok(see_other(&visit.at("/")).finish());
    };
    let Some(pending) = Pending::open(&visit, sealed).await? else {
        return Ok(see_other(&continue_at(app, sealed)).finish());
    };
    let retry = query.get("tried").and_then(|sealed| LoginRetry::open(app, &pending.browser, sealed));
    let switching = query.get("switch").is_some() || retry.as_ref().is_some_and(|retry| retry.switching);
    // A tab that finds the person already signed in just continues.
    let waiting = waits_for(&visit, &pending).await?;
    if !switching && !waiting.needed {
        return Ok(see_other(&continue_at(app, sealed)).finish());
    }
    if let Some(LoginRetry { username, remember, missing, .. }) = retry {
        let problem = if missing { LoginProblem::Missing } else { LoginProblem::WrongCredentials };
        let form = Form { pending: &pending, sealed, username: &username, remember };
        return Ok(form.show(&visit, Some(problem)).await);
    }
    // Whoever asked to stay signed in need not ask again.
    let remember = !switching && waiting.remembered;
    let username = proposed(app, &pending, waiting, switching).await?;
    Ok(Form { pending: &pending, sealed, username: &username, remember }.show(&visit, None).await)
}

/// `POST /login`
pub async fn post(
    visit: Visit,
    sign_ins: web::Data<SignIns>,
    body: Body,
) -> Result<HttpResponse, AuthorizeFailure> {
    let (app, now) = (&visit.app, visit.now);
    let fields = ["ticket", "username", "password", "remember", "decision"];
    let Posted { params, sealed, pending } = Pending::posted(&visit, &body, &fields).await?;
    let Some(mut pending) = pending else { return Ok(see_other(&continue_at(app, &sealed)).finish()) };
    if params.get("decision") == Some("cancel") {
        return pending.deny(&visit).await;
    }
    let username = params.get("username").filter(|typed| !typed.trim().is_empty()).unwrap_or_default();
    let remember = params.get("remember").is_some();
    let form = Form { pending: &pending, sealed: &sealed, username, remember };
    let Some(password) = params.get("password").filter(|_| !username.is_empty()) else {
        return form.again(&visit, LoginProblem::Missing).await;
    };
    let report = Report { visit: &visit, sign_ins: &sign_ins, client: &pending.asked.client.id };
    let signed_in = match sign_in(report, &pending, &Typed { username, password, remember }).await {
        Ok(Ok(signed_in)) => signed_in,
        Ok(Err(problem)) => {
            count(&sign_ins, problem);
            return form.again(&visit, problem).await;
        }
        // The page says that a store is away, and keeps what was typed.
        Err(AuthorizeFailure::Page(away @ (PageFailure::StateDown(_) | PageFailure::Busy(_)))) => {
            tracing::warn!(cause = %away, "a sign-in could not be completed");
            count(&sign_ins, LoginProblem::StateDown);
            return Ok(form.show(&visit, Some(LoginProblem::StateDown)).await);
        }
        Err(failure) => return Err(failure),
    };
    let SignedIn { person, begun, is_afresh } = signed_in;
    if is_afresh {
        pending.ticket = pending.ticket.afresh(now);
    }
    pending.ticket.done.signed_in(begun.session_id, now);
    let res = see_other(&pending.go_on(&visit).await?).finish();
    let res = with_cookie(res, Some(session_cookie(app, begun.cookie, begun.max_age)));
    let device = Device { app, browser: &pending.browser, user_id: &person.id, hash: &person.hash };
    Ok(with_cookie(res, Some(device.remember(&visit.req, now))))
}

/// What a sign-in that succeeded leads to.
struct SignedIn {
    person: Person,
    begun: Begun,
    /// Whether the request was completed since the page was opened: coming back to the page is a new request.
    is_afresh: bool,
}

/// Signs a person in with what was typed.
async fn sign_in(
    report: Report<'_>,
    pending: &Pending,
    typed: &Typed<'_>,
) -> Result<Result<SignedIn, LoginProblem>, AuthorizeFailure> {
    let (app, now) = (&report.visit.app, report.visit.now);
    let person = match authenticate(report, &pending.browser, typed).await? {
        Ok(person) => person,
        Err(problem) => return Ok(Err(problem)),
    };
    let begun = begin(report.visit, &pending.browser, &person.id, typed.remember).await?;
    let about = About { person: Some(&person.id), known_device: person.known_device };
    // The password may have been changed, or the account disabled, while this one waited for its turn:
    // whoever did that has ended all sessions there were, and this one came later.
    if !store::users::still_signs_in(&app.db, &person.id, &person.hash).await? {
        app.state.sessions.end_one(begun.record, begun.session_id, now).await?;
        report.ended(Outcome::WrongPassword, about, typed.username);
        return Ok(Err(LoginProblem::WrongCredentials));
    }
    let is_afresh = app.state.tickets.is_completed(pending.ticket.id, now).await?;
    report.ended(Outcome::Ok, about, typed.username);
    Ok(Ok(SignedIn { person, begun, is_afresh }))
}

/// Counts an attempt whose password was not compared.
fn count(sign_ins: &SignIns, problem: LoginProblem) {
    match problem {
        LoginProblem::WrongCredentials | LoginProblem::TooMany { .. } | LoginProblem::Missing => (),
        LoginProblem::Busy | LoginProblem::StateDown => sign_ins.unavailable(),
    }
}

/// What a request whose sign-in page is opened waits for.
struct Waiting {
    /// Whether that is a sign-in.
    needed: bool,
    /// The account it is about, if that is certain and signed in here.
    user_id: Option<String>,
    /// Whether that person asked to stay signed in.
    remembered: bool,
    /// Everybody who is signed in here.
    here: Vec<String>,
}

async fn waits_for(visit: &Visit, pending: &Pending) -> Result<Waiting, AuthorizeFailure> {
    let session = visit.session().await?;
    let accounts = session.as_ref().map(|session| session.accounts.as_slice()).unwrap_or_default();
    let (request, done) = (&pending.asked.request, &pending.ticket.done);
    let candidate = candidate(request, done, accounts);
    let needed = decide(request, &pending.asked.client, done, candidate, true, visit.now) == Decision::Login;
    let id = |account: &Account| account.user_id.clone();
    let remembered = candidate.one().is_some_and(|account| account.remembered);
    let here = accounts.iter().map(id).collect();
    Ok(Waiting { needed, user_id: candidate.one().map(id), remembered, here })
}

/// The name the form begins with: whoever is signed in, or has chosen an account, need not type it again. The
/// application's hint comes after a choice, and is none where somebody wants another account than this one.
async fn proposed(
    app: &App,
    pending: &Pending,
    waiting: Waiting,
    switching: bool,
) -> Result<String, AuthorizeFailure> {
    let hint = pending.asked.request.login_hint.as_deref().unwrap_or_default();
    if switching {
        let here = store::users::by_ids(&app.db, waiting.here).await?;
        let is_here = here.iter().any(|user| user.is_called(hint));
        return Ok(if is_here { "" } else { hint }.into());
    }
    match waiting.user_id {
        Some(id) if hint.is_empty() || pending.ticket.done.chosen().is_some() => {
            Ok(store::users::by_id(&app.db, &id).await?.map(|user| user.login).unwrap_or_default())
        }
        _ => Ok(hint.into()),
    }
}

struct Typed<'a> {
    username: &'a str,
    password: &'a str,
    remember: bool,
}

/// Who has proven to be who they are, and by which hash.
struct Person {
    id: String,
    hash: String,
    known_device: bool,
}

/// Checks the password, within the limits on guessing. Unknown name, wrong password and disabled account
/// are one answer at one cost.
async fn authenticate(
    report: Report<'_>,
    browser: &Browser,
    typed: &Typed<'_>,
) -> Result<Result<Person, LoginProblem>, AuthorizeFailure> {
    let Visit { req, app, now } = report.visit;
    let now = *now;
    let found = store::users::by_name_or_address(&app.db, typed.username).await?;
    let (user, hash) = found.map_or((None, None), |found| (Some(found.user), found.password_hash));
    let known_device = user
        .as_ref()
        .zip(hash.as_ref())
        .is_some_and(|(user, hash)| Device { app, browser, user_id: &user.id, hash }.is_known(req, now));
    // Before anything is counted: whoever is turned away leaves nothing behind.
    if app.passwords.is_full(known_device) {
        return Ok(Err(LoginProblem::Busy));
    }
    let network = report.visit.address().map(ClientAddress::network).unwrap_or_default();
    let login = user.as_ref().map(|user| user.login.as_str());
    let attempt = Attempt::new(typed.username, login, &network, known_device.then(|| browser.id()));
    let counted = match app.state.throttle.admit(attempt, now).await? {
        Ok(counted) => counted,
        Err(TurnedAway { counter, until }) => {
            report.throttled(
                About { person: user.as_ref().map(|user| user.id.as_str()), known_device },
                counter,
            );
            return Ok(Err(LoginProblem::TooMany { until }));
        }
    };
    let right =
        match app.passwords.verify(Password::presented(typed.password), hash.clone(), known_device).await {
            Ok(right) => right,
            // Nothing was compared: that is no failure of the person's.
            Err(busy_or_failed) => {
                settled(app.state.throttle.forgive(&counted).await);
                return match busy_or_failed {
                    VerifyFailure::Busy => Ok(Err(LoginProblem::Busy)),
                    VerifyFailure::Failed(error) => {
                        Err(PageFailure::Internal(error.to_string().into()).into())
                    }
                };
            }
        };
    let outcome = Outcome::of(user.as_ref(), right);
    if outcome != Outcome::Ok {
        let person = user.as_ref().map(|user| user.id.as_str());
        report.ended(outcome, About { person, known_device }, typed.username);
    }
    let Some((user, hash)) = user.filter(|user| right && !user.disabled).zip(hash) else {
        settled(app.state.throttle.failed(&counted, now).await);
        return Ok(Err(LoginProblem::WrongCredentials));
    };
    settled(app.state.throttle.succeeded(&counted, now).await);
    Ok(Ok(Person { id: user.id, hash, known_device }))
}

/// The outcome of an attempt belongs into the counters; if it cannot be told them, a limit is reached a little sooner.
fn settled(told: Result<(), StateError>) {
    if let Err(error) = told {
        tracing::warn!(%error, "an attempt to sign in stays counted as a failure of its network");
    }
}

/// A new cookie always; the browser's record, if this cookie is still the current one, stays.
async fn begin(visit: &Visit, browser: &Browser, user_id: &str, remember: bool) -> Result<Begun, StateError> {
    let existing = visit.session().await?;
    let login = Authentication {
        user_id: user_id.to_owned(),
        browser: browser.binding(),
        acr: ACR_SINGLE_FACTOR.into(),
        amr: vec!["pwd".into()],
        remember,
    };
    visit.app.state.sessions.begin(existing.as_ref(), &login, visit.now).await
}
