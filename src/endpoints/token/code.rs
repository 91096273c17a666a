//! `grant_type=authorization_code`: spend, check, then issue.

use actix_web::HttpResponse;

use super::family::{self, Begin, First};
use super::issue::Issue;
use crate::ids::GrantId;
use crate::protocol::cause::Cause;
use crate::protocol::code::{CodeGrant, refused};
use crate::protocol::family::begins;
use crate::protocol::instant::age;
use crate::protocol::params::Params;
use crate::protocol::refusal::Refusal;
use crate::protocol::session::Account;
use crate::state::codes::{self, Redeemed};
use crate::state::kv::Spend;
use crate::store::events::Actor;
use crate::store::grants::{self, Parties};
use crate::web::client_auth::Proven;
use crate::web::failure::TokenFailure;
use crate::web::visit::Visit;

/// Redeems a code for tokens.
///
/// Spec: RFC 6749 §4.1.3, §10.5; OAuth 2.1 §7.5.2
pub(super) async fn redeem(
    visit: &Visit,
    client: &Proven,
    params: &Params,
) -> Result<HttpResponse, TokenFailure> {
    let (app, now) = (&visit.app, visit.now);
    let Some(code) = params.get("code") else {
        let cause = Cause::new("code is missing").with("received", params.names());
        return Err(Refusal::new("invalid_request", "code is missing").because(cause).into());
    };
    let found = app.state.codes.spend(&client.id, code, now).await?;
    let Redeemed { code: granted, account, withdrawn } = match found {
        Spend::Fresh(redeemed) => redeemed,
        Spend::Unknown => return Err(refused(unknown(code)).into()),
        Spend::Spent(spent) => {
            spent.check(params)?;
            return Err(replayed(visit, client, spent.grant_id, &spent.user_id).await?.into());
        }
    };
    granted.check_age(app.config.lifetimes.code, now)?;
    granted.check(params)?;
    let resources = granted.grant.narrow(&app.resources.load(), params)?;
    let account = account.ok_or_else(|| refused("the session has ended"))?;
    // This node's copy of the client may be a second old. A registration date in the future is not believed.
    let is_older = |at| client.registered_at <= at || age(client.registered_at, now).is_none();
    if withdrawn.is_some_and(is_older) {
        return Err(refused("the client was removed or disabled").into());
    }
    let mut family = None;
    if begins(client) {
        match family::begin(visit, client, first(&granted, &resources, &account)).await? {
            Begin::Done(begun) => family = Some(begun),
            // The state store has lost the spend.
            Begin::Known => {
                let (id, person) = (granted.grant.id, &granted.grant.person.user_id);
                return Err(replayed(visit, client, id, person).await?.into());
            }
        }
    }
    let record = family.is_none().then_some(granted.record);
    let (user, refresh_token) = family.map(|family| (family.user, family.token)).unzip();
    let issue = Issue {
        app,
        client,
        id: granted.grant.id,
        scope: &granted.grant.scope,
        claims: &granted.grant.claims,
        person: Some(&granted.grant.person),
        record,
        resources: &resources,
        user,
        refresh_token,
        nonce: granted.nonce.as_deref(),
        now,
        refused: |cause| refused(cause),
    };
    issue.answer().await
}

/// The grant of a code, as a family begins with it.
fn first<'a>(granted: &'a CodeGrant, resources: &'a [String], account: &'a Account) -> First<'a> {
    First {
        grant: &granted.grant,
        resources,
        record: granted.record,
        account,
        agreed_at: granted.agreed_at,
        given_at: granted.issued_at,
        refused: |cause| refused(cause),
    }
}

/// Revokes the grant of a code that was redeemed before; answers the refusal.
async fn replayed(
    visit: &Visit,
    client: &Proven,
    grant_id: GrantId,
    user_id: &str,
) -> Result<Refusal, TokenFailure> {
    let (app, now, of) = (&visit.app, visit.now, Parties { user_id, client_id: &client.id });
    let exp = now + app.keys.revocation_remembered(&app.db).await?;
    grants::kill(&app.db, grant_id, exp, of, Actor::Client(client.id.clone()), now).await?;
    let cause = Cause::new("the code was redeemed before; what was issued then is revoked");
    let cause = cause.with("grant", grant_id).mend(
        "redeem a code once: look for a request that is retried, or a callback page that is loaded twice",
    );
    Ok(refused(cause))
}

/// The cause for an unknown code. A code of another client gets the same one.
fn unknown(code: &str) -> Cause {
    let (usual, sent) = (codes::LENGTH, code.chars().count());
    if sent != usual {
        let cause = Cause::new("the code does not look like one of ours: it was cut off, or encoded twice");
        return cause.with("length", format!("{sent} characters instead of {usual}"));
    }
    let cause = Cause::new("no such code was issued to this client within the last minutes");
    cause.mend("redeem the code with the client_id it was asked for with, at the provider that issued it")
}
