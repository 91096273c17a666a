//! The session of a browser at a site: an opaque cookie and, under its hash, who is signed in and what happened.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::buttons::Answer;
use super::trace::Trace;
use crate::secret::{Token, TokenHash, base64url};
use crate::state::StateError;
use crate::state::kv::{Drawer, Key, Kv};

/// How long a session with a person is stored after its last change.
const REMEMBERED: Duration = Duration::days(30);
/// How long a session without a person is stored.
const ANONYMOUS: Duration = Duration::DAY;
/// How long a sign-in or sign-out at the provider may take.
const AWAY: Duration = Duration::hours(1);
/// Drawers of the sites' store.
const SESSION: Drawer = Drawer::DemoSession;
const AWAY_DRAWER: Drawer = Drawer::DemoRedirect;

/// Who is signed in at this site.
#[derive(Clone, Serialize, Deserialize)]
pub struct Person {
    /// The issuer.
    pub issuer: String,
    /// The subject.
    pub sub: String,
    /// The displayed name.
    pub name: String,
    /// From UserInfo.
    pub email: Option<String>,
    /// The ID token.
    pub id_token: String,
    /// The access token for UserInfo.
    pub userinfo_token: String,
    /// The access token for the API.
    pub api_token: Option<String>,
    /// The refresh token that came with the access token for UserInfo.
    pub refresh_token: String,
    /// The refresh token that came with the access token for the API.
    pub api_refresh_token: Option<String>,
    /// When the first of the tokens expires, in epoch seconds.
    pub until: i64,
}

/// The session of one browser.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct SiteSession {
    /// Who is signed in.
    pub person: Option<Person>,
    /// A notice for the page.
    pub notice: Option<String>,
    /// What just happened.
    pub trace: Option<Trace>,
    /// The answer of the API to the last button.
    pub answer: Option<Answer>,
}

impl SiteSession {
    fn end(&self, now: OffsetDateTime) -> OffsetDateTime {
        now + if self.person.is_some() { REMEMBERED } else { ANONYMOUS }
    }
}

/// A session with the bytes it was read from, for compare-and-swap.
pub struct StoredSession {
    name: String,
    bytes: Vec<u8>,
    /// The session.
    pub session: SiteSession,
}

impl StoredSession {
    /// The hash of the cookie, which binds a sign-in to this browser.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The sessions of one site.
pub struct Sessions {
    kv: Kv,
    cookie: &'static str,
}

impl Sessions {
    pub(super) fn new(kv: Kv, cookie: &'static str) -> Sessions {
        Sessions { kv, cookie }
    }

    /// The session of the browser that sent this request; none for a record of an older form.
    pub(super) async fn find(
        &self,
        request: &HttpRequest,
        now: OffsetDateTime,
    ) -> Result<Option<StoredSession>, StateError> {
        let Some(cookie) = cookie(request, self.cookie) else { return Ok(None) };
        let name = base64url(TokenHash::of(cookie).as_bytes());
        let Some(bytes) = self.kv.get(&self.key(SESSION, &name), now).await? else { return Ok(None) };
        Ok(serde_json::from_slice(&bytes).ok().map(|session| StoredSession { name, bytes, session }))
    }

    /// Begins a session under a new cookie and deletes the old one: this prevents session fixation.
    pub(super) async fn begin(
        &self,
        session: SiteSession,
        instead_of: Option<&StoredSession>,
        now: OffsetDateTime,
    ) -> Result<(Cookie<'static>, StoredSession), StateError> {
        let token = Token::generate();
        let name = base64url(token.hash().as_bytes());
        let bytes = encode(&session)?;
        self.kv.put(&self.key(SESSION, &name), &bytes, session.end(now)).await?;
        if let Some(old) = instead_of {
            self.kv.del(&self.key(SESSION, &old.name)).await?;
        }
        let cookie = Cookie::build(self.cookie, token.expose().to_owned());
        let cookie = cookie.path("/").http_only(true).same_site(SameSite::Lax).finish();
        Ok((cookie, StoredSession { name, bytes, session }))
    }

    /// Stores a change unless the session has changed or ended meanwhile: a late answer must not restore a session that
    /// was signed out.
    pub(super) async fn keep(&self, held: &StoredSession, now: OffsetDateTime) -> Result<bool, StateError> {
        let key = self.key(SESSION, &held.name);
        self.kv.swap(&key, &held.bytes, &encode(&held.session)?, held.session.end(now), now).await
    }

    /// Stores, under `state`, the purpose for which the browser is sent to the provider.
    pub(super) async fn send_away<T: Serialize>(
        &self,
        state: &Token,
        pending: &T,
        now: OffsetDateTime,
    ) -> Result<(), StateError> {
        let key = self.key(AWAY_DRAWER, &base64url(state.hash().as_bytes()));
        self.kv.put(&key, &encode(pending)?, now + AWAY).await
    }

    /// Takes the purpose stored under this `state`. A second call gets none.
    pub(super) async fn came_back<T: for<'de> Deserialize<'de>>(
        &self,
        state: &str,
        now: OffsetDateTime,
    ) -> Result<Option<T>, StateError> {
        let key = self.key(AWAY_DRAWER, &base64url(TokenHash::of(state).as_bytes()));
        let Some(bytes) = self.kv.get(&key, now).await? else { return Ok(None) };
        // Of two concurrent calls one deletes it.
        let is_first = self.kv.del_same(&key, &bytes, now).await?;
        Ok(if is_first { serde_json::from_slice(&bytes).ok() } else { None })
    }

    /// Both sites share one store, each under the name of its cookie.
    fn key(&self, drawer: Drawer, name: &str) -> Key {
        Key::new(drawer, &format!("{}:{name}", self.cookie))
    }
}

/// The value of the first cookie with this name.
fn cookie<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let fields = request.headers().get_all(header::COOKIE).filter_map(|field| field.to_str().ok());
    let mut pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StateError> {
    serde_json::to_vec(value).map_err(|error| StateError::Broken(error.to_string()))
}
