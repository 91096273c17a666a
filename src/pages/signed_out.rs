//! Signing out by one's own hand, and the page that says it is done.

use actix_web::HttpResponse;
use askama::Template;

use crate::protocol::session::Account;
use crate::web::answer::{Kind, complete, page, see_other, with_cookie};
use crate::web::browser::cookies::no_session_cookie;
use crate::web::browser::origin::refuse_cross_site;
use crate::web::extract::{self, Body};
use crate::web::failure::PageFailure;
use crate::web::sealed::Sealed;
use crate::web::shell::Shell;
use crate::web::sign_out::{self, Done, Then};
use crate::web::visit::Visit;

/// The page after signing out.
#[derive(Clone, Debug, Template)]
#[template(path = "signed_out.html")]
pub struct SignedOutPage {
    /// What surrounds the content.
    pub shell: Shell,
    /// Why the person stays here although the application asked for a redirect, by the name of the text.
    pub stay: Option<&'static str>,
    /// Whether other accounts in this browser are still signed in.
    pub others: bool,
}

/// `GET /signed-out`
pub async fn get(visit: Visit) -> Result<HttpResponse, PageFailure> {
    // `ui_locales` names the language.
    let params = extract::query(&visit.req, &["ui_locales", "stay", "others"])?;
    let (stay, others) = (sign_out::stay(&params), params.get("others").is_some());
    Ok(page(&visit.app, Kind::Text, &SignedOutPage { shell: visit.shell(), stay, others }))
}

/// `POST /signed-out`: signs out of this browser those the page was shown for and nobody who came since, then goes
/// where the application that asked for it is registered to go. With `account`, one of them alone is signed out.
pub async fn post(visit: Visit, body: Body) -> Result<HttpResponse, PageFailure> {
    let (app, now) = (&visit.app, visit.now);
    refuse_cross_site(&visit.req, app)?;
    let params = extract::form(&visit.req, &body, &["csrf", "then", "stay", "account", "ui_locales"])?;
    let browser = visit.browser().ok_or(PageFailure::CookiesOff)?;
    let session = visit.session().await?.filter(|session| !session.accounts.is_empty());
    // Without a session nothing can be ended: a page that is sent off late is answered as what is true now.
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
        if some_stay {
            for account in meant {
                app.state.sessions.end_one(session.record, account.session_id, now).await?;
            }
        } else {
            app.state.sessions.end(&session, now).await?;
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
