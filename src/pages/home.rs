//! `/`: who is signed in here, the applications, sign out.

use actix_web::{HttpRequest, HttpResponse, web};
use time::OffsetDateTime;

use crate::app::App;
use crate::protocol::user::User;
use crate::store;
use crate::web::answer::{Kind, page, shell, with_cookie};
use crate::web::browser::{Browser, session};
use crate::web::failure::PageFailure;
use crate::web::pending::name;
use crate::web::views::{HomeAccount, HomeApp, HomePage};
use crate::web::{language, sign_out};

/// `GET /`
pub async fn get(req: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let browser = Browser::of_get(&req, &app);
    let session = session(&req, &app, app.clock.now()).await?;
    let signed_in = session.as_ref().map(|session| session.accounts.as_slice()).unwrap_or_default();
    let ids = signed_in.iter().map(|account| account.user_id.clone()).collect();
    let people = store::users::by_ids(&app.db, ids).await?;
    let since = |user: &User| -> Option<OffsetDateTime> {
        Some(signed_in.iter().find(|account| account.user_id == user.id)?.auth_time)
    };
    let accounts: Vec<HomeAccount> = people
        .iter()
        .filter_map(|user| {
            let (id, name, login) = (user.id.clone(), user.display_name().into(), user.login.clone());
            Some(HomeAccount { id, name, login, since: since(user)? })
        })
        .collect();
    // Which applications exist is nobody's business who is not signed in.
    let (clients, first_steps) = if accounts.is_empty() {
        (vec![], !store::clients::any(&app.db).await?)
    } else {
        (store::clients::list(&app.db).await?, false)
    };
    let lang = language::texts(&req).lang();
    // An application without a page of its own cannot be opened from here.
    let apps = clients.iter().filter(|client| !client.disabled).filter_map(|client| {
        let (_, url) = client.way_back(lang)?;
        Some(HomeApp { name: name(&req, client).into(), url, host: client.host() })
    });
    let csrf = session.as_ref().map(|session| browser.csrf_tokens(&app, session, sign_out::PURPOSE));
    let view = HomePage {
        shell: shell(&req, &app),
        apps: apps.collect(),
        accounts,
        csrf: csrf.unwrap_or_default(),
        development: app.config.development,
        first_steps,
    };
    Ok(with_cookie(page(&app, Kind::Form, &view), browser.new_cookie(&app)))
}
