//! Signing out by the person, and the page that confirms it.

use actix_web::HttpResponse;
use askama::Template;

use crate::operations::Operation;
use crate::operations::sessions::{self, SessionFault};
use crate::protocol::session::Account;
use crate::store::events::Actor;
use crate::web::answer::{PageKind, complete, page, see_other, with_cookie};
use crate::web::browser::cookies::no_session_cookie;
use crate::web::browser::origin::refuse_cross_site;
use crate::web::extract;
use crate::web::failure::PageFailure;
use crate::web::sealed::Sealed;
use crate::web::shell::Shell;
use crate::web::sign_out::{self, Done, Then};
use crate::web::visit::{Visit, VisitWithBody};

/// The page after signing out.
#[derive(Clone, Debug, Template)]
#[template(path = "signed_out.html")]
pub struct SignedOutPage {
    /// The data of the layout.
    pub shell: Shell,
    /// Why the requested redirect does not follow, by the name of the text.
    pub stay: Option<&'static str>,
    /// Whether other accounts in this browser are still signed in.
    pub others: bool,
}

/// `GET /signed-out`
pub async fn get(visit: Visit) -> Result<HttpResponse, PageFailure> {
    // `ui_locales` names the language.
    let params = extract::query(&visit.req, &["ui_locales", "stay", "others"])?;
    let (stay, others) = (sign_out::stay(&params), params.get("others").is_some());
    Ok(page(&visit.app, PageKind::Text, &SignedOutPage { shell: visit.shell(), stay, others }))
}

/// `POST /signed-out`: ends the sessions that the page was shown for, and none that began since. Then the browser is
/// redirected to the application, if that asked for it and is registered to. With `account`, one session alone ends.
pub async fn post(VisitWithBody { visit, body }: VisitWithBody) -> Result<HttpResponse, PageFailure> {
    let (app, now) = (&visit.app, visit.now);
    refuse_cross_site(&visit.req, app)?;
    let params = extract::form(&visit.req, &body, &["csrf", "then", "stay", "account", "ui_locales"])?;
    let browser = visit.browser().ok_or(PageFailure::CookiesOff)?;
    let session = visit.session().await?.filter(|session| !session.accounts.is_empty());
    // Without a session there is none to end, and a form that is sent late is answered by the present state.
    let mut some_stay = false;
    if let Some(session) = session {
        let shown = browser.shown_for(app, &session, sign_out::PURPOSE, params.get("csrf"))?;
        let is_meant = |account: &Account| {
            shown.contains(&account.session_id)
                && params.get("account").is_none_or(|id| id == account.user_id)
        };
        let (meant, others): (Vec<_>, Vec<_>) =
            session.accounts.iter().partition(|account| is_meant(account));
        some_stay = !others.is_empty();
        let by = meant.first().map_or(Actor::Unknown, |account| Actor::Person(account.user_id.clone()));
        let op = Operation::new(&app.db, &app.state, by, now);
        let failed = SessionFault::either::<PageFailure>;
        if some_stay {
            for account in meant {
                sessions::end_one(&op, session.record, account.session_id).await.map_err(failed)?;
            }
        } else {
            sessions::end(&op, &session).await.map_err(failed)?;
        }
    }
    let (stay, then) = (sign_out::stay(&params), params.get("then"));
    let res = if let Some(then) = then.and_then(|then| Then::open(app, &browser, then)) {
        complete(visit.shell(), app, &then.name, &then.redirect)
    } else if some_stay && stay.is_none() {
        see_other(&visit.at("/")).finish()
    } else {
        see_other(&sign_out::done(&visit, &params, &Done { stay, others: some_stay })).finish()
    };
    Ok(with_cookie(res, (!some_stay).then(|| no_session_cookie(app))))
}
