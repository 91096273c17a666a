//! Families of refresh tokens: what each was authorized for, and how long it lasts.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::protocol::client::{Client, Metadata};
use crate::protocol::grant::Grant;
use crate::protocol::grant_type::GrantType;
use crate::protocol::redirect_uri::ApplicationType;
use crate::protocol::refresh::{Facts, Position};
use crate::protocol::scope::OFFLINE;
use crate::protocol::session::SessionPolicy;

/// What a family was authorized for, as its row keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Terms {
    /// The grant.
    #[serde(rename = "g")]
    pub grant: Grant,
    /// Whether the person had asked to stay signed in: then being idle does not end a family of that session.
    #[serde(rename = "r", default, skip_serializing_if = "std::ops::Not::not")]
    pub remembered: bool,
}

impl Terms {
    /// Tells whether the family outlives the session that it was given from.
    ///
    /// Spec: OpenID Connect Core §11
    pub fn is_offline(&self) -> bool {
        self.grant.scope.has(OFFLINE)
    }
}

/// The spans of a family.
#[derive(Clone, Copy, Debug)]
pub struct Spans {
    /// Ends a family that was not used for this long.
    pub idle: Duration,
    /// Ends a family this long after it began.
    pub absolute: Duration,
}

/// Lifetimes of families.
#[derive(Clone, Copy, Debug)]
pub struct FamilyPolicy {
    /// Of families that outlive the session.
    pub offline: Spans,
    /// Of sessions, which families without `offline_access` end with.
    pub session: SessionPolicy,
}

/// The longest spans in a browser application: 8 hours unused, and a day in all.
pub const BROWSER: Spans = Spans { idle: Duration::hours(8), absolute: Duration::hours(24) };

impl FamilyPolicy {
    /// The span after which a family ends unused; none where its latest end alone counts.
    ///
    /// Spec: RFC 9700 §4.14.2
    pub fn idle(&self, terms: &Terms, client: &Client) -> Option<Duration> {
        let own = if terms.is_offline() {
            Some(self.offline.idle)
        } else {
            (!terms.remembered).then_some(self.session.idle)
        };
        let most = is_in_browser(client).then_some(BROWSER.idle);
        own.into_iter().chain(most).min()
    }

    /// The latest end of a family that begins now, in a session that ends then.
    pub fn absolute_end(
        &self,
        terms: &Terms,
        client: &Client,
        session_end: OffsetDateTime,
        now: OffsetDateTime,
    ) -> OffsetDateTime {
        let own = if terms.is_offline() {
            now + self.offline.absolute
        } else {
            // A session that began under a longer policy ends by the present one.
            session_end.min(self.session.latest_end(terms.grant.person.auth_time, terms.remembered))
        };
        if is_in_browser(client) { own.min(now + BROWSER.absolute) } else { own }
    }

    /// The facts of a family under the present policy: it ends by that, or by the one it began with if that was shorter.
    pub fn judged(&self, facts: &Facts, terms: &Terms, client: &Client) -> Facts {
        let absolute_end = self.absolute_end(terms, client, facts.absolute_end, facts.created_at);
        let row = facts.position;
        // Of a family whose tokens were replaced once and no longer are, `used_at` tells when the last one was.
        let tells_use = client.is_public() || row.generation == 0;
        let idle = self.idle(terms, client).filter(|_| tells_use);
        let idle_end = idle.map_or(row.idle_end, |idle| row.idle_end.min(row.used_at + idle));
        let absolute_end = absolute_end.min(facts.absolute_end);
        Facts { absolute_end, position: Position { idle_end, ..row }, ..*facts }
    }
}

/// Tells whether the client is an application that runs in browsers, where its tokens can be stolen by any script.
fn is_in_browser(client: &Client) -> bool {
    client.is_public() && client.metadata.application_type == ApplicationType::Web
}

/// Tells whether the grants of a client begin a family. To register the grant type is to ask for one with each code.
///
/// Spec: RFC 6749 §1.5
pub fn begins(client: &Client) -> bool {
    begins_for(&client.metadata)
}

/// [`begins`] for a client of these metadata.
pub fn begins_for(metadata: &Metadata) -> bool {
    metadata.grant_types.has(GrantType::RefreshToken)
}
