//! A pending request, sealed: it travels with the browser, so nothing is stored before somebody signs
//! in, any node can go on with it, and no restart can break a page that is open.

use actix_web::{HttpMessage, HttpRequest};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::app::App;
use crate::ids::{SessionId, TicketId};
use crate::keys::seal::{open, seal};
use crate::protocol::decide::Done;
use crate::protocol::failure::PageFailure;
use crate::protocol::instant::age;
use crate::protocol::params::Params;
use crate::secret::{Token, base64url, from_base64url, same};
use crate::state::tickets::{LARGEST, Whose};
use crate::web::answer::ClientAddress;
use crate::web::browser::Browser;
use crate::web::language;

/// How long a ticket can be continued.
const LIFETIME: Duration = Duration::hours(24);
/// The longest ticket that travels in an address; of a longer one the parameters are parked, once and for an
/// hour, and their handle travels.
const LONGEST: usize = 3 * 1024;
/// What an unbound ticket is bound to: no browser's cookie hashes to it.
const UNBOUND: [u8; 16] = [0; 16];
/// What parked parameters are sealed for.
const PARKED: &str = "parked parameters";

/// What a ticket is good for; one of another kind does not open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// An authorization request.
    #[default]
    Authorize,
    /// A logout request that was posted.
    Logout,
}

impl Kind {
    /// What it is sealed for.
    fn purpose(self) -> &'static str {
        match self {
            Kind::Authorize => "authorization request",
            Kind::Logout => "logout request",
        }
    }
}

/// What a pending request consists of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ticket {
    /// What it is good for.
    #[serde(skip)]
    pub kind: Kind,
    /// Names it, so that completing it can be spent.
    #[serde(rename = "i")]
    pub id: TicketId,
    /// The parameters, form-encoded, to be read again at every opening.
    #[serde(rename = "q")]
    pub params: String,
    /// The handle of the parameters, where they are too long to travel.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    parked: Option<String>,
    /// When it was sealed first.
    #[serde(rename = "t", with = "time::serde::timestamp")]
    pub begun: OffsetDateTime,
    /// Which obligations are met already.
    #[serde(rename = "d", default)]
    pub done: Done,
    /// What the consent page displayed: for whom, and the fingerprint of what.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub displayed: Option<(SessionId, String)>,
    /// Whether it was already rebound once because the browser sent no cookie.
    #[serde(rename = "r", default, skip_serializing_if = "std::ops::Not::not")]
    pub rebound: bool,
}

/// What opening a ticket found.
pub struct Opened {
    /// The ticket.
    pub ticket: Ticket,
    /// Whether it was sealed for the browser that brought it. One that was not is never acted on.
    pub is_ours: bool,
}

impl Ticket {
    /// A new pending request.
    pub fn new(kind: Kind, params: String, now: OffsetDateTime) -> Ticket {
        Ticket {
            kind,
            id: TicketId::generate(),
            params,
            parked: None,
            begun: now,
            done: Done::default(),
            displayed: None,
            rebound: false,
        }
    }

    /// The same request with nothing done, under a new name.
    pub fn afresh(self, now: OffsetDateTime) -> Ticket {
        Ticket { rebound: self.rebound, parked: self.parked, ..Ticket::new(self.kind, self.params, now) }
    }

    /// Seals it for one browser; unbound when there is none.
    pub async fn seal(
        &self,
        req: &HttpRequest,
        app: &App,
        browser: Option<&Browser>,
        now: OffsetDateTime,
    ) -> Result<String, PageFailure> {
        let binding = browser.map_or(UNBOUND, Browser::binding);
        let parked = if let Some(parked) = &self.parked {
            parked.clone()
        } else {
            let whole = self.sealed(app, &binding)?;
            if whole.len() <= LONGEST {
                return Ok(whole);
            }
            self.park(req, app, now).await?
        };
        Ticket { params: String::new(), parked: Some(parked), ..self.clone() }.sealed(app, &binding)
    }

    fn sealed(&self, app: &App, binding: &[u8; 16]) -> Result<String, PageFailure> {
        let plain =
            serde_json::to_vec(self).map_err(|error| PageFailure::Internal(error.to_string().into()))?;
        let sealed = seal(&app.keys.instance, self.kind.purpose(), binding, &plain);
        Ok(base64url(&[&binding[..], &sealed].concat()))
    }

    /// Keeps the parameters here; answers their handle.
    async fn park(&self, req: &HttpRequest, app: &App, now: OffsetDateTime) -> Result<String, PageFailure> {
        let handle = Token::generate();
        let sealed = seal(&app.keys.instance, PARKED, handle.expose().as_bytes(), self.params.as_bytes());
        if sealed.len() > LARGEST {
            return Err(PageFailure::BodyTooLarge);
        }
        let from = req.extensions().get::<ClientAddress>().copied();
        let network = || Whose::Network(from.map(ClientAddress::network).unwrap_or_default());
        let whose = self.done.chosen().map_or_else(network, Whose::Session);
        if !app.state.tickets.park(&handle, &sealed, &whose, now).await? {
            return Err(PageFailure::RateLimited { budget: "parked requests", until: now + Duration::HOUR });
        }
        Ok(handle.expose().to_owned())
    }

    /// Opens what [`Ticket::seal`] made, and goes on in the language the application asked for.
    pub async fn open(
        req: &HttpRequest,
        app: &App,
        kind: Kind,
        text: &str,
        browser: Option<&Browser>,
        now: OffsetDateTime,
    ) -> Result<Opened, PageFailure> {
        let tampered = || PageFailure::TicketTampered;
        let sealed = from_base64url(text).ok_or_else(tampered)?;
        let (binding, sealed) = sealed.split_first_chunk::<16>().ok_or_else(tampered)?;
        let plain = open(&app.keys.instance, kind.purpose(), binding, sealed).map_err(|_why| tampered())?;
        let ticket: Ticket = serde_json::from_slice(&plain).map_err(|_why| tampered())?;
        let mut ticket = Ticket { kind, ..ticket };
        if let Some(handle) = &ticket.parked {
            let parked = app.state.tickets.parked(handle, now).await?;
            let parked = parked.ok_or(PageFailure::TicketExpired { back: None })?;
            let params = open(&app.keys.instance, PARKED, handle.as_bytes(), &parked).ok();
            let params = params.and_then(|params| String::from_utf8(params).ok());
            ticket.params = params.ok_or_else(tampered)?;
        }
        if let Ok(wish) = Params::parse(ticket.params.as_bytes(), &["ui_locales"]) {
            language::note(req, &wish, Some(ticket.begun));
        }
        let is_ours = browser.is_some_and(|browser| same(&browser.binding(), binding));
        Ok(Opened { ticket, is_ours })
    }

    /// Tells whether it is too old to be continued, or was sealed in the future.
    pub fn is_expired(&self, now: OffsetDateTime) -> bool {
        age(self.begun, now).is_none_or(|age| age > LIFETIME)
    }
}
