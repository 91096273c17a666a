//! Whether an access token is still good, as far as the main database knows.

use diesel::prelude::*;
use diesel::sql_types::{Binary, Nullable, Text};
use time::OffsetDateTime;

use crate::db::fixed::{Bind, fixed, statement};
use crate::db::{Db, DbError, each};
use crate::ids::GrantId;
use crate::protocol::instant::AHEAD;
use crate::protocol::user::User;
use crate::store::users;

statement! { Judged -> (Nullable<Binary>, Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Text>):
    "SELECT g.id, g.user_id, u.id, u.login_shown, u.claims FROM clients c \
     LEFT JOIN grants g ON g.id = ? \
     LEFT JOIN users u ON u.id = COALESCE(g.user_id, ?) AND u.disabled = FALSE \
     WHERE c.id = ? AND c.disabled = FALSE AND (c.created_at <= ? OR c.created_at > ?) \
     AND (g.id IS NULL OR (g.client_id = c.id AND g.revoked_at IS NULL AND g.idle_end > ?)) \
     AND NOT EXISTS (SELECT 1 FROM dead_grants d WHERE d.id = ?) \
     AND NOT EXISTS (SELECT 1 FROM dead_tokens t WHERE t.jti = ?)"
}

/// An issued access token.
#[derive(Clone, Copy, Debug)]
pub struct Issued<'a> {
    /// The grant.
    pub grant_id: GrantId,
    /// The person's identifier, as the session says; none where the client acts for itself, or the row of the grant says it.
    pub user_id: Option<&'a str>,
    /// The client's identifier.
    pub client_id: &'a str,
    /// When it was issued, in seconds since the epoch.
    pub at: i64,
    /// The token's own identifier; empty for a grant whose first token is about to be issued.
    pub jti: &'a str,
}

/// A token that the main database knows nothing against.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The person, enabled; none where the client acts for itself.
    pub user: Option<User>,
    /// Whether the grant is a row, which then decides alone. Otherwise the caller has to ask the state store for the session
    /// that the token names, and a token that names none and is about a person is not good.
    pub has_row: bool,
}

/// Judges an access token by its grant, person, client and `jti`, in one statement; none if one of them is dead: the grant
/// revoked or ended, the person or the client disabled or removed, the token revoked by itself.
///
/// How to use it: verify the signature and the claims first; call this; then, unless [`Standing::has_row`], check the session
/// that the token hides (`keys.reveal_session`, `state.sessions.is_live`). The person is that of the row if there is one, so
/// that the `sub` of the token need not be the identifier.
///
/// A client that was registered under the same identifier after the token was issued is another client. A registration time
/// in the future, from a clock that ran ahead, counts as old.
pub async fn standing(db: &Db, token: &Issued<'_>, now: OffsetDateTime) -> Result<Option<Standing>, DbError> {
    let (grant_id, at, latest) = (token.grant_id, token.at, (now + AHEAD).unix_timestamp());
    let (user_id, client_id) = (token.user_id.map(str::to_owned), token.client_id.to_owned());
    let (jti, now) = (token.jti.to_owned(), now.unix_timestamp());
    db.read(move |conn| {
        let of = [
            Bind::Bytes(grant_id.as_bytes()),
            Bind::Text(user_id.as_deref().unwrap_or_default()),
            Bind::Text(&client_id),
            Bind::Number(at),
            Bind::Number(latest),
            Bind::Number(now),
            Bind::Bytes(grant_id.as_bytes()),
            Bind::Text(&jti),
        ];
        let row: Option<Row> = each!(conn, |c| fixed::<Judged>(&of).get_result(c).optional()?);
        let Some(Row { grant, owner, person, login, claims }) = row else { return Ok(None) };
        let user = match (person, login, claims) {
            (Some(id), Some(login), Some(claims)) => Some(users::user(id, login, false, &claims)?),
            _ => None,
        };
        let is_about_person = owner.is_some() || user_id.is_some();
        let has_row = grant.is_some();
        Ok((user.is_some() || !is_about_person).then_some(Standing { user, has_row }))
    })
    .await
}

#[derive(Queryable)]
struct Row {
    grant: Option<Vec<u8>>,
    owner: Option<String>,
    person: Option<String>,
    login: Option<String>,
    claims: Option<String>,
}
