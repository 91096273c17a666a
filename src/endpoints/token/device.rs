//! `grant_type=urn:ietf:params:oauth:grant-type:device_code`: a poll, which gets the tokens once the person has approved.

use actix_web::HttpResponse;

use super::family::{self, Begin, First};
use super::issue::Issue;
use crate::protocol::cause::Cause;
use crate::protocol::device::{Approval, denied, expired, pending, refused, slow_down};
use crate::protocol::family::begins;
use crate::protocol::params::Params;
use crate::protocol::refusal::Refusal;
use crate::state::device_codes::Polled;
use crate::store;
use crate::web::client_auth::Proven;
use crate::web::failure::TokenFailure;
use crate::web::visit::Visit;

/// Answers a poll.
///
/// Spec: RFC 8628 §3.4, §3.5
pub(super) async fn redeem(
    visit: &Visit,
    client: &Proven,
    params: &Params,
) -> Result<HttpResponse, TokenFailure> {
    let (app, now) = (&visit.app, visit.now);
    let Some(code) = params.get("device_code") else {
        let cause = Cause::new("device_code is missing").with("received", params.names());
        return Err(Refusal::new("invalid_request", "device_code is missing").because(cause).into());
    };
    let (request, Approval { grant, record, given_at }) =
        match app.state.device_codes.poll(&client.id, code, now).await? {
            Polled::Unknown => return Err(refused(unknown()).into()),
            Polled::Expired => return Err(expired().into()),
            Polled::SlowDown(interval) => return Err(slow_down(interval).into()),
            Polled::Pending => return Err(pending().into()),
            Polled::Denied => return Err(denied().into()),
            Polled::Approved(approved) => *approved,
        };
    // This node's copy of the client may be a second old, and the request ten minutes.
    let current = store::clients::by_id(&app.db, &client.id).await?;
    if !current.is_some_and(|current| request.is_of(&current)) {
        return Err(refused("the client was removed, disabled or changed since the device asked").into());
    }
    let account = app.state.sessions.account(record, grant.person.session_id, now).await?;
    let account = account.ok_or_else(|| refused("the session that the person approved from has ended"))?;
    let resources = grant.narrow(&app.resources.load(), params)?;
    let mut family = None;
    if begins(client) {
        let (grant, account, refused) = (&grant, &account, |cause| refused(cause));
        // A person who approves has agreed at that moment.
        let first =
            First { grant, resources: &resources, record, account, agreed_at: given_at, given_at, refused };
        match family::begin(visit, client, first).await? {
            Begin::Done(begun) => family = Some(begun),
            Begin::Known => return Err(refused("the device code was redeemed before").into()),
        }
    }
    let record = family.is_none().then_some(record);
    let (user, refresh_token) = family.map(|family| (family.user, family.token)).unzip();
    let issue = Issue {
        app,
        client,
        id: grant.id,
        scope: &grant.scope,
        claims: &grant.claims,
        person: Some(&grant.person),
        record,
        resources: &resources,
        user,
        refresh_token,
        nonce: None,
        now,
        refused: |cause| refused(cause),
    };
    issue.answer().await
}

/// The cause for an unknown code. A code of another client, and one that was redeemed, get the same one.
fn unknown() -> Cause {
    let cause =
        Cause::new("no such code was issued to this client within the last minutes, or it was redeemed");
    cause.mend("poll with the client_id that the code was asked for with, and stop when the tokens have come")
}
