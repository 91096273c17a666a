//! RP-initiated logout: an application asks that the person be signed out here. Whatever is wrong with the
//! request, the person is signed out or asked; what is wrong is told to the developer of the client.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use time::OffsetDateTime;

use crate::app::App;
use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::protocol::hint::Hint;
use crate::protocol::logout::{self, Afterwards, PARAMS};
use crate::protocol::params::Params;
use crate::protocol::shown::Shown;
use crate::state::sessions::Session;
use crate::store;
use crate::web::answer::{Kind, page, see_other, shell, with_cookie};
use crate::web::browser::cookies::no_session_cookie;
use crate::web::browser::{Browser, session};
use crate::web::extract::{self, Body};
use crate::web::failure::PageFailure;
use crate::web::pending::{card, name, person_card};
use crate::web::sign_out::{self, Done};
use crate::web::ticket::{self, Ticket};
use crate::web::views::SignOutPage;
use crate::web::{debug, hint, language};

/// `GET /end_session`
///
/// Spec: OpenID Connect RP-Initiated Logout §2
pub async fn get(req: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let now = app.clock.now();
    let params = read(&req, &app, now).await?;
    let logout = Logout::of(&req, &app, params, now).await?;
    let Some(session) = session(&req, &app, now).await? else {
        return Ok(with_cookie(logout.leave(&req, &app, false), Some(no_session_cookie(&app))));
    };
    let account = logout.hint.as_ref().and_then(|hint| hint.account(&session.accounts, &app.keys.sid));
    let Some(account) = account else { return logout.ask(&req, &app, &session, now).await };
    // The hint speaks of one account; the others in this browser stay signed in.
    if session.accounts.len() > 1 {
        app.state.sessions.end_one(session.record, account.session_id, now).await?;
        return Ok(logout.leave(&req, &app, true));
    }
    app.state.sessions.end(&session, now).await?;
    Ok(with_cookie(logout.leave(&req, &app, false), Some(no_session_cookie(&app))))
}

/// `POST /end_session`: continued by a GET, because a browser sends no cookie with a form that another
/// site posted.
pub async fn post(req: HttpRequest, app: web::Data<App>, body: Body) -> Result<HttpResponse, PageFailure> {
    let now = app.clock.now();
    let params = extract::authorization_form(&req, &body, &PARAMS)?;
    let ticket = Ticket::new(ticket::Kind::Logout, params.encode(), now).seal(&req, &app, None, now).await?;
    Ok(see_other(&format!("{}/end_session?t={ticket}", app.config.base)).finish())
}

/// The parameters of the request, or none where they cannot be read: then the person is asked.
async fn read(req: &HttpRequest, app: &App, now: OffsetDateTime) -> Result<Params, PageFailure> {
    match try_to_read(req, app, now).await {
        Err(fault) if fault.status() < 500 => {
            tracing::info!(cause = %fault, "a logout request cannot be read");
            Ok(Params::default())
        }
        read => read,
    }
}

async fn try_to_read(req: &HttpRequest, app: &App, now: OffsetDateTime) -> Result<Params, PageFailure> {
    let params = extract::query(req, &[&PARAMS[..], &["t"]].concat())?;
    let Some(sealed) = params.get("t") else { return Ok(params) };
    let opened = Ticket::open(req, app, ticket::Kind::Logout, sealed, None, now).await?;
    if opened.ticket.is_expired(now) {
        return Err(PageFailure::TicketExpired { back: None });
    }
    Ok(Params::parse(opened.ticket.params.as_bytes(), &PARAMS)?)
}

/// A logout request, as far as it can be believed.
struct Logout {
    params: Params,
    hint: Option<Hint>,
    client: Option<Arc<Client>>,
    afterwards: Afterwards,
}

impl Logout {
    async fn of(
        req: &HttpRequest,
        app: &App,
        params: Params,
        now: OffsetDateTime,
    ) -> Result<Logout, PageFailure> {
        let (hint, fault) = match verified(app, &params, now) {
            None => (None, None),
            Some(Ok(hint)) => (Some(hint), None),
            Some(Err(cause)) => (None, Some(cause)),
        };
        let named = hint.as_ref().map(|hint| hint.client_id.as_str());
        let client = match named.or_else(|| logout::clear(&params, "client_id")) {
            None => None,
            Some(client_id) => app.clients.find(client_id).await?,
        };
        if let Some(client) = &client {
            debug::note_client(req, client);
        }
        let afterwards = logout::afterwards(&params, client.as_deref());
        let stay = match &afterwards {
            Afterwards::Stay(stay) => Some(stay.cause()),
            Afterwards::Here | Afterwards::There(_) => None,
        };
        for cause in [fault, stay].into_iter().flatten() {
            debug::record(
                req,
                app,
                StatusCode::OK,
                &cause.to_string(),
                Some(("invalid_request", cause.clone())),
            );
        }
        Ok(Logout { params, hint, client, afterwards })
    }

    /// Goes where a request that carries a hint may go, else to the page that says it is done. `others` tells
    /// whether other accounts stay signed in.
    fn leave(&self, req: &HttpRequest, app: &App, others: bool) -> HttpResponse {
        let stay = match &self.afterwards {
            Afterwards::There(to) if self.hint.is_some() => return see_other(to).finish(),
            Afterwards::Stay(stay) => Some(stay.name()),
            Afterwards::Here | Afterwards::There(_) => None,
        };
        see_other(&sign_out::done(req, app, &self.params, &Done { stay, others })).finish()
    }

    /// Asks the person: any site could have sent the browser here.
    async fn ask(
        &self,
        req: &HttpRequest,
        app: &App,
        session: &Session,
        now: OffsetDateTime,
    ) -> Result<HttpResponse, PageFailure> {
        let browser = Browser::of_get(req, app);
        let mut hidden = vec![("csrf".to_owned(), browser.csrf_tokens(app, session, sign_out::PURPOSE))];
        if self.params.get("ui_locales").is_some() {
            hidden.push(("ui_locales".into(), language::texts(req).lang().into()));
        }
        match (&self.afterwards, &self.client) {
            (Afterwards::There(to), Some(client)) => {
                let then = sign_out::Then { name: name(req, client).to_owned(), redirect: to.clone() };
                hidden.push(("then".into(), sign_out::seal(app, &browser, &then)?));
            }
            (Afterwards::Stay(stay), _) => hidden.push(("stay".into(), stay.name().into())),
            _ => (),
        }
        let ids: Vec<String> = session.accounts.iter().map(|account| account.user_id.clone()).collect();
        let people = store::users::by_ids(&app.db, ids).await?;
        let client = match self.client.as_deref() {
            None => None,
            Some(client) => Some(card(req, app, client, now).await),
        };
        let accounts = people.iter().map(person_card).collect();
        let view = SignOutPage { shell: shell(req, app), accounts, client, hidden };
        Ok(with_cookie(page(app, Kind::Form, &view), browser.new_cookie(app)))
    }
}

/// The hint of a request, if one was sent.
fn verified(app: &App, params: &Params, now: OffsetDateTime) -> Option<Result<Hint, Cause>> {
    params.get("id_token_hint")?;
    let Some(token) = logout::clear(params, "id_token_hint") else {
        return Some(Err("id_token_hint was sent more than once".into()));
    };
    let unusable = |why: Cause| {
        let what = Shown::of(format_args!("id_token_hint cannot be accepted: {}", why.what));
        Cause { what, ..why }
    };
    Some(hint::verify(app, token, now).map_err(unusable).and_then(|hint| logout::accept(hint, params)))
}
