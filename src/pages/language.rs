//! `/language`: stores the language that a person chooses in a cookie, and redirects back to the page.

use actix_web::HttpResponse;
use url::Url;

use crate::app::App;
use crate::texts::Texts;
use crate::web::answer::{see_other, with_cookie};
use crate::web::browser::cookies::language_cookie;
use crate::web::browser::origin::is_from_elsewhere;
use crate::web::failure::PageFailure;
use crate::web::visit::Visit;
use crate::web::{extract, language};

/// `GET /language?lang=…&back=…`: a link and not a form, because the redirect may lead on to an application, to which
/// browsers would apply the form's policy. Another site's link changes nothing.
pub async fn get(visit: Visit) -> Result<HttpResponse, PageFailure> {
    let app = &visit.app;
    let query = extract::query(&visit.req, &["lang", "back"])?;
    let chosen = query.get("lang").and_then(Texts::of).filter(|_| !is_from_elsewhere(&visit.req));
    let cookie = chosen.map(|texts| language_cookie(app, language::choice(texts, visit.now)));
    let back = query.get("back").and_then(|back| within(app, back));
    let back = back.unwrap_or_else(|| visit.at("/"));
    Ok(with_cookie(see_other(&back).finish(), cookie))
}

/// The whole address of a page of the provider; none for any other address, however it is written.
fn within(app: &App, back: &str) -> Option<String> {
    let path = Some(back).filter(|back| back.starts_with('/'))?;
    let address = Url::parse(&app.config.origin).ok()?.join(path).ok()?;
    let ours = format!("{}{}/", app.config.origin, app.config.base);
    address.as_str().starts_with(&ours).then(|| address.into())
}
