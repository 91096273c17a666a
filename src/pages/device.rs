//! The pages for devices: a person who is signed in enters the code that a device shows, sees which application asks for
//! what, and approves or denies.

use actix_web::HttpResponse;

use crate::protocol::decide::{Candidate, among};
use crate::protocol::params::Params;
use crate::protocol::session::Account;
use crate::protocol::user_code::UserCode;
use crate::store;
use crate::web::answer::{PageKind, page, retry_after, see_other, with_cookie, with_status};
use crate::web::browser::Browser;
use crate::web::browser::origin::refuse_cross_site;
use crate::web::extract;
use crate::web::failure::PageFailure;
use crate::web::pending::{continue_at, person_card};
use crate::web::ticket::{Ticket, TicketKind};
use crate::web::visit::{Visit, VisitWithBody};

mod decide; // what a person does
pub mod view; // the views

use view::{CodeProblem, DevicePage, DonePage};

/// The longest entry that is filled in again, in characters.
const LONGEST_KEPT: usize = 32;
/// The parameters of a ticket: the code, and the decision once it is made.
const IN_TICKET: [&str; 2] = ["user_code", "decided"];
const APPROVED: &str = "approved";
const DENIED: &str = "denied";

/// `GET /device`: the page that is due. A link with a code fills it in, and looks nothing up.
///
/// Spec: RFC 8628 §3.3, §3.3.1
pub async fn get(visit: Visit) -> Result<HttpResponse, PageFailure> {
    let query = extract::query(&visit.req, &["t", "user_code"])?;
    let known = visit.browser();
    let begun = || {
        let typed = query.get("user_code").unwrap_or_default();
        Ticket::new(TicketKind::Device, in_ticket(typed, None), visit.now)
    };
    let ticket = match query.get("t") {
        None => begun(),
        Some(sealed) => match Ticket::open(&visit, TicketKind::Device, sealed, known.as_ref()).await {
            Ok(opened) if opened.ticket.is_expired(visit.now) => begun(),
            Ok(opened) => opened.for_browser(known.as_ref(), visit.now)?,
            // Nothing is lost with it.
            Err(PageFailure::TicketTampered) => begun(),
            Err(failure) => return Err(failure),
        },
    };
    let browser = visit.browser_of_get();
    let res = Step { visit: &visit, browser: &browser, ticket }.show().await?;
    Ok(with_cookie(res, browser.new_cookie(&visit.app)))
}

/// `POST /device`: a code that was entered, or the decision.
///
/// Spec: RFC 8628 §3.3
pub async fn post(VisitWithBody { visit, body }: VisitWithBody) -> Result<HttpResponse, PageFailure> {
    refuse_cross_site(&visit.req, &visit.app)?;
    let params = extract::form(&visit.req, &body, &["ticket", "user_code", "decision"])?;
    let browser = visit.browser().ok_or(PageFailure::CookiesOff)?;
    let sealed = params.get("ticket").ok_or(PageFailure::TicketTampered)?;
    let opened = Ticket::open(&visit, TicketKind::Device, sealed, Some(&browser)).await?;
    let session = visit.session().await?;
    let step = Step { visit: &visit, browser: &browser, ticket: opened.ticket };
    let is_valid = opened.is_ours && !step.ticket.is_expired(visit.now);
    let account = session.as_ref().and_then(|session| step.candidate(&session.accounts).one());
    let Some((session, account)) = session.as_ref().zip(account).filter(|_| is_valid) else {
        return Ok(see_other(&continue_at(&visit.app, sealed)).finish());
    };
    match params.get("decision") {
        None => step.enter(account, params.get("user_code").unwrap_or_default()).await,
        Some("approve") => step.decide(session, account, true).await,
        Some("deny") => step.decide(session, account, false).await,
        Some(_) => Ok(see_other(&continue_at(&visit.app, sealed)).finish()),
    }
}

/// The parameters of a ticket.
fn in_ticket(code: &str, approved: Option<bool>) -> String {
    let code: String = code.chars().take(LONGEST_KEPT).collect();
    let decided = approved.map(|approved| if approved { APPROVED } else { DENIED });
    let pairs = [("user_code", code.as_str()), ("decided", decided.unwrap_or_default())];
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A sign-in of a device, at one of its pages.
struct Step<'a> {
    visit: &'a Visit,
    browser: &'a Browser,
    ticket: Ticket,
}

impl Step<'_> {
    fn candidate<'a>(&self, accounts: &'a [Account]) -> Candidate<'a> {
        among(accounts, &self.ticket.done, |_user_id| true)
    }

    fn params(&self) -> Result<Params, PageFailure> {
        Ok(Params::parse(self.ticket.params.as_bytes(), &IN_TICKET)?)
    }

    async fn sealed(&self) -> Result<String, PageFailure> {
        self.ticket.seal(self.visit, Some(self.browser)).await
    }

    /// Shows the page that is due: sign-in or choice first, then the code, the question, and the end.
    async fn show(self) -> Result<HttpResponse, PageFailure> {
        let params = self.params()?;
        if let Some(decided) = params.get("decided") {
            let view = DonePage { shell: self.visit.shell(), approved: decided == APPROVED };
            return Ok(page(&self.visit.app, PageKind::Text, &view));
        }
        let accounts = self.visit.session().await?.map(|session| session.accounts).unwrap_or_default();
        let account = match self.candidate(&accounts) {
            Candidate::Absent => return self.elsewhere("/login", "").await,
            Candidate::Several => return self.elsewhere("/select", "").await,
            Candidate::One(account) => account,
        };
        let Some(code) = self.displayed_code(account)? else {
            return self.ask(account, params.get("user_code").unwrap_or_default(), None).await;
        };
        match self.look_up(&code).await? {
            Ok(found) => self.confirm(account, &code, found).await,
            Err(problem) => self.ask(account, "", Some(problem)).await,
        }
    }

    /// The code that was displayed to this account. Only such a code is looked up without being counted: one from a link
    /// would be a guess.
    fn displayed_code(&self, account: &Account) -> Result<Option<UserCode>, PageFailure> {
        let params = self.params()?;
        let code = params.get("user_code").and_then(|code| UserCode::parse(code).ok());
        let shown_to = self.ticket.displayed.as_ref().map(|(session_id, _)| *session_id);
        Ok(code.filter(|_| shown_to == Some(account.session_id)))
    }

    /// The address at which another account is chosen.
    fn switch(&self, ticket: &str) -> String {
        self.visit.at(&format!("/select?t={ticket}"))
    }

    /// Leads to another page with the ticket.
    async fn elsewhere(&self, path: &str, with: &str) -> Result<HttpResponse, PageFailure> {
        let sealed = self.sealed().await?;
        Ok(see_other(&self.visit.at(&format!("{path}?t={sealed}{with}"))).finish())
    }

    /// Shows the form for the code. It is shown for the account, and for nothing that was displayed before.
    async fn ask(
        mut self,
        account: &Account,
        typed: &str,
        problem: Option<CodeProblem>,
    ) -> Result<HttpResponse, PageFailure> {
        self.ticket.displayed = None;
        let app = &self.visit.app;
        let Some(user) = store::users::by_id(&app.db, &account.user_id).await? else {
            return self.elsewhere("/login", "&switch=1").await;
        };
        let ticket = self.sealed().await?;
        let view = DevicePage {
            shell: self.visit.shell(),
            account: person_card(&user),
            switch_href: self.switch(&ticket),
            code: typed.chars().take(LONGEST_KEPT).collect(),
            problem,
            ticket,
            now: self.visit.now,
        };
        let res = page(app, PageKind::Form, &view);
        Ok(match problem {
            None => res,
            Some(CodeProblem::TooMany { until }) => {
                retry_after(with_status(res, 429), until - self.visit.now)
            }
            Some(_) => with_status(res, 422),
        })
    }
}
