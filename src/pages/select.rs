//! The page on which one of several accounts is chosen. It chooses and nothing else; `/continue` decides what the
//! account still has to do.

use actix_web::HttpResponse;
use askama::Template;

use crate::store;
use crate::web::answer::{PageKind, page, see_other};
use crate::web::cards::{ClientCard, PersonCard};
use crate::web::extract;
use crate::web::failure::AuthorizeFailure;
use crate::web::pending::{Pending, Posted, continue_at, person_card};
use crate::web::shell::Shell;
use crate::web::visit::{Visit, VisitWithBody};

/// The page on which one of the accounts signed in in this browser is chosen. Each is a button of one form.
///
/// Spec: OpenID Connect Core §3.1.2.1 (`prompt=select_account`)
#[derive(Clone, Debug, Template)]
#[template(path = "select.html")]
pub struct SelectPage {
    /// The data of the layout.
    pub shell: Shell,
    /// The application that asked; none where a device is to be signed in.
    pub client: Option<ClientCard>,
    /// The accounts that may be chosen.
    pub accounts: Vec<PersonCard>,
    /// The sealed request, which is the form's CSRF token as well.
    pub ticket: String,
}

/// `GET /select?t=…`
pub async fn get(visit: Visit) -> Result<HttpResponse, AuthorizeFailure> {
    let app = &visit.app;
    let query = extract::query(&visit.req, &["t"])?;
    let (sealed, pending) = match Pending::in_address(&visit, &query).await? {
        Ok(opened) => opened,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let accounts = visit.session().await?.map(|session| session.accounts).unwrap_or_default();
    let meant = accounts.into_iter().map(|account| account.user_id);
    let meant: Vec<String> = meant.filter(|user_id| pending.may_be(user_id)).collect();
    if meant.is_empty() {
        return Ok(see_other(&continue_at(app, sealed)).finish());
    }
    let mut people = store::users::by_ids(&app.db, meant).await?;
    people.retain(|user| !user.disabled);
    if people.is_empty() {
        return Ok(another(&visit, sealed));
    }
    // A hint puts an account first, and does not choose it.
    people.sort_by_key(|user| !pending.login_hint().is_some_and(|hint| user.is_called(hint)));
    let view = SelectPage {
        shell: visit.shell(),
        client: pending.card(&visit).await,
        accounts: people.iter().map(person_card).collect(),
        ticket: sealed.into(),
    };
    Ok(page(app, PageKind::Form, &view))
}

/// `POST /select`
pub async fn post(VisitWithBody { visit, body }: VisitWithBody) -> Result<HttpResponse, AuthorizeFailure> {
    let (app, now) = (&visit.app, visit.now);
    let fields = ["ticket", "account", "decision"];
    let Posted { params, sealed, pending } = Pending::posted(&visit, &body, &fields).await?;
    let go_on = || see_other(&continue_at(app, &sealed)).finish();
    let Some(mut pending) = pending else { return Ok(go_on()) };
    match params.get("decision") {
        Some("cancel") => return pending.deny(&visit).await,
        Some("another") => return Ok(another(&visit, &sealed)),
        _ => (),
    }
    let accounts = visit.session().await?.map(|session| session.accounts).unwrap_or_default();
    let chosen = accounts.iter().find(|account| params.get("account") == Some(&account.user_id));
    // An account that was signed out meanwhile, or that the request excludes, cannot be chosen.
    let Some(account) = chosen.filter(|account| pending.may_be(&account.user_id)) else {
        return Ok(go_on());
    };
    let user = store::users::by_id(&app.db, &account.user_id).await?;
    if user.is_none_or(|user| user.disabled) {
        return Ok(see_other(&visit.at(&format!("/select?t={sealed}"))).finish());
    }
    // If the request was completed since the page was opened, the page begins a new request.
    if app.state.tickets.is_completed(pending.ticket.id, now).await? {
        pending.ticket = pending.ticket.afresh(now);
    }
    pending.ticket.done.selected(account.session_id);
    pending.ticket.displayed = None;
    Ok(see_other(&pending.go_on(&visit).await?).finish())
}

impl SelectPage {
    fn heading(&self) -> String {
        match &self.client {
            Some(client) => self.shell.with("select-title", "client", &client.name),
            None => self.shell.get("select-title-device"),
        }
    }
}

/// Leads to the sign-in page, which adds an account; the other accounts stay signed in.
fn another(visit: &Visit, sealed: &str) -> HttpResponse {
    see_other(&visit.at(&format!("/login?t={sealed}&switch=1"))).finish()
}
