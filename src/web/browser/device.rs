//! The cookie of a known device: it proves that an account has signed in in this browser before. It opens no session.
//! The account gets a throttle counter of its own in this browser, which guesses from elsewhere cannot exhaust.

use actix_web::HttpRequest;
use actix_web::cookie::Cookie;
use actix_web::cookie::time::Duration as CookieDuration;
use time::{Duration, OffsetDateTime};

use super::Browser;
use super::cookies::Jar;
use crate::app::App;
use crate::protocol::instant::seconds_since;
use crate::secret::{base64url, same};

/// The lifetime of an entry.
const LIFETIME: Duration = Duration::days(365);
/// The accounts in one cookie; the oldest entry is dropped.
const ACCOUNTS: usize = 4;

/// One account in one browser, with its present password.
pub struct Device<'a> {
    /// The provider.
    pub app: &'a App,
    /// The browser.
    pub browser: &'a Browser,
    /// The person.
    pub user_id: &'a str,
    /// The hash of the password. After a change of the password no browser is known.
    pub hash: &'a str,
}

impl Device<'_> {
    /// Whether this account has signed in in this browser within the last year.
    pub fn is_known(&self, req: &HttpRequest, now: OffsetDateTime) -> bool {
        let cookie = Jar::Device.read(req, self.app).unwrap_or_default();
        cookie.split('.').any(|entry| {
            let issued = self.issued(entry);
            let age = issued.and_then(|issued| seconds_since(issued, now.unix_timestamp()));
            age.is_some_and(|age| age < LIFETIME.whole_seconds())
        })
    }

    /// The cookie with a new entry for this account beside those of others. Malformed entries are dropped, because one
    /// could end the value and go on with an attribute.
    pub fn remember<'c>(&self, req: &HttpRequest, now: OffsetDateTime) -> Cookie<'c> {
        let cookie = Jar::Device.read(req, self.app).unwrap_or_default();
        let others = cookie.split('.').filter(|entry| is_entry(entry) && self.issued(entry).is_none());
        let mut entries = vec![format!("{}:{}", now.unix_timestamp(), self.mac(now.unix_timestamp()))];
        entries.extend(others.take(ACCOUNTS - 1).map(str::to_owned));
        let max_age = CookieDuration::seconds(LIFETIME.whole_seconds());
        Jar::Device.cookie(self.app, entries.join("."), Some(max_age))
    }

    /// When an entry was issued, if it is this account's.
    fn issued(&self, entry: &str) -> Option<i64> {
        let issued = entry.split_once(':')?.0.parse().ok()?;
        // Compared as text: a number can be written in other ways, which were never issued.
        same(entry.as_bytes(), format!("{issued}:{}", self.mac(issued)).as_bytes()).then_some(issued)
    }

    fn mac(&self, issued: i64) -> String {
        let (browser, issued) = (self.browser.id().as_bytes(), issued.to_be_bytes());
        let parts = [self.user_id.as_bytes(), &[0], browser, &[0], self.hash.as_bytes(), &[0], &issued];
        let mut mac = base64url(&self.app.keys.device.mac(&parts));
        mac.truncate(22);
        mac
    }
}

/// Whether a text has the form of an entry: an instant and a MAC.
fn is_entry(text: &str) -> bool {
    text.split_once(':').is_some_and(|(issued, mac)| {
        issued.parse::<i64>().is_ok()
            && mac.len() == 22
            && mac.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    })
}
