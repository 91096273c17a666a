//! An authorization request as its pages meet it: read anew at every opening, because the client may
//! have changed since.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use time::OffsetDateTime;

use crate::app::App;
use crate::protocol::authorize::{self, PARAMS, Request};
use crate::protocol::cause::Cause;
use crate::protocol::client::Client;
use crate::protocol::failure::{AuthorizeFailure, OAuthError, PageFailure, TokenFailure};
use crate::protocol::params::Params;
use crate::protocol::shown::Shown;
use crate::protocol::user::User;
use crate::web::answer::shell;
use crate::web::browser::Browser;
use crate::web::browser::origin::refuse_cross_site;
use crate::web::extract::{self, Body};
use crate::web::failure::no_key;
use crate::web::language;
use crate::web::reply::after_pages;
use crate::web::ticket::{Kind, Ticket};
use crate::web::views::{ClientCard, PersonCard};
use crate::web::{debug, hint};

/// A validated request with the client that made it.
pub struct Asked {
    /// Who asks.
    pub client: Arc<Client>,
    /// For what.
    pub request: Request,
}

/// Reads a request: from here on, an error can be answered at the Relying Party.
pub async fn read(
    req: &HttpRequest,
    app: &App,
    params: &Params,
    now: OffsetDateTime,
) -> Result<Asked, AuthorizeFailure> {
    let client_id = authorize::client_id(params)?;
    let client = app.clients.find(client_id).await?;
    let client = client.ok_or_else(|| PageFailure::ClientUnknown(Shown::of(client_id)))?;
    debug::note_client(req, &client);
    let reply_to = authorize::establish(params, &client, &app.config.issuer)?;
    let mut request = Request::parse(params, &client, &app.config.resources, reply_to)?;
    let alg = client.metadata.id_token_signed_response_alg.alg();
    if request.scope.has("openid") && !app.keys.ring.load().signs(alg) {
        // Before anybody types a password for nothing.
        let TokenFailure { error, cause, .. } = no_key(app, alg);
        let (reply_to, cause) = (Box::new(request.reply_to), cause.map(Box::new));
        return Err(AuthorizeFailure::Reply { reply_to, error, cause });
    }
    if let Some(token) = params.get("id_token_hint") {
        let hint = match hint::verify(app, token, now) {
            Ok(hint) if hint.client_id == client.id => Ok(hint),
            Ok(hint) => {
                Err(Cause::new("id_token_hint is another client's").with("issued to", hint.client_id))
            }
            Err(why) => Err(Cause::new("id_token_hint cannot be accepted").with("why", why)),
        };
        let hint = hint.map_err(|cause| {
            let what = "id_token_hint is not an ID Token of this client";
            request.reply_to.failure("invalid_request", what).because(cause)
        })?;
        request = request.with_hint(hint.sub);
    }
    Ok(Asked { client, request })
}

/// A pending request, brought back by the browser it was sealed for.
pub struct Pending {
    /// As it was sealed.
    pub ticket: Ticket,
    /// As it reads now.
    pub asked: Asked,
    /// Whose it is.
    pub browser: Browser,
}

/// A form that one of our own pages sent about a pending request.
pub struct Posted {
    /// What it says.
    pub params: Params,
    /// Its ticket, as it came.
    pub sealed: String,
    /// The request; none where [`Pending::open`] gives none.
    pub pending: Option<Pending>,
}

impl Pending {
    /// Reads a form with these fields, and opens its `ticket`.
    pub async fn posted(
        req: &HttpRequest,
        app: &App,
        body: &Body,
        fields: &[&'static str],
        now: OffsetDateTime,
    ) -> Result<Posted, AuthorizeFailure> {
        refuse_cross_site(req, app)?;
        let params = extract::form(req, body, fields)?;
        Browser::of(req, app).ok_or(PageFailure::CookiesOff)?;
        let sealed = params.get("ticket").ok_or(PageFailure::TicketTampered)?.to_owned();
        let pending = Pending::open(req, app, &sealed, now).await?;
        Ok(Posted { params, sealed, pending })
    }

    /// Opens a ticket for a page. `None` when it is another browser's, too old, or no longer acceptable:
    /// `/continue` knows what to do with those.
    pub async fn open(
        req: &HttpRequest,
        app: &App,
        sealed: &str,
        now: OffsetDateTime,
    ) -> Result<Option<Pending>, AuthorizeFailure> {
        let browser = Browser::of(req, app);
        let opened = Ticket::open(req, app, Kind::Authorize, sealed, browser.as_ref(), now).await?;
        let Some(browser) = browser.filter(|_| opened.is_ours && !opened.ticket.is_expired(now)) else {
            return Ok(None);
        };
        let params = Params::parse(opened.ticket.params.as_bytes(), &PARAMS).map_err(PageFailure::from)?;
        match read(req, app, &params, now).await {
            Ok(asked) => Ok(Some(Pending { ticket: opened.ticket, asked, browser })),
            // The client changed meanwhile; what is said to it is said from one place.
            Err(AuthorizeFailure::Reply { .. }) => Ok(None),
            Err(page) => Err(page),
        }
    }

    /// Seals it again with what was done since; answers the address that goes on with it.
    pub async fn go_on(
        &self,
        req: &HttpRequest,
        app: &App,
        now: OffsetDateTime,
    ) -> Result<String, AuthorizeFailure> {
        Ok(continue_at(app, &self.ticket.seal(req, app, Some(&self.browser), now).await?))
    }

    /// Ends it because the person does not want it; what was done for it is spent with it.
    pub async fn deny(
        &self,
        req: &HttpRequest,
        app: &App,
        now: OffsetDateTime,
    ) -> Result<HttpResponse, AuthorizeFailure> {
        app.state.tickets.complete(self.ticket.id, now).await?;
        let error = OAuthError::new("access_denied", "the person did not allow it");
        debug::keep(req, app, error.code, error.description.into());
        let reply_to = &self.asked.request.reply_to;
        Ok(after_pages(shell(req, app), app, reply_to, reply_to.error(&error)))
    }
}

/// What an application is called in the language of the request.
pub fn name<'c>(req: &HttpRequest, client: &'c Client) -> &'c str {
    client.metadata.name_in(language::texts(req).lang())
}

/// The address that goes on with a ticket.
pub fn continue_at(app: &App, sealed: &str) -> String {
    format!("{}/continue?t={sealed}", app.config.base)
}

/// What a page shows of a person.
pub fn person_card(user: &User) -> PersonCard {
    PersonCard { id: user.id.clone(), name: user.display_name().into(), login: user.login.clone() }
}

/// What a page shows of a client, in the language of the request.
pub async fn card(req: &HttpRequest, app: &App, client: &Client, now: OffsetDateTime) -> ClientCard {
    let (metadata, lang) = (&client.metadata, language::texts(req).lang());
    let logo = app.logos.name(client, now).await;
    ClientCard {
        name: metadata.name_in(lang).into(),
        host: client.host(),
        logo: logo.map(|name| format!("{}/assets/{name}", app.config.base)),
        policy_uri: metadata.policy_uri_in(lang).map(Into::into),
        tos_uri: metadata.tos_uri_in(lang).map(Into::into),
    }
}
