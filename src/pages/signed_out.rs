//! Signing out by one's own hand, and the page that says it is done.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::App;
use crate::protocol::failure::PageFailure;
use crate::web::answer::{Kind, complete, page, see_other, shell, with_cookie};
use crate::web::browser::{Browser, no_session_cookie, refuse_cross_site, session};
use crate::web::extract::{self, Body};
use crate::web::sign_out::{self, Done};
use crate::web::views::SignedOutPage;

/// `GET /signed-out`
pub async fn get(req: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    // `ui_locales` names the language.
    let params = extract::query(&req, &["ui_locales", "stay", "others"])?;
    let (stay, others) = (sign_out::stay(&params), params.get("others").is_some());
    Ok(page(&app, Kind::Text, &SignedOutPage { shell: shell(&req, &app), stay, others }))
}

/// `POST /signed-out`: signs everybody out of this browser, then goes where the application that asked
/// for it is registered to go. With `account`, that one of several is signed out and nobody else.
pub async fn post(req: HttpRequest, app: web::Data<App>, body: Body) -> Result<HttpResponse, PageFailure> {
    refuse_cross_site(&req, &app)?;
    let params = extract::form(&req, &body, &["csrf", "then", "stay", "account", "ui_locales"])?;
    let browser = Browser::of(&req, &app).ok_or(PageFailure::CookiesOff)?;
    browser.check_csrf(&app, sign_out::PURPOSE, params.get("csrf"))?;
    let now = app.clock.now();
    let session = session(&req, &app, now).await?;
    if let (Some(session), Some(user_id)) = (&session, params.get("account")) {
        let (meant, others): (Vec<_>, Vec<_>) =
            session.accounts.iter().partition(|account| account.user_id == user_id);
        // Whoever is gone already takes nobody along.
        if !others.is_empty() {
            for account in meant {
                app.state.sessions.end_one(session.record, account.session_id, now).await?;
            }
            return Ok(see_other(&format!("{}/", app.config.base)).finish());
        }
    }
    if let Some(session) = session {
        app.state.sessions.end(&session, now).await?;
    }
    let res = if let Some(then) = params.get("then").and_then(|then| sign_out::open(&app, &browser, then)) {
        complete(shell(&req, &app), &app, &then.name, &then.redirect)
    } else {
        let done = Done { stay: sign_out::stay(&params), ..Done::default() };
        see_other(&sign_out::done(&req, &app, &params, &done)).finish()
    };
    Ok(with_cookie(res, Some(no_session_cookie(&app))))
}
