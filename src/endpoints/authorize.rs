//! The authorization endpoint: who asks → where may we answer → what do they want → may they → do it.
//! A request that needs a person goes to a page and comes back through `/continue`.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use time::OffsetDateTime;

use crate::ids::{GrantId, SessionId};
use crate::protocol::client::Client;
use crate::protocol::code::CodeGrant;
use crate::protocol::decide::{Candidate, Decision, Done, candidate, decide};
use crate::protocol::grant::{Authenticated, Grant};
use crate::protocol::params::Params;
use crate::protocol::refusal::{Refusal, SERVER_ERROR, UNAVAILABLE};
use crate::protocol::request::{self, PARAMS, Request};
use crate::protocol::session::{Account, KnownConsent};
use crate::secret::Token;
use crate::state::sessions::Session;
use crate::store;
use crate::web::answer::{see_other, with_cookie};
use crate::web::browser::Browser;
use crate::web::debug;
use crate::web::extract;
use crate::web::failure::{AuthorizeFailure, PageFailure};
use crate::web::pending::{self, ValidRequest};
use crate::web::reply::{after_pages, at_once};
use crate::web::ticket::{Ticket, TicketKind};
use crate::web::visit::{Visit, VisitWithBody};

/// `GET /authorize`
///
/// Spec: OpenID Connect Core §3.1.2, RFC 6749 §4.1.1
pub async fn get(visit: Visit) -> Result<HttpResponse, AuthorizeFailure> {
    let params = extract::query(&visit.req, &PARAMS)?;
    let valid = pending::read(&visit, &params).await?;
    debug::note_narrowed(&visit.req, &visit.app, &valid.request.narrowed);
    Answering { visit: &visit, browser: visit.browser_of_get() }.answer(&valid, &params, None).await
}

/// `POST /authorize`: read, then continued by a GET, because a browser sends no cookie with a form that
/// another site posted.
pub async fn post(VisitWithBody { visit, body }: VisitWithBody) -> Result<HttpResponse, AuthorizeFailure> {
    let params = extract::authorization_form(&visit.req, &body, &PARAMS)?;
    let valid = pending::read(&visit, &params).await?;
    debug::note_narrowed(&visit.req, &visit.app, &valid.request.narrowed);
    let ticket = Ticket::new(TicketKind::Authorize, params.encode(), visit.now).seal(&visit, None).await?;
    Ok(see_other(&pending::continue_at(&visit.app, &ticket)).finish())
}

/// `GET /continue?t=…`: continues a pending request. A ticket of another browser counts as a new request with
/// the same parameters.
pub async fn resume(visit: Visit) -> Result<HttpResponse, AuthorizeFailure> {
    let (app, now) = (&visit.app, visit.now);
    let query = extract::query(&visit.req, &["t"])?;
    let known = visit.browser();
    let sent = query.get("t").ok_or(PageFailure::TicketTampered)?;
    let opened = Ticket::open(&visit, TicketKind::Authorize, sent, known.as_ref()).await?;
    let params = Params::parse(opened.ticket.params.as_bytes(), &PARAMS).map_err(PageFailure::from)?;
    let client = app.clients.find(request::client_id(&params)?).await?;
    if opened.ticket.is_expired(now) {
        let lang = visit.texts().lang();
        return Err(
            PageFailure::TicketExpired { back: client.and_then(|client| client.way_back(lang)) }.into()
        );
    }
    let ticket = opened.for_browser(known.as_ref(), now)?;
    let answering = Answering { visit: &visit, browser: visit.browser_of_get() };
    let outcome = match pending::read(&visit, &params).await {
        Ok(valid) => answering.answer(&valid, &params, Some(ticket)).await,
        Err(failure) => Err(failure),
    };
    match outcome {
        // A redirect after a form is subject to `form-action`, so a page ends the chain.
        Err(failure) => {
            let AuthorizeFailure::Reply { reply_to, refusal } = &failure else { return Err(failure) };
            debug::record(&visit.req, app, StatusCode::OK, &failure.to_string(), failure.told());
            Ok(after_pages(visit.shell(), app, reply_to, reply_to.error(&refusal.error)))
        }
        answered => answered,
    }
}

/// A request that is being answered.
struct Answering<'a> {
    visit: &'a Visit,
    browser: Browser,
}

impl Answering<'_> {
    /// A person who can reload is shown an internal failure as a page; a silent request reports it to the
    /// application.
    async fn answer(
        &self,
        valid: &ValidRequest,
        params: &Params,
        ticket: Option<Ticket>,
    ) -> Result<HttpResponse, AuthorizeFailure> {
        match self.evaluate(valid, params, ticket).await {
            Err(AuthorizeFailure::Page(fault)) if valid.request.prompt.none && fault.status() >= 500 => {
                let error = if fault.status() == 503 { UNAVAILABLE } else { SERVER_ERROR };
                let refusal = Refusal::from(error).because(fault.to_string());
                Err(AuthorizeFailure::at(&valid.reply_to, refusal))
            }
            outcome => outcome,
        }
    }

    /// Finds who is signed in, and decides. A request that returns from a page has a ticket; one without
    /// comes from the application.
    async fn evaluate(
        &self,
        valid: &ValidRequest,
        params: &Params,
        mut ticket: Option<Ticket>,
    ) -> Result<HttpResponse, AuthorizeFailure> {
        let ValidRequest { client, request: asked, .. } = valid;
        let mut session = self.visit.session().await?;
        if let Some(session) = session.as_mut().filter(|_| asked.prompt.none) {
            self.leave_out(valid, session).await?;
        }
        let accounts = session.as_ref().map(|session| session.accounts.as_slice()).unwrap_or_default();
        loop {
            let done = ticket.as_ref().map(|ticket| ticket.done.clone()).unwrap_or_default();
            let candidate = candidate(asked, &done, accounts);
            let (request, agreed) = self.settle(valid, session.as_ref(), candidate.one()).await?;
            match decide(&request, client, &done, candidate, agreed.is_some(), self.visit.now) {
                Decision::Refuse(error) => {
                    return Err(AuthorizeFailure::at(&valid.reply_to, request.refused(error)));
                }
                Decision::Login => return self.interact("/login", params, ticket, None).await,
                Decision::Select => return self.interact("/select", params, ticket, None).await,
                Decision::Consent(account) => {
                    let fingerprint = request.consent_fingerprint(client, &account.user_id);
                    let displayed = Some((account.session_id, fingerprint));
                    return self.interact("/consent", params, ticket, displayed).await;
                }
                Decision::Issue(account) => {
                    let resumed = ticket.is_some();
                    // Completion spends a request: a second time it is a new one, with no obligation met.
                    if let Some(spent) = ticket
                        && !self.visit.app.state.tickets.complete(spent.id, self.visit.now).await?
                    {
                        ticket = Some(spent.afresh(self.visit.now));
                        continue;
                    }
                    let stray = || PageFailure::Internal("an account without a session".into());
                    let session = session.as_ref().ok_or_else(stray)?;
                    let code = self.issue(valid, &request, session, account, agreed).await?;
                    let (shell, reply_to) = (self.visit.shell(), &valid.reply_to);
                    let home = reply_to.success(code.expose());
                    return Ok(if resumed {
                        after_pages(shell, &self.visit.app, reply_to, home)
                    } else {
                        at_once(shell, reply_to, home)
                    });
                }
            }
        }
    }

    /// Leaves accounts out of a silent request, which cannot ask which of several is meant: those that may no
    /// longer sign in, although their sessions may not have ended yet, and those that the request names and
    /// that have not allowed the client, because the answer would reveal that they are signed in.
    async fn leave_out(&self, valid: &ValidRequest, session: &mut Session) -> Result<(), AuthorizeFailure> {
        let ValidRequest { client, request, .. } = valid;
        if candidate(request, &Done::default(), &session.accounts) != Candidate::Several {
            return Ok(());
        }
        let ids = session.accounts.iter().map(|account| account.user_id.clone()).collect();
        let people = store::users::by_ids(&self.visit.app.db, ids).await?;
        let enabled = |id: &str| people.iter().any(|user| user.id == id && !user.disabled);
        session.accounts.retain(|account| enabled(&account.user_id));
        if !request.names_by_claims() || client.metadata.first_party {
            return Ok(());
        }
        let mut known = vec![];
        for account in session.accounts.iter().filter(|account| request.may_be(&account.user_id)) {
            if self.agreed(client, request, Some(session), Some(account)).await?.is_some() {
                known.push(account.session_id);
            }
        }
        session.accounts.retain(|account| known.contains(&account.session_id));
        Ok(())
    }

    /// The request as far as it can be granted, and when the person last agreed to the client if a consent in force covers
    /// that: `offline_access` of a site is dropped where no consent covers it and the person is not to be asked.
    async fn settle<'r>(
        &self,
        ValidRequest { client, request, .. }: &'r ValidRequest,
        session: Option<&Session>,
        account: Option<&Account>,
    ) -> Result<(Cow<'r, Request>, Option<OffsetDateTime>), AuthorizeFailure> {
        let agreed = self.agreed(client, request, session, account).await?;
        match request.without_offline(client).filter(|_| agreed.is_none()) {
            None => Ok((Cow::Borrowed(request), agreed)),
            Some(less) => {
                let agreed = self.agreed(client, &less, session, account).await?;
                Ok((Cow::Owned(less), agreed))
            }
        }
    }

    /// When the person last agreed to the client, if a consent in force covers a request. Looks in the session's record
    /// first, and in the database only if that does not know.
    async fn agreed(
        &self,
        client: &Client,
        request: &Request,
        session: Option<&Session>,
        account: Option<&Account>,
    ) -> Result<Option<OffsetDateTime>, AuthorizeFailure> {
        let (Some(session), Some(account), false) = (session, account, client.metadata.first_party) else {
            return Ok(None);
        };
        let fingerprint = request.consent_fingerprint(client, &account.user_id);
        if let Some(known) = account.consent(&client.id).filter(|known| known.fingerprint == fingerprint) {
            return Ok(Some(known.agreed_at));
        }
        let agreed = store::consents::covers(
            &self.visit.app.db,
            &account.user_id,
            &client.id,
            request.consent(),
            self.visit.now,
        )
        .await?;
        if let Some(agreed_at) = agreed {
            let known = KnownConsent { client_id: client.id.clone(), fingerprint, agreed_at };
            let sessions = &self.visit.app.state.sessions;
            sessions.remember_consent(session.record, account.session_id, known, self.visit.now).await?;
        }
        Ok(agreed)
    }

    /// Sends the browser to a page. The request travels with it as a ticket.
    async fn interact(
        &self,
        page: &str,
        params: &Params,
        ticket: Option<Ticket>,
        displayed: Option<(SessionId, String)>,
    ) -> Result<HttpResponse, AuthorizeFailure> {
        let new = || Ticket::new(TicketKind::Authorize, params.encode(), self.visit.now);
        let mut ticket = ticket.unwrap_or_else(new);
        ticket.displayed = displayed;
        let sealed = ticket.seal(self.visit, Some(&self.browser)).await?;
        let res = see_other(&self.visit.at(&format!("{page}?t={sealed}"))).finish();
        Ok(with_cookie(res, self.browser.new_cookie(&self.visit.app)))
    }

    async fn issue(
        &self,
        ValidRequest { client, reply_to, request: asked }: &ValidRequest,
        request: &Request,
        session: &Session,
        account: &Account,
        agreed: Option<OffsetDateTime>,
    ) -> Result<Token, AuthorizeFailure> {
        if asked.scope != request.scope {
            debug::note_narrowed(&self.visit.req, &self.visit.app, &[asked.offline_dropped()]);
        }
        let grant = Grant {
            id: GrantId::generate(),
            scope: request.scope.clone(),
            claims: request.claims.clone(),
            resources: request.resources.clone(),
            person: Authenticated::of(account),
        };
        let grant = CodeGrant {
            grant,
            record: session.record,
            agreed_at: agreed.unwrap_or(self.visit.now),
            issued_at: self.visit.now,
            redirect_uri: reply_to.redirect_uri().into(),
            code_challenge: request.code_challenge.clone(),
            nonce: request.nonce.clone(),
        };
        let code = self.visit.app.state.codes.mint(&client.id, &grant, self.visit.now).await?;
        self.visit.app.state.sessions.touch(session, self.visit.now).await?;
        Ok(code)
    }
}
