//! RP-initiated logout: an application asks that the person be signed out here. Whatever is wrong with the
//! request, the person is signed out or asked; the error goes to the developer of the client.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use time::OffsetDateTime;

use crate::app::App;
use crate::db::DbError;
use crate::operations::Operation;
use crate::operations::sessions::{self, SessionFault};
use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::protocol::hint::Hint;
use crate::protocol::logout::{self, Afterwards, PARAMS};
use crate::protocol::params::Params;
use crate::protocol::session::Account;
use crate::protocol::shown::Shown;
use crate::protocol::subject::Naming;
use crate::state::sessions::Session;
use crate::store;
use crate::store::events::Actor;
use crate::web::answer::{PageKind, page, see_other, with_cookie};
use crate::web::browser::cookies::no_session_cookie;
use crate::web::cards::{ClientCard, PersonCard};
use crate::web::extract;
use crate::web::failure::PageFailure;
use crate::web::pending::{card, name, person_card};
use crate::web::sealed::Sealed;
use crate::web::shell::Shell;
use crate::web::sign_out::{self, Done};
use crate::web::ticket::{Ticket, TicketKind};
use crate::web::visit::{Visit, VisitWithBody};
use crate::web::{debug, hint};

/// The page that asks before signing out, when no valid hint names the account.
///
/// Spec: OpenID Connect RP-Initiated Logout §2
#[derive(Clone, Debug, Template)]
#[template(path = "sign_out.html")]
pub struct SignOutPage {
    /// The shell of the page.
    pub shell: Shell,
    /// The accounts that would be signed out: all in this browser.
    pub accounts: Vec<PersonCard>,
    /// The application that asked.
    pub client: Option<ClientCard>,
    /// The hidden fields: the proof against forgery, and what to do afterwards.
    pub hidden: Vec<(String, String)>,
}

/// `GET /end_session`
///
/// Spec: OpenID Connect RP-Initiated Logout §2
pub async fn get(visit: Visit) -> Result<HttpResponse, PageFailure> {
    let (app, now) = (&visit.app, visit.now);
    let params = read(&visit).await?;
    let logout = Logout::of(&visit, params).await?;
    let Some(session) = visit.session().await? else {
        return Ok(with_cookie(logout.leave(&visit, false), Some(no_session_cookie(app))));
    };
    let Some(account) = logout.account(app, &session) else { return logout.ask(&visit, &session).await };
    let op = Operation::new(&app.db, &app.state, Actor::Person(account.user_id.clone()), now);
    // The hint names one account; the others in this browser stay signed in.
    if session.accounts.len() > 1 {
        let ended = sessions::end_one(&op, session.record, account.session_id).await;
        ended.map_err(SessionFault::either::<PageFailure>)?;
        return Ok(logout.leave(&visit, true));
    }
    sessions::end(&op, &session).await.map_err(SessionFault::either::<PageFailure>)?;
    Ok(with_cookie(logout.leave(&visit, false), Some(no_session_cookie(app))))
}

/// `POST /end_session`: continued by a GET, because a browser sends no cookie with a form that another
/// site posted.
pub async fn post(VisitWithBody { visit, body }: VisitWithBody) -> Result<HttpResponse, PageFailure> {
    let params = extract::authorization_form(&visit.req, &body, &PARAMS)?;
    let ticket = Ticket::new(TicketKind::Logout, params.encode(), visit.now).seal(&visit, None).await?;
    Ok(see_other(&visit.at(&format!("/end_session?t={ticket}"))).finish())
}

/// The parameters of the request, or none if they cannot be read: then the person is asked.
async fn read(visit: &Visit) -> Result<Params, PageFailure> {
    match try_to_read(visit).await {
        Err(fault) if fault.status() < 500 => {
            tracing::info!(cause = %fault, "a logout request cannot be read");
            Ok(Params::default())
        }
        read => read,
    }
}

async fn try_to_read(visit: &Visit) -> Result<Params, PageFailure> {
    let params = extract::query(&visit.req, &[&PARAMS[..], &["t"]].concat())?;
    let Some(sealed) = params.get("t") else { return Ok(params) };
    let opened = Ticket::open(visit, TicketKind::Logout, sealed, None).await?;
    if opened.ticket.is_expired(visit.now) {
        return Err(PageFailure::TicketExpired { back: None });
    }
    Ok(Params::parse(opened.ticket.params.as_bytes(), &PARAMS)?)
}

/// A logout request, as far as it is valid.
struct Logout {
    params: Params,
    hint: Option<Hint>,
    client: Option<Arc<Client>>,
    afterwards: Afterwards,
}

impl Logout {
    async fn of(visit: &Visit, params: Params) -> Result<Logout, PageFailure> {
        let Visit { req, app, now } = visit;
        let (hint, fault) = match verified(app, &params, *now).await? {
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
            visit.note_client(client);
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

    /// The account that the hint names. Only the client knows it by a pairwise `sub`: without that client, none.
    fn account<'s>(&self, app: &App, session: &'s Session) -> Option<&'s Account> {
        let client = self.client.as_deref();
        let naming = client.map_or(Naming::Public, |client| Naming::of(client, &app.keys.pairwise));
        self.hint.as_ref()?.account(&session.accounts, &naming, &app.keys.sid)
    }

    /// Redirects to where a request with a hint may go, or else to the page that confirms the sign-out.
    /// `others` tells whether other accounts stay signed in.
    fn leave(&self, visit: &Visit, others: bool) -> HttpResponse {
        let stay = match &self.afterwards {
            Afterwards::There(to) if self.hint.is_some() => return see_other(to).finish(),
            Afterwards::Stay(stay) => Some(stay.name()),
            Afterwards::Here | Afterwards::There(_) => None,
        };
        see_other(&sign_out::done(visit, &self.params, &Done { stay, others })).finish()
    }

    /// Asks the person: any site could have sent the browser here.
    async fn ask(&self, visit: &Visit, session: &Session) -> Result<HttpResponse, PageFailure> {
        let app = &visit.app;
        let browser = visit.browser_of_get();
        let mut hidden = vec![("csrf".to_owned(), browser.csrf_tokens(app, session, sign_out::PURPOSE))];
        if self.params.get("ui_locales").is_some() {
            hidden.push(("ui_locales".into(), visit.texts().lang().into()));
        }
        match (&self.afterwards, &self.client) {
            (Afterwards::There(to), Some(client)) => {
                let then = sign_out::Then { name: name(visit, client).to_owned(), redirect: to.clone() };
                hidden.push(("then".into(), then.seal(app, &browser)?));
            }
            (Afterwards::Stay(stay), _) => hidden.push(("stay".into(), stay.name().into())),
            _ => (),
        }
        let ids: Vec<String> = session.accounts.iter().map(|account| account.user_id.clone()).collect();
        let people = store::users::by_ids(&app.db, ids).await?;
        let client = match self.client.as_deref() {
            None => None,
            Some(client) => Some(card(visit, client).await),
        };
        let accounts = people.iter().map(person_card).collect();
        let view = SignOutPage { shell: visit.shell(), accounts, client, hidden };
        Ok(with_cookie(page(app, PageKind::Form, &view), browser.new_cookie(app)))
    }
}

/// The hint of a request, if one was sent.
async fn verified(
    app: &App,
    params: &Params,
    now: OffsetDateTime,
) -> Result<Option<Result<Hint, Cause>>, DbError> {
    if params.get("id_token_hint").is_none() {
        return Ok(None);
    }
    let Some(token) = logout::clear(params, "id_token_hint") else {
        return Ok(Some(Err("id_token_hint was sent more than once".into())));
    };
    let unusable = |why: Cause| {
        let what = Shown::of(format_args!("id_token_hint cannot be accepted: {}", why.what));
        Cause { what, ..why }
    };
    let verified = hint::verify(app, token, now).await?;
    Ok(Some(verified.map_err(unusable).and_then(|hint| logout::accept(hint, params))))
}
