//! RP-initiated logout: an application asks that the person be signed out here.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::App;
use crate::protocol::failure::PageFailure;
use crate::protocol::logout::{self, PARAMS};
use crate::protocol::params::Params;
use crate::store;
use crate::web::answer::{Kind, page, see_other, shell, with_cookie};
use crate::web::browser::{Browser, no_session_cookie, session};
use crate::web::extract::{self, Body};
use crate::web::pending::{card, name, person_card};
use crate::web::ticket::{self, Ticket};
use crate::web::views::SignOutPage;
use crate::web::{debug, hint, language, sign_out};

/// `GET /end_session`
///
/// Spec: OpenID Connect RP-Initiated Logout §2
pub async fn get(req: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let now = app.clock.now();
    let mut params = extract::query(&req, &[&PARAMS[..], &["t"]].concat())?;
    if let Some(sealed) = params.get("t") {
        let opened = Ticket::open(&req, &app, ticket::Kind::Logout, sealed, None, now).await?;
        if opened.ticket.is_expired(now) {
            return Err(PageFailure::TicketExpired { back: None });
        }
        params = Params::parse(opened.ticket.params.as_bytes(), &PARAMS)?;
    }
    let hint = match params.get("id_token_hint") {
        None => None,
        Some(token) => Some(hint::verify(&app, token).map_err(PageFailure::HintInvalid)?),
    };
    let client = match hint.as_ref().map(|hint| hint.client_id.as_str()).or(params.get("client_id")) {
        None => None,
        Some(client_id) => app.clients.find(client_id).await?,
    };
    if let Some(client) = &client {
        debug::note_client(&req, client);
    }
    let request = logout::validate(&params, hint.as_ref(), client.as_deref())?;
    let leave =
        || see_other(request.redirect.as_deref().unwrap_or(&sign_out::done(&req, &app, &params))).finish();
    let Some(session) = session(&req, &app, now).await? else {
        return Ok(with_cookie(leave(), Some(no_session_cookie(&app))));
    };
    if let Some(account) = hint.as_ref().and_then(|hint| hint.account(&session.accounts, &app.keys.sid)) {
        // Whoever else is signed in here was not spoken of.
        if session.accounts.len() > 1 {
            app.state.sessions.end_one(session.record, account.session_id, now).await?;
            return Ok(leave());
        }
        app.state.sessions.end(&session, now).await?;
        return Ok(with_cookie(leave(), Some(no_session_cookie(&app))));
    }
    // Nobody vouches that the person wants this: any site could have sent the browser here.
    let browser = Browser::of_get(&req, &app);
    let mut hidden = vec![("csrf".to_owned(), browser.csrf_token(&app, sign_out::PURPOSE))];
    if params.get("ui_locales").is_some() {
        hidden.push(("ui_locales".into(), language::texts(&req).lang().into()));
    }
    if let (Some(redirect), Some(client)) = (request.redirect, &client) {
        let name = name(&req, client).to_owned();
        hidden.push(("then".into(), sign_out::seal(&app, &browser, &sign_out::Then { name, redirect })?));
    }
    let ids: Vec<String> = session.accounts.iter().map(|account| account.user_id.clone()).collect();
    let people = store::users::by_ids(&app.db, ids).await?;
    let client = match client.as_deref() {
        None => None,
        Some(client) => Some(card(&req, &app, client, now).await),
    };
    let view = SignOutPage {
        shell: shell(&req, &app),
        accounts: people.iter().map(person_card).collect(),
        client,
        hidden,
    };
    Ok(with_cookie(page(&app, Kind::Form, &view), browser.new_cookie(&app)))
}

/// `POST /end_session`: continued by a GET, because a browser sends no cookie with a form that another
/// site posted.
pub async fn post(req: HttpRequest, app: web::Data<App>, body: Body) -> Result<HttpResponse, PageFailure> {
    let now = app.clock.now();
    let params = extract::form(&req, &body, &PARAMS)?;
    let ticket = Ticket::new(ticket::Kind::Logout, params.encode(), now).seal(&req, &app, None, now).await?;
    Ok(see_other(&format!("{}/end_session?t={ticket}", app.config.base)).finish())
}
