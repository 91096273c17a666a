//! The sign-in page. It authenticates and nothing else; `/continue` decides what follows.

use actix_web::{HttpResponse, web};

use crate::app::App;
use crate::operations::Operation;
use crate::operations::sessions::{self, SessionFault};
use crate::password::{Password, VerifyFailure};
use crate::protocol::claims::ACR_SINGLE_FACTOR;
use crate::protocol::decide::{Candidate, Decision, decide};
use crate::protocol::event::Outcome;
use crate::protocol::session::Account;
use crate::state::StateError;
use crate::state::limits::passwords::{Attempt, TurnedAway};
use crate::state::sessions::{Authentication, Begun};
use crate::store;
use crate::store::events::Actor;
use crate::web::answer::{see_other, with_cookie};
use crate::web::around::address::ClientAddress;
use crate::web::browser::Browser;
use crate::web::browser::cookies::session_cookie;
use crate::web::browser::device::Device;
use crate::web::extract;
use crate::web::failure::{AuthorizeFailure, PageFailure};
use crate::web::login_retry::LoginRetry;
use crate::web::pending::{Errand, Pending, Posted, ValidRequest, continue_at};
use crate::web::sealed::Sealed;
use crate::web::visit::{Visit, VisitWithBody};

mod form; // the form, and what is to be corrected
mod metrics; // attempts, by result
mod record; // log line, metric and event of an attempt
pub mod view; // the view

pub use self::metrics::SignIns;

use form::Form;
use record::{About, SignInRecord};
use view::LoginProblem;

/// `GET /login?t=…`
pub async fn get(visit: Visit) -> Result<HttpResponse, AuthorizeFailure> {
    let app = &visit.app;
    let query = extract::query(&visit.req, &["t", "switch", "tried"])?;
    let (sealed, pending) = match Pending::in_address(&visit, &query).await? {
        Ok(opened) => opened,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let retry = query.get("tried").and_then(|sealed| LoginRetry::open(app, &pending.browser, sealed));
    let switching = query.get("switch").is_some() || retry.as_ref().is_some_and(|retry| retry.switching);
    // The person may have signed in in another tab meanwhile.
    let waiting = waits_for(&visit, &pending).await?;
    if !switching && !waiting.needed {
        return Ok(see_other(&continue_at(app, sealed)).finish());
    }
    if let Some(LoginRetry { username, remember, missing, .. }) = retry {
        let problem = if missing { LoginProblem::Missing } else { LoginProblem::WrongCredentials };
        let form = Form { pending: &pending, sealed, username: &username, remember };
        return Ok(form.show(&visit, Some(problem)).await);
    }
    // "Stay signed in" is ticked for a person who ticked it before.
    let remember = !switching && waiting.remembered;
    let username = proposed(app, &pending, waiting, switching).await?;
    Ok(Form { pending: &pending, sealed, username: &username, remember }.show(&visit, None).await)
}

/// `POST /login`
pub async fn post(
    VisitWithBody { visit, body }: VisitWithBody,
    sign_ins: web::Data<SignIns>,
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
    let record = SignInRecord {
        visit: &visit,
        sign_ins: &sign_ins,
        client: pending.valid().map(|valid| valid.client.id.as_str()),
    };
    let signed_in = match sign_in(record, &pending, &Typed { username, password, remember }).await {
        Ok(Ok(signed_in)) => signed_in,
        Ok(Err(problem)) => {
            count(&sign_ins, problem);
            return form.again(&visit, problem).await;
        }
        // The page says that a store cannot be reached, and keeps the typed name.
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

/// The result of a sign-in that succeeded.
struct SignedIn {
    person: Person,
    begun: Begun,
    /// Whether the request was completed since the page was opened. The page then begins a new request.
    is_afresh: bool,
}

/// Signs a person in with the typed name and password.
async fn sign_in(
    record: SignInRecord<'_>,
    pending: &Pending,
    typed: &Typed<'_>,
) -> Result<Result<SignedIn, LoginProblem>, AuthorizeFailure> {
    let (app, now) = (&record.visit.app, record.visit.now);
    let person = match authenticate(record, &pending.browser, typed).await? {
        Ok(person) => person,
        Err(problem) => return Ok(Err(problem)),
    };
    let begun = begin(record.visit, &pending.browser, &person.id, typed.remember).await?;
    let about = About { person: Some(&person.id), known_device: person.known_device };
    // The password may have been changed, or the account disabled, while the password was verified. That ended all
    // sessions of the account, but not this one, which began later.
    if !store::users::still_signs_in(&app.db, &person.id, &person.hash).await? {
        let op = Operation::new(&app.db, &app.state, Actor::Person(person.id.clone()), now);
        let ended = sessions::end_one(&op, begun.record, begun.session_id).await;
        ended.map_err(SessionFault::either::<AuthorizeFailure>)?;
        record.ended(Outcome::WrongPassword, about, typed.username);
        return Ok(Err(LoginProblem::WrongCredentials));
    }
    let is_afresh = app.state.tickets.is_completed(pending.ticket.id, now).await?;
    record.ended(Outcome::Ok, about, typed.username);
    Ok(Ok(SignedIn { person, begun, is_afresh }))
}

/// Counts an attempt whose password was not compared.
fn count(sign_ins: &SignIns, problem: LoginProblem) {
    match problem {
        LoginProblem::WrongCredentials | LoginProblem::TooMany { .. } | LoginProblem::Missing => (),
        LoginProblem::Busy | LoginProblem::StateDown => sign_ins.unavailable(),
    }
}

/// The state of a request at its sign-in page.
struct Waiting {
    /// Whether the request needs a sign-in.
    needed: bool,
    /// The account it is about, if that is certain and signed in in this browser.
    user_id: Option<String>,
    /// Whether the person asked to stay signed in.
    remembered: bool,
    /// All accounts signed in in this browser.
    here: Vec<String>,
}

async fn waits_for(visit: &Visit, pending: &Pending) -> Result<Waiting, AuthorizeFailure> {
    let session = visit.session().await?;
    let accounts = session.as_ref().map(|session| session.accounts.as_slice()).unwrap_or_default();
    let candidate = pending.candidate(accounts);
    let needed = match &pending.errand {
        Errand::Device => candidate == Candidate::Absent,
        Errand::Authorize(valid) => {
            let ValidRequest { client, request, .. } = &**valid;
            decide(request, client, &pending.ticket.done, candidate, true, visit.now) == Decision::Login
        }
    };
    let id = |account: &Account| account.user_id.clone();
    let remembered = candidate.one().is_some_and(|account| account.remembered);
    let here = accounts.iter().map(id).collect();
    Ok(Waiting { needed, user_id: candidate.one().map(id), remembered, here })
}

/// The name in the form at first: that of the account which is signed in or was chosen, then that of the application's
/// hint. It is empty where the person wants another account.
async fn proposed(
    app: &App,
    pending: &Pending,
    waiting: Waiting,
    switching: bool,
) -> Result<String, AuthorizeFailure> {
    let hint = pending.login_hint().unwrap_or_default();
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

/// A person whose password is verified, and its hash.
struct Person {
    id: String,
    hash: String,
    known_device: bool,
}

/// Verifies the password, within the limits on guessing. Unknown name, wrong password and disabled account have the same
/// answer at the same cost.
async fn authenticate(
    record: SignInRecord<'_>,
    browser: &Browser,
    typed: &Typed<'_>,
) -> Result<Result<Person, LoginProblem>, AuthorizeFailure> {
    let Visit { req, app, now } = record.visit;
    let now = *now;
    let found = store::users::by_name_or_address(&app.db, typed.username).await?;
    let (user, hash) = found.map_or((None, None), |found| (Some(found.user), found.password_hash));
    let known_device = user
        .as_ref()
        .zip(hash.as_ref())
        .is_some_and(|(user, hash)| Device { app, browser, user_id: &user.id, hash }.is_known(req, now));
    // Before the attempt is counted: with a full queue it leaves no trace.
    if app.passwords.is_full(known_device) {
        return Ok(Err(LoginProblem::Busy));
    }
    let network = record.visit.address().map(ClientAddress::network).unwrap_or_default();
    let login = user.as_ref().map(|user| user.login.as_str());
    let attempt = Attempt::new(typed.username, login, &network, known_device.then(|| browser.id()));
    let counted = match app.state.password_limits.admit(attempt, now).await? {
        Ok(counted) => counted,
        Err(TurnedAway { counter, until }) => {
            record.throttled(
                About { person: user.as_ref().map(|user| user.id.as_str()), known_device },
                counter,
            );
            return Ok(Err(LoginProblem::TooMany { until }));
        }
    };
    let right =
        match app.passwords.verify(Password::presented(typed.password), hash.clone(), known_device).await {
            Ok(right) => right,
            // No password was compared, so the attempt is no failure.
            Err(busy_or_failed) => {
                settled(app.state.password_limits.forgive(&counted).await);
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
        record.ended(outcome, About { person, known_device }, typed.username);
    }
    let Some((user, hash)) = user.filter(|user| right && !user.disabled).zip(hash) else {
        settled(app.state.password_limits.failed(&counted, now).await);
        return Ok(Err(LoginProblem::WrongCredentials));
    };
    settled(app.state.password_limits.succeeded(&counted, now).await);
    Ok(Ok(Person { id: user.id, hash, known_device }))
}

/// Logs that the counters could not be told the outcome of an attempt. A limit is then reached an attempt sooner.
fn settled(told: Result<(), StateError>) {
    if let Err(error) = told {
        tracing::warn!(%error, "an attempt to sign in stays counted as a failure of its network");
    }
}

/// Begins the session, always with a new cookie. The browser record stays if its cookie is the current one.
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
