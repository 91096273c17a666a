//! What a person does on the pages for devices: enters a code, and decides.

use std::sync::Arc;

use actix_web::HttpResponse;

use super::view::{CodeProblem, ConfirmPage};
use super::{Step, in_ticket};
use crate::ids::GrantId;
use crate::operations::Operation;
use crate::operations::consents::{ConsentFault, Given};
use crate::operations::devices::{self, Decided};
use crate::protocol::client::Client;
use crate::protocol::consent::fingerprint;
use crate::protocol::device::{Approval, DeviceRequest};
use crate::protocol::grant::{Authenticated, Grant};
use crate::protocol::named_claims::NamedClaims;
use crate::protocol::session::Account;
use crate::protocol::user_code::UserCode;
use crate::state::sessions::Session;
use crate::store;
use crate::store::events::{Actor, By};
use crate::web::answer::{PageKind, page};
use crate::web::around::address::ClientAddress;
use crate::web::failure::PageFailure;
use crate::web::pending::{card, person_card};
use crate::web::permissions::permissions;

impl Step<'_> {
    /// Takes a code that was entered. Each is counted before it is looked up; one that can be no code is neither.
    ///
    /// Spec: RFC 8628 §5.1
    pub(super) async fn enter(mut self, account: &Account, typed: &str) -> Result<HttpResponse, PageFailure> {
        let (app, now) = (&self.visit.app, self.visit.now);
        let code = match UserCode::parse(typed) {
            Ok(code) => code,
            Err(mistyped) => return self.ask(account, typed, Some(CodeProblem::Mistyped(mistyped))).await,
        };
        let limits = &app.state.user_code_limits;
        let counted = match limits.admit(&account.user_id, &self.network(), now).await? {
            Ok(counted) => counted,
            Err(until) => return self.ask(account, typed, Some(CodeProblem::TooMany { until })).await,
        };
        let (request, client) = match self.look_up(&code).await? {
            Ok(found) => found,
            Err(problem) => return self.ask(account, typed, Some(problem)).await,
        };
        limits.forgive(&counted).await?;
        self.ticket.params = in_ticket(&code.to_string(), None);
        self.ticket.displayed = Some((account.session_id, displayed(account, &client, &request)));
        self.elsewhere("/device", "").await
    }

    /// The request under a code, with its client, if it can still be decided.
    pub(super) async fn look_up(
        &self,
        code: &UserCode,
    ) -> Result<Result<(DeviceRequest, Arc<Client>), CodeProblem>, PageFailure> {
        let (app, now) = (&self.visit.app, self.visit.now);
        let Some(request) = app.state.device_codes.find(code, now).await? else {
            return Ok(Err(CodeProblem::Unknown));
        };
        if !request.is_pending(now) {
            let is_over = request.is_expired(now) && request.is_undecided();
            return Ok(Err(if is_over { CodeProblem::Expired } else { CodeProblem::Decided }));
        }
        let client = app.clients.find(&request.client_id).await?.filter(|client| request.is_of(client));
        let Some(client) = client else { return Ok(Err(CodeProblem::Unknown)) };
        self.visit.note_client(&client);
        Ok(Ok((request, client)))
    }

    /// Shows the question. Whatever is displayed is what the ticket says.
    pub(super) async fn confirm(
        mut self,
        account: &Account,
        code: &UserCode,
        (request, client): (DeviceRequest, Arc<Client>),
    ) -> Result<HttpResponse, PageFailure> {
        let app = &self.visit.app;
        let Some(user) = store::users::by_id(&app.db, &account.user_id).await? else {
            return self.elsewhere("/login", "&switch=1").await;
        };
        self.ticket.displayed = Some((account.session_id, displayed(account, &client, &request)));
        let ticket = self.sealed().await?;
        let shell = self.visit.shell();
        let view = ConfirmPage {
            client: card(self.visit, &client).await,
            code: code.to_string(),
            account: person_card(&user),
            switch_href: self.switch(&ticket),
            scopes: permissions(shell.texts, app, &request.consent()),
            is_same_network: request.network == self.network(),
            network: Some(request.network).filter(|network| !network.is_empty()),
            asked_at: request.asked_at,
            ticket,
            shell,
        };
        Ok(page(app, PageKind::Form, &view))
    }

    /// Decides on exactly what was displayed, for the session it was displayed to.
    pub(super) async fn decide(
        mut self,
        session: &Session,
        account: &Account,
        approved: bool,
    ) -> Result<HttpResponse, PageFailure> {
        let (app, now) = (&self.visit.app, self.visit.now);
        let Some(code) = self.displayed_code(account)? else { return self.elsewhere("/device", "").await };
        let (request, client) = match self.look_up(&code).await? {
            Ok(found) => found,
            Err(problem) => return self.ask(account, "", Some(problem)).await,
        };
        let shown = displayed(account, &client, &request);
        if self.ticket.displayed != Some((account.session_id, shown.clone())) {
            return self.elsewhere("/device", "").await;
        }
        let person = &account.user_id;
        let by = By::from(Actor::Person(person.clone()));
        let by = by.in_request(&self.visit.id(), &self.network(), &app.keys.vault);
        let op = Operation::new(&app.db, &app.state, by, now);
        let (client_id, network, events) = (&client.id, &request.network, &app.events);
        let decided = Decided { person, client: client_id, code: &code, network, events };
        let is_first = if approved {
            let given = Given {
                person,
                client: client_id,
                consent: request.consent(),
                session: (session.record, account.session_id),
                fingerprint: &shown,
            };
            // An application of the operator's own never asks for consent, so that none is kept.
            let given = (!client.metadata.first_party).then_some(given);
            let approval =
                Approval { grant: grant(&request, account), record: session.record, given_at: now };
            devices::approve(&op, &decided, approval, given).await
        } else {
            devices::deny(&op, &decided, &request.scope.to_string()).await
        };
        let is_first = is_first.map_err(|fault| match fault {
            ConsentFault::State(error) => PageFailure::from(error),
            ConsentFault::Db(error) => error.into(),
        })?;
        if !is_first {
            return self.ask(account, "", Some(CodeProblem::Decided)).await;
        }
        app.state.sessions.touch(session, now).await?;
        self.ticket.params = in_ticket("", Some(approved));
        self.elsewhere("/device", "").await
    }

    fn network(&self) -> String {
        self.visit.address().map(ClientAddress::network).unwrap_or_default()
    }
}

/// The fingerprint of what is displayed to an account.
fn displayed(account: &Account, client: &Client, request: &DeviceRequest) -> String {
    fingerprint(&account.user_id, client, &request.consent())
}

/// The grant that an account gives with its approval.
fn grant(request: &DeviceRequest, account: &Account) -> Grant {
    Grant {
        id: GrantId::generate(),
        scope: request.scope.clone(),
        claims: NamedClaims::default(),
        resources: request.resources.clone(),
        person: Authenticated::of(account),
    }
}
