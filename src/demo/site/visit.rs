//! What is remembered of a browser: an opaque cookie, and behind its hash who is signed in and what happened.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::{self, HeaderValue};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::call::Answer;
use super::trace::Trace;
use crate::protocol::cookies::find;
use crate::secret::{Token, TokenHash, base64url};
use crate::state::StateError;
use crate::state::kv::{Key, Kv};

/// How long somebody who signed in is remembered after the last change.
const REMEMBERED: Duration = Duration::days(30);
/// How long a browser in which nobody did.
const NOBODY_REMEMBERED: Duration = Duration::DAY;
/// How long a browser may stay away at the provider.
const AWAY: Duration = Duration::hours(1);
/// Kinds of values in the sites' own store.
const VISIT: char = 'v';
const AWAY_DRAWER: char = 'a';

/// Who is signed in at this site.
#[derive(Clone, Serialize, Deserialize)]
pub struct Person {
    /// Who says so.
    pub issuer: String,
    /// Who it is, in the issuer's words.
    pub sub: String,
    /// The name to greet.
    pub name: String,
    /// From UserInfo.
    pub email: Option<String>,
    /// The proof of the sign-in.
    pub id_token: String,
    /// The access token for UserInfo.
    pub userinfo_token: String,
    /// The access token for the API.
    pub api_token: Option<String>,
    /// When the first of the tokens ends, in epoch seconds.
    pub until: i64,
}

/// Everything remembered of one browser.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Visit {
    /// Who is signed in.
    pub person: Option<Person>,
    /// What the page has to say.
    pub notice: Option<String>,
    /// What just happened.
    pub trace: Option<Trace>,
    /// The answer of the API to the last button.
    pub answer: Option<Answer>,
}

impl Visit {
    fn end(&self, now: OffsetDateTime) -> OffsetDateTime {
        now + if self.person.is_some() { REMEMBERED } else { NOBODY_REMEMBERED }
    }
}

/// A visit with the bytes it was read from, so that a change can be refused when somebody else was first.
pub struct Held {
    name: String,
    bytes: Vec<u8>,
    /// What is remembered.
    pub visit: Visit,
}

impl Held {
    /// What binds a login to this browser: the hash of its cookie.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The visits of one site.
pub struct Visits {
    kv: Kv,
    cookie: &'static str,
}

impl Visits {
    pub(super) fn new(kv: Kv, cookie: &'static str) -> Visits {
        Visits { kv, cookie }
    }

    /// The visit of the browser that sent this request; a record of an older shape counts as none.
    pub(super) async fn find(
        &self,
        request: &HttpRequest,
        now: OffsetDateTime,
    ) -> Result<Option<Held>, StateError> {
        let fields = request.headers().get_all(header::COOKIE).map(HeaderValue::as_bytes);
        let Some(cookie) = find(fields, self.cookie).value else { return Ok(None) };
        let name = base64url(TokenHash::of(cookie).as_bytes());
        let Some(bytes) = self.kv.get(&self.key(VISIT, &name), now).await? else { return Ok(None) };
        Ok(serde_json::from_slice(&bytes).ok().map(|visit| Held { name, bytes, visit }))
    }

    /// Begins a visit under a new handle, in place of an older one: nobody can have planted the cookie of a
    /// browser that then signs in.
    pub(super) async fn begin(
        &self,
        visit: Visit,
        instead_of: Option<&Held>,
        now: OffsetDateTime,
    ) -> Result<(Cookie<'static>, Held), StateError> {
        let token = Token::generate();
        let name = base64url(token.hash().as_bytes());
        let bytes = encode(&visit)?;
        self.kv.put(&self.key(VISIT, &name), &bytes, visit.end(now)).await?;
        if let Some(old) = instead_of {
            self.kv.del(&self.key(VISIT, &old.name)).await?;
        }
        let cookie = Cookie::build(self.cookie, token.expose().to_owned());
        let cookie = cookie.path("/").http_only(true).same_site(SameSite::Lax).finish();
        Ok((cookie, Held { name, bytes, visit }))
    }

    /// Keeps a change, unless the visit has changed or ended meanwhile: an answer that comes late must not
    /// bring back somebody who signed out.
    pub(super) async fn keep(&self, held: &Held, now: OffsetDateTime) -> Result<bool, StateError> {
        let key = self.key(VISIT, &held.name);
        self.kv.swap(&key, &held.bytes, &encode(&held.visit)?, held.visit.end(now), now).await
    }

    /// Remembers, under `state`, what the browser was sent away for.
    pub(super) async fn send_away<T: Serialize>(
        &self,
        state: &Token,
        pending: &T,
        now: OffsetDateTime,
    ) -> Result<(), StateError> {
        let key = self.key(AWAY_DRAWER, &base64url(state.hash().as_bytes()));
        self.kv.put(&key, &encode(pending)?, now + AWAY).await
    }

    /// What a browser that came back with this `state` was sent away for; tells it once.
    pub(super) async fn came_back<T: for<'de> Deserialize<'de>>(
        &self,
        state: &str,
        now: OffsetDateTime,
    ) -> Result<Option<T>, StateError> {
        let key = self.key(AWAY_DRAWER, &base64url(TokenHash::of(state).as_bytes()));
        let Some(bytes) = self.kv.get(&key, now).await? else { return Ok(None) };
        // Of two that come at once, one removes it.
        let is_first = self.kv.del_same(&key, &bytes, now).await?;
        Ok(if is_first { serde_json::from_slice(&bytes).ok() } else { None })
    }

    /// Both sites keep their visits in one store, each under its own name.
    fn key(&self, drawer: char, name: &str) -> Key {
        Key::new(drawer, &format!("{}:{name}", self.cookie))
    }
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StateError> {
    serde_json::to_vec(value).map_err(|error| StateError::Broken(error.to_string()))
}
