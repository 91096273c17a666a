//! The layout that all pages share.

use time::{Duration, OffsetDateTime, UtcOffset};

use crate::texts::Texts;
use crate::web::assets;

/// The data of every page's layout.
#[derive(Clone, Debug)]
pub struct Shell {
    /// The texts, in the person's language.
    pub texts: Texts,
    /// The path of the issuer, `""` or `"/path"`: all links and form actions start with it.
    pub base: String,
    /// The id of the request in the log; shown on the error page.
    pub request_id: String,
    /// The address of this page, for the language switch; none for the answer to a form.
    pub here: Option<String>,
}

impl Shell {
    pub(crate) fn style_href(&self) -> String {
        assets::style_href(&self.base)
    }

    pub(crate) fn password_script_href(&self) -> String {
        assets::password_script_href(&self.base)
    }

    pub(crate) fn favicon_href(&self) -> String {
        assets::favicon_href(&self.base)
    }

    /// The address that switches this page to another language.
    pub(crate) fn language_href(&self, lang: &str, here: &str) -> String {
        let here: String = url::form_urlencoded::byte_serialize(here.as_bytes()).collect();
        format!("{}/language?lang={lang}&back={here}", self.base)
    }

    pub(crate) fn get(&self, id: impl AsRef<str>) -> String {
        self.texts.get(id.as_ref())
    }

    pub(crate) fn with(&self, id: &str, name: &str, value: impl AsRef<str>) -> String {
        self.texts.with(id, &[(name, value.as_ref())])
    }

    pub(crate) fn at(&self, id: &str, instant: &OffsetDateTime) -> String {
        self.texts.at(id, *instant)
    }

    pub(crate) fn title(&self, heading: impl AsRef<str>) -> String {
        self.with("page-title", "title", heading)
    }
}

/// A message about a wait, with the `$minutes` that are left and the `$time` (UTC) of its end. Both are rounded up.
pub fn wait_text(texts: Texts, id: &str, until: OffsetDateTime, now: OffsetDateTime) -> String {
    let seconds = u64::try_from((until - now).whole_seconds()).unwrap_or_default();
    let minutes = seconds.div_ceil(60).max(1).to_string();
    let end = until.to_offset(UtcOffset::UTC) + Duration::seconds(59);
    let time = format!("{:02}:{:02}", end.hour(), end.minute());
    texts.with(id, &[("minutes", &minutes), ("time", &time)])
}
