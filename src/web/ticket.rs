//! A ticket: a pending request, sealed, in the address or the form of a page. Nothing is stored before a person signs
//! in, any node can continue the request, and a restart breaks no open page.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::app::App;
use crate::ids::{SessionId, TicketId};
use crate::keys::seal::{open, seal};
use crate::protocol::decide::Done;
use crate::protocol::instant::age;
use crate::protocol::params::Params;
use crate::secret::{Token, base64url, from_base64url, same};
use crate::state::sessions::Session;
use crate::state::tickets::{Full, LARGEST, Whose};
use crate::web::around::address::ClientAddress;
use crate::web::browser::Browser;
use crate::web::failure::PageFailure;
use crate::web::visit::Visit;
use crate::web::{language, packed};

/// How long a ticket can be continued.
const LIFETIME: Duration = Duration::hours(24);
/// The longest request line with a ticket, in bytes. The parameters of a longer one are parked, once and for an hour,
/// and the ticket has their handle. Proxies accept 8 KiB; the rest is for a page's own parameters.
const LONGEST_LINE: usize = 7000;
/// The byte between the JSON of a ticket and its packed parameters. JSON escapes this character.
const PACKED: u8 = 0;
/// The binding of an unbound ticket. No browser's cookie has this hash.
const UNBOUND: [u8; 16] = [0; 16];
/// The purpose that parked parameters are sealed for.
const PARKED: &str = "parked parameters";

/// The mark of a ticket for a device. It has a character that base64url has not.
const DEVICE: &str = "d.";

/// The purpose of a ticket. A ticket of another kind does not open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TicketKind {
    /// An authorization request.
    #[default]
    Authorize,
    /// A logout request that was posted.
    Logout,
    /// The sign-in of a device.
    Device,
}

impl TicketKind {
    /// The purpose it is sealed for.
    fn purpose(self) -> &'static str {
        match self {
            TicketKind::Authorize => "authorization request",
            TicketKind::Logout => "logout request",
            TicketKind::Device => "sign-in of a device",
        }
    }

    /// The mark of the kind before a sealed ticket, where pages serve more than one kind. It proves nothing: a ticket opens
    /// only for the purpose it was sealed for.
    fn mark(self) -> &'static str {
        match self {
            TicketKind::Authorize | TicketKind::Logout => "",
            TicketKind::Device => DEVICE,
        }
    }

    /// The kind of a sealed ticket that leads a person through sign-in.
    pub fn of(sealed: &str) -> TicketKind {
        if sealed.starts_with(DEVICE) { TicketKind::Device } else { TicketKind::Authorize }
    }
}

/// A pending request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ticket {
    /// The purpose.
    #[serde(skip)]
    pub kind: TicketKind,
    /// The identifier, under which its completion is spent.
    #[serde(rename = "i")]
    pub id: TicketId,
    /// The parameters, form-encoded. They are read again whenever the ticket is opened.
    #[serde(rename = "q")]
    pub params: String,
    /// The handle of the parameters, where they are too long to travel.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    parked: Option<String>,
    /// When the ticket was first sealed.
    #[serde(rename = "t", with = "time::serde::timestamp")]
    pub begun: OffsetDateTime,
    /// The steps that the person has done: sign-in, choice, consent.
    #[serde(rename = "d", default)]
    pub done: Done,
    /// The content of the consent page: the session it was for, and the fingerprint of what it displayed.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub displayed: Option<(SessionId, String)>,
    /// Whether the ticket was rebound because the browser sent no cookie. That happens once.
    #[serde(rename = "r", default, skip_serializing_if = "std::ops::Not::not")]
    pub rebound: bool,
}

/// An opened ticket.
pub struct Opened {
    /// The ticket.
    pub ticket: Ticket,
    /// Whether it was sealed for the browser that sent it. Another browser's ticket has no effect.
    pub is_ours: bool,
}

impl Opened {
    /// The ticket for the browser that sent it, which is `known` by its cookie. Another browser's ticket counts as a new
    /// request with the same parameters. A browser that does not send its cookie back is refused the second time.
    pub fn for_browser(self, known: Option<&Browser>, now: OffsetDateTime) -> Result<Ticket, PageFailure> {
        if self.is_ours {
            return Ok(self.ticket);
        }
        let mut ticket = self.ticket.afresh(now);
        if known.is_none() {
            if ticket.rebound {
                return Err(PageFailure::CookiesOff);
            }
            ticket.rebound = true;
        }
        Ok(ticket)
    }
}

impl Ticket {
    /// A new pending request.
    pub fn new(kind: TicketKind, params: String, now: OffsetDateTime) -> Ticket {
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

    /// The same request with no step done, under a new identifier.
    pub fn afresh(self, now: OffsetDateTime) -> Ticket {
        Ticket { rebound: self.rebound, parked: self.parked, ..Ticket::new(self.kind, self.params, now) }
    }

    /// Seals the ticket for one browser; unbound when there is none.
    pub async fn seal(&self, visit: &Visit, browser: Option<&Browser>) -> Result<String, PageFailure> {
        let app = &visit.app;
        let binding = browser.map_or(UNBOUND, Browser::binding);
        if self.parked.is_some() {
            let handle = Ticket { params: String::new(), ..self.clone() };
            return handle.sealed(app, &binding, &[]);
        }
        let whole = self.sealed(app, &binding, &[])?;
        if fits(app, &whole) {
            return Ok(whole);
        }
        if self.params.len() > LARGEST {
            return Err(PageFailure::BodyTooLarge);
        }
        let shorter = packed::pack(&self.params);
        let without = Ticket { params: String::new(), ..self.clone() };
        let smaller = without.sealed(app, &binding, &[&[PACKED], &shorter[..]].concat())?;
        if fits(app, &smaller) {
            return Ok(smaller);
        }
        let parked = Some(self.park(visit, &shorter).await?);
        Ticket { parked, ..without }.sealed(app, &binding, &[])
    }

    fn sealed(&self, app: &App, binding: &[u8; 16], behind: &[u8]) -> Result<String, PageFailure> {
        let mut plain =
            serde_json::to_vec(self).map_err(|error| PageFailure::Internal(error.to_string().into()))?;
        plain.extend_from_slice(behind);
        let sealed = seal(&app.keys.instance, self.kind.purpose(), binding, &plain);
        Ok(format!("{}{}", self.kind.mark(), base64url(&[&binding[..], &sealed].concat())))
    }

    /// Parks the packed parameters in the state store and answers their handle.
    async fn park(&self, visit: &Visit, packed: &[u8]) -> Result<String, PageFailure> {
        let (app, now) = (&visit.app, visit.now);
        let handle = Token::generate();
        let sealed = seal(&app.keys.instance, PARKED, handle.expose().as_bytes(), packed);
        let whose = self.whose(visit).await?;
        match app.state.tickets.park(&handle, &sealed, &whose, now).await? {
            Ok(()) => Ok(handle.expose().to_owned()),
            Err(Full { budget, until }) => Err(PageFailure::RateLimited { budget, until }),
        }
    }

    /// The budget that parking counts in. The browser's session decides, and not the steps of the ticket.
    async fn whose(&self, visit: &Visit) -> Result<Whose, PageFailure> {
        let session = visit.session().await?;
        if let Some((record, account)) =
            session.and_then(|Session { record, accounts, .. }| Some((record, accounts.into_iter().next()?)))
        {
            return Ok(Whose::SignedIn { record, user_id: account.user_id });
        }
        let from = visit.address();
        let params = Params::parse(self.params.as_bytes(), &["client_id"]).unwrap_or_default();
        let client_id = params.get("client_id").unwrap_or_default().to_owned();
        Ok(Whose::Stranger { network: from.map(ClientAddress::site).unwrap_or_default(), client_id })
    }

    /// Opens a sealed ticket, and applies its `ui_locales`.
    pub async fn open(
        visit: &Visit,
        kind: TicketKind,
        text: &str,
        browser: Option<&Browser>,
    ) -> Result<Opened, PageFailure> {
        let app = &visit.app;
        let tampered = || PageFailure::TicketTampered;
        let sealed = text.strip_prefix(kind.mark()).and_then(from_base64url).ok_or_else(tampered)?;
        let (binding, sealed) = sealed.split_first_chunk::<16>().ok_or_else(tampered)?;
        let plain = open(&app.keys.instance, kind.purpose(), binding, sealed).map_err(|_why| tampered())?;
        let (json, behind) = match plain.iter().position(|byte| *byte == PACKED) {
            Some(end) => plain.split_at_checked(end).ok_or_else(tampered)?,
            None => (&plain[..], &[][..]),
        };
        let ticket: Ticket = serde_json::from_slice(json).map_err(|_why| tampered())?;
        let mut ticket = Ticket { kind, ..ticket };
        if let Some((_, shorter)) = behind.split_first() {
            ticket.params = packed::unpack(shorter, LARGEST).ok_or_else(tampered)?;
        }
        if let Some(handle) = &ticket.parked {
            let parked = app.state.tickets.parked(handle, visit.now).await?;
            let parked = parked.ok_or(PageFailure::TicketExpired { back: None })?;
            let shorter = open(&app.keys.instance, PARKED, handle.as_bytes(), &parked).ok();
            let params = shorter.and_then(|shorter| packed::unpack(&shorter, LARGEST));
            ticket.params = params.ok_or_else(tampered)?;
        }
        if let Ok(wish) = Params::parse(ticket.params.as_bytes(), &["ui_locales"]) {
            language::note(&visit.req, &wish, Some(ticket.begun));
        }
        let is_ours = browser.is_some_and(|browser| same(&browser.binding(), binding));
        Ok(Opened { ticket, is_ours })
    }

    /// Whether the ticket is too old, or was sealed in the future.
    pub fn is_expired(&self, now: OffsetDateTime) -> bool {
        age(self.begun, now).is_none_or(|age| age > LIFETIME)
    }
}

/// Whether a sealed ticket fits into a request line.
fn fits(app: &App, sealed: &str) -> bool {
    "GET /continue?t= HTTP/1.1".len() + app.config.base.len() + sealed.len() <= LONGEST_LINE
}
