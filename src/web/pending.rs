//! A request between its pages: an authorization request, which is read again at each of them because the client may have
//! changed, or the sign-in of a device.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::HttpResponse;

use crate::app::App;
use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::protocol::decide::{Candidate, among};
use crate::protocol::hint::Hint;
use crate::protocol::params::Params;
use crate::protocol::refusal::{OAuthError, Refusal};
use crate::protocol::reply::ReplyTo;
use crate::protocol::request::{self, PARAMS, Request, Unanswerable, id_token_hint};
use crate::protocol::session::Account;
use crate::protocol::shown::Shown;
use crate::protocol::user::User;
use crate::web::answer::see_other;
use crate::web::browser::Browser;
use crate::web::browser::origin::refuse_cross_site;
use crate::web::cards::{ClientCard, PersonCard};
use crate::web::extract::{self, Body};
use crate::web::failure::{AuthorizeFailure, PageFailure, check_id_tokens};
use crate::web::reply::after_pages;
use crate::web::ticket::{Ticket, TicketKind};
use crate::web::visit::Visit;
use crate::web::{debug, hint};

/// An authorization request that passed every rule.
pub struct ValidRequest {
    /// The client that made it.
    pub client: Arc<Client>,
    /// The proven address of the answer.
    pub reply_to: ReplyTo,
    /// The parameters, read.
    pub request: Request,
}

impl ValidRequest {
    /// The request as the person is asked about it: without `offline_access` where that is not to be asked for.
    pub fn asked(&self) -> Cow<'_, Request> {
        self.request.without_offline(&self.client).map_or(Cow::Borrowed(&self.request), Cow::Owned)
    }
}

/// Reads a request: the client first, then the address of an answer, then the rest, whose errors are sent there.
pub async fn read(visit: &Visit, params: &Params) -> Result<ValidRequest, AuthorizeFailure> {
    let app = &visit.app;
    let client_id = request::client_id(params)?;
    let client = app.clients.find(client_id).await?;
    let client = client.ok_or_else(|| Unanswerable::ClientUnknown(Shown::of(client_id)))?;
    visit.note_client(&client);
    let reply_to = request::reply_to(params, &client, &app.config.issuer)?;
    let hint = match params.get("id_token_hint") {
        Some(token) => Some(hint::verify(app, token, visit.now).await?),
        None => None,
    };
    match judge(visit, params, &client, reply_to.redirect_uri(), hint) {
        Ok(request) => Ok(ValidRequest { client, reply_to, request }),
        Err(refusal) => Err(AuthorizeFailure::at(&reply_to, refusal)),
    }
}

/// The rules of a request. A client without a key for its ID Tokens is refused as well.
fn judge(
    visit: &Visit,
    params: &Params,
    client: &Client,
    redirect_uri: &str,
    hint: Option<Result<Hint, Cause>>,
) -> Result<Request, Refusal> {
    let app = &visit.app;
    let request = Request::read(params, client, &app.resources.load(), redirect_uri, &app.keys.pairwise)?;
    if request.scope.has("openid") {
        // Before the person types a password.
        check_id_tokens(app, client, visit.now)?;
    }
    match hint {
        Some(hint) => Ok(request.with_hint(id_token_hint::subject(hint, client)?)),
        None => Ok(request),
    }
}

/// A pending request, from the browser that it was sealed for.
pub struct Pending {
    /// The ticket.
    pub ticket: Ticket,
    /// What is pending.
    pub errand: Errand,
    /// The browser.
    pub browser: Browser,
}

/// What a person signs in for.
pub enum Errand {
    /// An authorization request, read again.
    Authorize(Box<ValidRequest>),
    /// The sign-in of a device. Which one is found out after the person has signed in.
    Device,
}

/// A form of a page about a pending request.
pub struct Posted {
    /// Its fields.
    pub params: Params,
    /// Its ticket, still sealed.
    pub sealed: String,
    /// The request; none where [`Pending::open`] gives none.
    pub pending: Option<Pending>,
}

impl Pending {
    /// Reads a form with these fields, and opens its `ticket`.
    pub async fn posted(
        visit: &Visit,
        body: &Body,
        fields: &[&'static str],
    ) -> Result<Posted, AuthorizeFailure> {
        refuse_cross_site(&visit.req, &visit.app)?;
        let params = extract::form(&visit.req, body, fields)?;
        visit.browser().ok_or(PageFailure::CookiesOff)?;
        let sealed = params.get("ticket").ok_or(PageFailure::TicketTampered)?.to_owned();
        let pending = Pending::open(visit, &sealed).await?;
        Ok(Posted { params, sealed, pending })
    }

    /// Opens the ticket `t` in the address of a page. Where it gives no request to show, the answer that leads on.
    pub async fn in_address<'q>(
        visit: &Visit,
        query: &'q Params,
    ) -> Result<Result<(&'q str, Pending), HttpResponse>, AuthorizeFailure> {
        let Some(sealed) = query.get("t") else { return Ok(Err(see_other(&visit.at("/")).finish())) };
        let pending = Pending::open(visit, sealed).await?;
        let pending = pending.ok_or_else(|| see_other(&continue_at(&visit.app, sealed)).finish());
        Ok(pending.map(|pending| (sealed, pending)))
    }

    /// Opens a ticket for a page. `None` when it is another browser's, too old, or no longer accepted; the address that
    /// continues it treats those.
    pub async fn open(visit: &Visit, sealed: &str) -> Result<Option<Pending>, AuthorizeFailure> {
        let browser = visit.browser();
        let opened = Ticket::open(visit, TicketKind::of(sealed), sealed, browser.as_ref()).await?;
        let Some(browser) = browser.filter(|_| opened.is_ours && !opened.ticket.is_expired(visit.now)) else {
            return Ok(None);
        };
        let ticket = opened.ticket;
        if ticket.kind == TicketKind::Device {
            return Ok(Some(Pending { ticket, errand: Errand::Device, browser }));
        }
        let params = Params::parse(ticket.params.as_bytes(), &PARAMS).map_err(PageFailure::from)?;
        match read(visit, &params).await {
            Ok(valid) => Ok(Some(Pending { ticket, errand: Errand::Authorize(Box::new(valid)), browser })),
            // The client has changed meanwhile. `/continue` alone sends errors to clients.
            Err(AuthorizeFailure::Reply { .. }) => Ok(None),
            Err(page) => Err(page),
        }
    }

    /// The authorization request, if it is one.
    pub fn valid(&self) -> Option<&ValidRequest> {
        match &self.errand {
            Errand::Authorize(valid) => Some(valid),
            Errand::Device => None,
        }
    }

    /// Whether the request may be about this person.
    pub fn may_be(&self, user_id: &str) -> bool {
        self.valid().is_none_or(|valid| valid.request.may_be(user_id))
    }

    /// The account that the request is about.
    pub fn candidate<'a>(&self, accounts: &'a [Account]) -> Candidate<'a> {
        among(accounts, &self.ticket.done, |user_id| self.may_be(user_id))
    }

    /// The login name that the request proposes.
    pub fn login_hint(&self) -> Option<&str> {
        self.valid()?.request.login_hint.as_deref()
    }

    /// The view of the application, where it is known.
    pub async fn card(&self, visit: &Visit) -> Option<ClientCard> {
        Some(card(visit, &self.valid()?.client).await)
    }

    /// Seals the request again with the steps done since, and answers the address that continues it.
    pub async fn go_on(&self, visit: &Visit) -> Result<String, AuthorizeFailure> {
        Ok(continue_at(&visit.app, &self.ticket.seal(visit, Some(&self.browser)).await?))
    }

    /// Ends the request because the person declined. Its ticket is spent.
    pub async fn deny(&self, visit: &Visit) -> Result<HttpResponse, AuthorizeFailure> {
        let app = &visit.app;
        let Some(valid) = self.valid() else { return Ok(see_other(&visit.at("/")).finish()) };
        app.state.tickets.complete(self.ticket.id, visit.now).await?;
        let error = OAuthError::new("access_denied", "the person did not allow it");
        debug::keep(&visit.req, app, error.code, error.description.into());
        let reply_to = &valid.reply_to;
        Ok(after_pages(visit.shell(), app, reply_to, reply_to.error(&error)))
    }
}

/// The application's name in the language of the request.
pub fn name<'c>(visit: &Visit, client: &'c Client) -> &'c str {
    client.metadata.name_in(visit.texts().lang())
}

/// The address that continues a ticket.
pub fn continue_at(app: &App, sealed: &str) -> String {
    let page = match TicketKind::of(sealed) {
        TicketKind::Device => "device",
        TicketKind::Authorize | TicketKind::Logout => "continue",
    };
    format!("{}/{page}?t={sealed}", app.config.base)
}

/// The view of a person.
pub fn person_card(user: &User) -> PersonCard {
    PersonCard { id: user.id.clone(), name: user.display_name().into(), login: user.login.clone() }
}

/// The view of a client, in the language of the request.
pub async fn card(visit: &Visit, client: &Client) -> ClientCard {
    let (metadata, lang) = (&client.metadata, visit.texts().lang());
    let logo = visit.app.logos.name(client, visit.now).await;
    ClientCard {
        name: metadata.name_in(lang).into(),
        host: client.host(),
        logo: logo.map(|name| visit.at(&format!("/assets/{name}"))),
        policy_uri: metadata.policy_uri_in(lang).map(Into::into),
        tos_uri: metadata.tos_uri_in(lang).map(Into::into),
    }
}
