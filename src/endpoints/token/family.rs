//! Beginning a family of refresh tokens, with the grant of a client that asks for them.

use time::OffsetDateTime;

use crate::ids::RecordId;
use crate::protocol::client::Client;
use crate::protocol::family::Terms;
use crate::protocol::grant::Grant;
use crate::protocol::refresh::{RefreshToken, salt};
use crate::protocol::refusal::Refusal;
use crate::protocol::resource::TargetFault;
use crate::protocol::revoked::Why;
use crate::protocol::session::Account;
use crate::protocol::user::User;
use crate::secret::random;
use crate::store::events::Actor;
use crate::store::grants::{self, Begun, Issued, New, Standing, Whose};
use crate::web::failure::TokenFailure;
use crate::web::visit::Visit;

/// A family that has begun.
pub(super) struct Family {
    /// Its first token.
    pub(super) token: RefreshToken,
    /// The person, enabled.
    pub(super) user: User,
}

/// What became of a family that was to begin.
pub(super) enum Begin {
    /// It has begun, and tokens may be issued from it.
    Done(Family),
    /// There is a family of this grant already.
    Known,
}

/// The grant that a family begins with.
pub(super) struct First<'a> {
    /// The grant, which was just spent.
    pub(super) grant: &'a Grant,
    /// The resources of its first access token.
    pub(super) resources: &'a [String],
    /// The browser record with the session that it was given from.
    pub(super) record: RecordId,
    /// That session's account.
    pub(super) account: &'a Account,
    /// When the person last agreed to the client.
    pub(super) agreed_at: OffsetDateTime,
    /// When the grant was given.
    pub(super) given_at: OffsetDateTime,
    /// How this kind of grant says that it is not valid.
    pub(super) refused: fn(&'static str) -> Refusal,
}

/// Begins the family of a grant that was just spent, if a token can be issued from it. The row is committed first; only then one statement reads whether the
/// grant, the person and the client are good, and the session is read again. So whatever ends one of them meanwhile either
/// finds the row, or is seen here.
pub(super) async fn begin(visit: &Visit, client: &Client, first: First<'_>) -> Result<Begin, TokenFailure> {
    let First { grant, resources, record, account, agreed_at, given_at, refused } = first;
    let (app, now, policy) = (&visit.app, visit.now, visit.app.config.lifetimes.family());
    let target = app.resources.load().target(&app.config.issuer, resources, &grant.scope);
    target.map_err(TargetFault::refusal)?;
    let (id, person) = (grant.id, &grant.person);
    let terms = Terms { grant: grant.clone(), remembered: account.remembered };
    let absolute_end = policy.absolute_end(&terms, client, account.ends, now);
    let idle = policy.idle(&terms, client);
    let (salt, is_offline) = (salt(random()), terms.is_offline());
    let new = New {
        client_id: client.id.clone(),
        agreed_at,
        salt: salt.clone(),
        absolute_end,
        idle_end: idle.map_or(absolute_end, |idle| absolute_end.min(now + idle)),
        terms,
    };
    match grants::begin(&app.db, new, now).await? {
        Begun::New => (),
        Begun::Known => return Ok(Begin::Known),
        Begun::Orphan => return Err(refused("the account or the client is gone").into()),
    }
    let issued = Issued {
        grant_id: id,
        user_id: Some(&person.user_id),
        client_id: &client.id,
        at: given_at.unix_timestamp(),
        jti: "",
    };
    let standing = grants::standing(&app.db, &issued, now).await?;
    let is_live = is_offline || app.state.sessions.is_live(record, person.session_id, now).await?;
    let key = app.keys.refresh_key(&salt);
    match (standing, key) {
        (Some(Standing { user: Some(user), .. }), Some(key)) if is_live => {
            Ok(Begin::Done(Family { token: RefreshToken::make(key, id, 0, &salt), user }))
        }
        _ => {
            let by = Actor::Client(client.id.clone());
            grants::revoke(&app.db, Whose::Grant(id), Why::NotIssued, by, now).await?;
            Err(refused(
                "the grant is revoked, the session has ended, or the account or the client is disabled",
            )
            .into())
        }
    }
}
