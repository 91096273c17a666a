//! The consent page: what an application asks for, and the person's answer.

use actix_web::HttpResponse;
use askama::Template;
use url::Url;

use crate::operations::Operation;
use crate::operations::consents::{self, ConsentFault, Given};
use crate::protocol::decide::candidate;
use crate::protocol::redirect_uri::is_loopback;
use crate::store;
use crate::store::events::Actor;
use crate::web::answer::{PageKind, page, see_other};
use crate::web::cards::{ClientCard, PersonCard};
use crate::web::extract;
use crate::web::failure::AuthorizeFailure;
use crate::web::pending::{Pending, Posted, card, continue_at, person_card};
use crate::web::permissions::{ScopeLine, permissions};
use crate::web::shell::Shell;
use crate::web::visit::{Visit, VisitWithBody};

/// The page that asks whether an application may act for an account. No button has the focus, so that consent is a
/// deliberate act.
///
/// Spec: OpenID Connect Core §3.1.2.4
#[derive(Clone, Debug, Template)]
#[template(path = "consent.html")]
pub struct ConsentPage {
    /// The data of the layout.
    pub shell: Shell,
    /// The application that asks.
    pub client: ClientCard,
    /// The account the person is acting as.
    pub account: PersonCard,
    /// The permissions that the application asks for.
    pub scopes: Vec<ScopeLine>,
    /// Whether the answer goes to a program on the person's own computer, whose name is not proven.
    pub loopback_warning: bool,
    /// The sealed request, with exactly what is displayed.
    pub ticket: String,
    /// The address at which another account is chosen.
    pub switch_href: String,
}

/// `GET /consent?t=…`
pub async fn get(visit: Visit) -> Result<HttpResponse, AuthorizeFailure> {
    let app = &visit.app;
    let query = extract::query(&visit.req, &["t"])?;
    let (sealed, pending) = match Pending::in_address(&visit, &query).await? {
        Ok(opened) => opened,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let go_on = || see_other(&continue_at(app, sealed)).finish();
    let (Some((shown_to, _)), Some(valid)) = (&pending.ticket.displayed, pending.valid()) else {
        return Ok(go_on());
    };
    let accounts = visit.session().await?.map(|session| session.accounts).unwrap_or_default();
    let Some(account) = accounts.iter().find(|account| account.session_id == *shown_to) else {
        return Ok(go_on());
    };
    let Some(user) = store::users::by_id(&app.db, &account.user_id).await? else { return Ok(go_on()) };
    let shell = visit.shell();
    let redirect = Url::parse(valid.reply_to.redirect_uri());
    let view = ConsentPage {
        client: card(&visit, &valid.client).await,
        account: person_card(&user),
        scopes: permissions(shell.texts, app, &valid.asked().consent()),
        // In development mode every application runs on this computer, and the warning would mean nothing.
        loopback_warning: !app.config.development && redirect.is_ok_and(|url| is_loopback(&url)),
        ticket: sealed.into(),
        switch_href: if accounts.len() > 1 {
            visit.at(&format!("/select?t={sealed}"))
        } else {
            visit.at(&format!("/login?t={sealed}&switch=1"))
        },
        shell,
    };
    Ok(page(app, PageKind::Form, &view))
}

/// `POST /consent`
pub async fn post(VisitWithBody { visit, body }: VisitWithBody) -> Result<HttpResponse, AuthorizeFailure> {
    let (app, now) = (&visit.app, visit.now);
    let fields = ["ticket", "decision"];
    let Posted { params, sealed, pending } = Pending::posted(&visit, &body, &fields).await?;
    let go_on = || see_other(&continue_at(app, &sealed)).finish();
    let Some(mut pending) = pending else { return Ok(go_on()) };
    match params.get("decision") {
        Some("allow") => (),
        Some("deny") => return pending.deny(&visit).await,
        _ => return Ok(go_on()),
    }
    let Some(session) = visit.session().await? else { return Ok(go_on()) };
    let Some(valid) = pending.valid() else { return Ok(go_on()) };
    let (client, request) = (&valid.client, valid.asked());
    // Consent applies to exactly what was displayed, for the session it was displayed to. If either has changed, nothing
    // is recorded and the request is decided again.
    let current = candidate(&request, &pending.ticket.done, &session.accounts);
    let Some(account) = current.one().filter(|account| {
        let now_asked = request.consent_fingerprint(client, &account.user_id);
        pending.ticket.displayed.as_ref() == Some(&(account.session_id, now_asked))
    }) else {
        return Ok(go_on());
    };
    let fingerprint = request.consent_fingerprint(client, &account.user_id);
    let given = Given {
        person: &account.user_id,
        client: &client.id,
        consent: request.consent(),
        session: (session.record, account.session_id),
        fingerprint: &fingerprint,
    };
    let op = Operation::new(&app.db, &app.state, Actor::Person(account.user_id.clone()), now);
    consents::give(&op, given).await.map_err(|fault| match fault {
        ConsentFault::State(error) => AuthorizeFailure::from(error),
        ConsentFault::Db(error) => error.into(),
    })?;
    pending.ticket.done.consent = Some(fingerprint);
    pending.ticket.displayed = None;
    Ok(see_other(&pending.go_on(&visit).await?).finish())
}
