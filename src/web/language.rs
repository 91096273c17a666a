//! The language of a request.
//!
//! `ui_locales` of the application comes first, then the person's choice in the cookie, then `Accept-Language`, then
//! English. A choice that was made while the request was pending overrules `ui_locales`, because it is newer.

use actix_web::http::header;
use actix_web::{HttpMessage, HttpRequest};
use time::OffsetDateTime;

use crate::app::App;
use crate::protocol::locales::{accepted, lookup};
use crate::protocol::params::Params;
use crate::texts::Texts;
use crate::web::browser::cookies::language_cookie_value;

/// The language of one request, in its extensions from the beginning.
#[derive(Clone, Copy)]
struct Language {
    texts: Texts,
    /// When the person chose it.
    chosen: Option<OffsetDateTime>,
}

/// The language by the browser alone: the choice in its cookie, else `Accept-Language`.
pub fn begin(req: &HttpRequest, app: &App) -> Texts {
    // Programs send neither, and most requests are theirs: this costs them nothing more.
    if ![header::COOKIE, header::ACCEPT_LANGUAGE].iter().any(|name| req.headers().contains_key(name)) {
        return Texts::english();
    }
    let cookie = language_cookie_value(req, app);
    let (lang, chosen) = cookie.split_once('.').unwrap_or((cookie, ""));
    let language = if let Some(texts) = Texts::of(lang) {
        let chosen = chosen.parse().ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
        Language { texts, chosen }
    } else {
        let header = req.headers().get(header::ACCEPT_LANGUAGE).and_then(|header| header.to_str().ok());
        let texts = find(accepted(header.unwrap_or_default()));
        Language { texts: texts.unwrap_or_else(Texts::english), chosen: None }
    };
    req.extensions_mut().insert(language);
    language.texts
}

/// Applies `ui_locales` of a request that began at `begun`, or just now. A value without a known language changes
/// nothing.
///
/// Spec: OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2
pub fn note(req: &HttpRequest, params: &Params, begun: Option<OffsetDateTime>) {
    let Some(locales) = params.get("ui_locales").filter(|_| !params.is_too_long("ui_locales")) else {
        return;
    };
    let Some(texts) = find(locales.split(' ')) else { return };
    let chosen = req.extensions().get::<Language>().and_then(|language| language.chosen);
    let chosen_since = chosen.zip(begun).is_some_and(|(chosen, begun)| chosen >= begun);
    if !chosen_since {
        req.extensions_mut().insert(Language { texts, chosen });
    }
}

/// The texts for this request.
pub fn texts(req: &HttpRequest) -> Texts {
    req.extensions().get::<Language>().map_or_else(Texts::english, |language| language.texts)
}

/// The value of the cookie for a choice made at this instant.
pub fn choice(texts: Texts, now: OffsetDateTime) -> String {
    format!("{}.{}", texts.lang(), now.unix_timestamp())
}

fn find<'w>(wanted: impl IntoIterator<Item = &'w str>) -> Option<Texts> {
    lookup(wanted, &Texts::languages()).and_then(Texts::of)
}
