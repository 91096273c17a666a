//! `/`: the accounts signed in in this browser, the applications, sign out.

use actix_web::HttpResponse;
use askama::Template;
use time::OffsetDateTime;

use crate::protocol::user::User;
use crate::store;
use crate::web::answer::{PageKind, page, with_cookie};
use crate::web::failure::PageFailure;
use crate::web::pending::name;
use crate::web::shell::Shell;
use crate::web::sign_out;
use crate::web::visit::Visit;

/// The front page: the accounts signed in in this browser, and the applications.
#[derive(Clone, Debug, Template)]
#[template(path = "home.html")]
pub struct HomePage {
    /// The data of the layout.
    pub shell: Shell,
    /// The accounts signed in in this browser.
    pub accounts: Vec<HomeAccount>,
    /// The applications with a page that can be opened.
    pub apps: Vec<HomeApp>,
    /// The CSRF tokens of the sign-out form.
    pub csrf: String,
    /// Whether this provider runs in development mode.
    pub development: bool,
    /// Whether this is a new installation: no person is signed in, and no application is registered.
    pub first_steps: bool,
}

impl HomePage {
    fn heading(&self) -> String {
        let id = if self.accounts.is_empty() { "home-title-nobody" } else { "home-title-account" };
        self.shell.get(id)
    }
}

/// An account on the front page.
#[derive(Clone, Debug)]
pub struct HomeAccount {
    /// The account's identifier, by which it is signed out.
    pub id: String,
    /// The person's name.
    pub name: String,
    /// The login name.
    pub login: String,
    /// When they signed in.
    pub since: OffsetDateTime,
}

/// An application on the front page.
#[derive(Clone, Debug)]
pub struct HomeApp {
    /// Its name as registered.
    pub name: String,
    /// Where it opens.
    pub url: String,
    /// The host it runs on.
    pub host: Option<String>,
}

/// `GET /`
pub async fn get(visit: Visit) -> Result<HttpResponse, PageFailure> {
    let app = &visit.app;
    let browser = visit.browser_of_get();
    let session = visit.session().await?;
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
    // Applications are listed only for people who are signed in.
    let (clients, first_steps) = if accounts.is_empty() {
        (vec![], !store::clients::any(&app.db).await?)
    } else {
        (store::clients::list(&app.db).await?, false)
    };
    let lang = visit.texts().lang();
    // An application without a page of its own cannot be opened.
    let apps = clients.iter().filter(|client| !client.disabled).filter_map(|client| {
        let (_, url) = client.way_back(lang)?;
        Some(HomeApp { name: name(&visit, client).into(), url, host: client.host() })
    });
    let csrf = session.as_ref().map(|session| browser.csrf_tokens(app, session, sign_out::PURPOSE));
    let view = HomePage {
        shell: visit.shell(),
        apps: apps.collect(),
        accounts,
        csrf: csrf.unwrap_or_default(),
        development: app.config.development,
        first_steps,
    };
    Ok(with_cookie(page(app, PageKind::Form, &view), browser.new_cookie(app)))
}
