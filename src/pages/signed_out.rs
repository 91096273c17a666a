//! Signing out by one's own hand, and the page that says it is done.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::App;
use crate::protocol::session::Account;
use crate::web::answer::{Kind, complete, page, see_other, shell, with_cookie};
use crate::web::browser::cookies::no_session_cookie;
use crate::web::browser::origin::refuse_cross_site;
use crate::web::browser::{Browser, session};
use crate::web::extract::{self, Body};
use crate::web::failure::PageFailure;
use crate::web::sign_out::{self, Done};
use crate::web::views::SignedOutPage;

/// `GET /signed-out`
pub async fn get(req: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    // `ui_locales` names the language.
    let params = extract::query(&req, &["ui_locales", "stay", "others"])?;
    let (stay, others) = (sign_out::stay(&params), params.get("others").is_some());
    Ok(page(&app, Kind::Text, &SignedOutPage { shell: shell(&req, &app), stay, others }))
}

/// `POST /signed-out`: signs out of this browser those the page was shown for and nobody who came since, then goes
/// where the application that asked for it is registered to go. With `account`, one of them alone is signed out.
pub async fn post(req: HttpRequest, app: web::Data<App>, body: Body) -> Result<HttpResponse, PageFailure> {
    refuse_cross_site(&req, &app)?;
    let params = extract::form(&req, &body, &["csrf", "then", "stay", "account", "ui_locales"])?;
    let browser = Browser::of(&req, &app).ok_or(PageFailure::CookiesOff)?;
    let now = app.clock.now();
    let session = session(&req, &app, now).await?.filter(|session| !session.accounts.is_empty());
    // Without a session nothing can be ended: a page that is sent off late is answered as what is true now.
    let mut some_stay = false;
    if let Some(session) = session {
        let shown = browser.shown_for(&app, &session, sign_out::PURPOSE, params.get("csrf"))?;
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
    let res = if let Some(then) = then.and_then(|then| sign_out::open(&app, &browser, then)) {
        complete(shell(&req, &app), &app, &then.name, &then.redirect)
    } else if some_stay && stay.is_none() {
        see_other(&format!("{}/", app.config.base)).finish()
    } else {
        see_other(&sign_out::done(&req, &app, &params, &Done { stay, others: some_stay })).finish()
    };
    Ok(with_cookie(res, (!some_stay).then(|| no_session_cookie(&app))))
}
