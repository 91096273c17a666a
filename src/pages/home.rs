//! `/`: who is signed in here, the applications, sign out.

use actix_web::{HttpRequest, HttpResponse, web};
use time::macros::format_description;

use crate::app::App;
use crate::protocol::failure::PageFailure;
use crate::store;
use crate::web::answer::{Kind, page, shell, with_cookie};
use crate::web::browser::{Browser, session};
use crate::web::sign_out;
use crate::web::views::{HomeAccount, HomeApp, HomePage};

/// `GET /`
pub async fn get(req: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let browser = Browser::of_get(&req, &app);
    let session = session(&req, &app, app.clock.now()).await?;
    let mut accounts = vec![];
    for account in session.iter().flat_map(|session| &session.accounts) {
        let Some(user) = store::users::by_id(&app.db, &account.user_id).await? else { continue };
        let since = account.auth_time.format(format_description!("[year]-[month]-[day] [hour]:[minute] UTC"));
        accounts.push(HomeAccount {
            name: user.display_name().into(),
            login: user.login.clone(),
            since: since.unwrap_or_default(),
        });
    }
    let clients = store::clients::list(&app.db).await?;
    // Which applications exist is nobody's business who is not signed in.
    let shown = clients.iter().filter(|client| !accounts.is_empty() && !client.disabled);
    let apps = shown.map(|client| HomeApp {
        name: client.metadata.client_name.clone(),
        url: client.way_back().map(|(_, url)| url),
        host: client.host(),
    });
    let view = HomePage {
        shell: shell(&req, &app),
        apps: apps.collect(),
        accounts,
        csrf: browser.csrf_token(&app, sign_out::PURPOSE),
        development: app.config.development,
        registered_clients: clients.len(),
    };
    Ok(with_cookie(page(&app, Kind::Form, &view), browser.new_cookie(&app)))
}
