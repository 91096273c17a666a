//! The page on which one of several accounts is chosen. It chooses and nothing else: what that account still
//! owes is decided where the request began.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::App;
use crate::store;
use crate::web::answer::{Kind, page, see_other, shell};
use crate::web::browser::session;
use crate::web::extract::{self, Body};
use crate::web::failure::AuthorizeFailure;
use crate::web::pending::{Pending, Posted, card, continue_at, person_card};
use crate::web::views::SelectPage;

/// `GET /select?t=…`
pub async fn get(req: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, AuthorizeFailure> {
    let query = extract::query(&req, &["t"])?;
    let Some(sealed) = query.get("t") else {
        return Ok(see_other(&format!("{}/", app.config.base)).finish());
    };
    let go_on = || see_other(&continue_at(&app, sealed)).finish();
    let now = app.clock.now();
    let Some(pending) = Pending::open(&req, &app, sealed, now).await? else { return Ok(go_on()) };
    let request = &pending.asked.request;
    let accounts = session(&req, &app, now).await?.map(|session| session.accounts).unwrap_or_default();
    let meant = accounts.into_iter().map(|account| account.user_id);
    let meant: Vec<String> = meant.filter(|user_id| request.may_be(user_id)).collect();
    if meant.is_empty() {
        return Ok(go_on());
    }
    let mut people = store::users::by_ids(&app.db, meant).await?;
    people.retain(|user| !user.disabled);
    if people.is_empty() {
        return Ok(another(&app, sealed));
    }
    // A hint brings an account to the top and chooses nobody.
    people.sort_by_key(|user| !request.login_hint.as_ref().is_some_and(|hint| user.is_called(hint)));
    let view = SelectPage {
        shell: shell(&req, &app),
        client: card(&req, &app, &pending.asked.client, now).await,
        accounts: people.iter().map(person_card).collect(),
        ticket: sealed.into(),
    };
    Ok(page(&app, Kind::Form, &view))
}

/// `POST /select`
pub async fn post(
    req: HttpRequest,
    app: web::Data<App>,
    body: Body,
) -> Result<HttpResponse, AuthorizeFailure> {
    let now = app.clock.now();
    let fields = ["ticket", "account", "decision"];
    let Posted { params, sealed, pending } = Pending::posted(&req, &app, &body, &fields, now).await?;
    let go_on = || see_other(&continue_at(&app, &sealed)).finish();
    let Some(mut pending) = pending else { return Ok(go_on()) };
    match params.get("decision") {
        Some("cancel") => return pending.deny(&req, &app, now).await,
        Some("another") => return Ok(another(&app, &sealed)),
        _ => (),
    }
    let accounts = session(&req, &app, now).await?.map(|session| session.accounts).unwrap_or_default();
    let chosen = accounts.iter().find(|account| params.get("account") == Some(&account.user_id));
    // Whoever was signed out meanwhile, or is not meant, cannot be chosen.
    let Some(account) = chosen.filter(|account| pending.asked.request.may_be(&account.user_id)) else {
        return Ok(go_on());
    };
    let user = store::users::by_id(&app.db, &account.user_id).await?;
    if user.is_none_or(|user| user.disabled) {
        return Ok(see_other(&format!("{}/select?t={sealed}", app.config.base)).finish());
    }
    // Coming back to a page whose request was completed since is a new request.
    if app.state.tickets.is_completed(pending.ticket.id, now).await? {
        pending.ticket = pending.ticket.afresh(now);
    }
    pending.ticket.done.selected(account.session_id);
    pending.ticket.displayed = None;
    Ok(see_other(&pending.go_on(&req, &app, now).await?).finish())
}

/// Signing in there adds an account; those that are signed in stay.
fn another(app: &App, sealed: &str) -> HttpResponse {
    see_other(&format!("{}/login?t={sealed}&switch=1", app.config.base)).finish()
}
