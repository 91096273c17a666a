//! `grant_type=refresh_token`: find the family, decide, write the use of it, then issue.

use actix_web::HttpResponse;

use super::Issued;
use super::issue::Issue;
use crate::protocol::cause::Cause;
use crate::protocol::params::Params;
use crate::protocol::refresh::{
    Decision, Position, RefreshToken, Rotation, decide, malformed, refused, replaced,
};
use crate::protocol::refusal::Refusal;
use crate::store::events::Actor;
use crate::store::grants::{self, Family, Reuse};
use crate::web::client_auth::Proven;
use crate::web::failure::TokenFailure;
use crate::web::visit::Visit;

/// How often a use is decided again because the row has changed since it was read.
const ATTEMPTS: u8 = 20;

/// Answers a refresh token with new tokens. The row is read anew, with its person and client, until a use of it is written as
/// it was decided.
///
/// Spec: RFC 6749 §6, OpenID Connect Core §12
pub(super) async fn refresh(
    visit: &Visit,
    client: &Proven,
    params: &Params,
    counts: &Issued,
) -> Result<HttpResponse, TokenFailure> {
    let Some(sent) = params.get("refresh_token") else {
        let cause = Cause::new("refresh_token is missing").with("received", params.names());
        return Err(Refusal::new("invalid_request", "refresh_token is missing").because(cause).into());
    };
    let token = RefreshToken::parse(sent).ok_or_else(|| refused(malformed(sent)))?;
    for _ in 0..ATTEMPTS {
        let used = Use::read(visit, client, &token).await?;
        if let Some(answer) = used.carry_out(params, counts).await? {
            return Ok(answer);
        }
    }
    Err(TokenFailure::unavailable("the grant of the refresh token kept changing"))
}

/// One use of a genuine token by its client.
struct Use<'a> {
    visit: &'a Visit,
    client: &'a Proven,
    token: &'a RefreshToken,
    family: Family,
}

impl<'a> Use<'a> {
    /// Finds the family of a token; refuses one that is not genuine, or another client's.
    async fn read(
        visit: &'a Visit,
        client: &'a Proven,
        token: &'a RefreshToken,
    ) -> Result<Use<'a>, TokenFailure> {
        let Some(family) = grants::find(&visit.app.db, token.family).await? else {
            let cause = Cause::new(
                "the grant of the refresh token is unknown: it ended more than a day ago, or is of \
                                    another provider",
            );
            return Err(refused(cause.with("grant", token.family)).into());
        };
        let key = visit.app.keys.refresh_key(&family.salt);
        if !key.is_some_and(|key| token.is_genuine(key, &family.salt)) {
            return Err(refused("the refresh token was changed, or made for another database").into());
        }
        if family.client_id != client.id {
            let cause = Cause::new("the refresh token was issued to another client");
            let cause = cause.with("issued to", &family.client_id);
            return Err(refused(cause.mend("refresh with the client_id that the token was issued to")).into());
        }
        Ok(Use { visit, client, token, family })
    }

    /// Decides, and carries the decision out; none if the row has changed since it was read.
    async fn carry_out(self, params: &Params, counts: &Issued) -> Result<Option<HttpResponse>, TokenFailure> {
        let (now, policy) = (self.visit.now, self.visit.app.config.lifetimes.family());
        let facts = &policy.judged(&self.family.facts, &self.family.terms, self.client);
        let idle = policy.idle(&self.family.terms, self.client);
        let generation = self.token.generation;
        let rotates = self.client.is_public();
        match decide(facts, generation, rotates, idle, Rotation::DEFAULT, now) {
            Decision::Ended(ended) => Err(refused(ended.cause(now)).into()),
            Decision::FromTheFuture => {
                counts.ahead.increment(1);
                let newest = facts.position.generation;
                tracing::error!(
                    grant = %self.token.family, generation, newest,
                    "a refresh token is newer than the database: was it restored from a backup?"
                );
                let cause = Cause::new("the refresh token is newer than the database, which was restored");
                Err(refused(cause.with("generation", format!("{generation}, the newest is {newest}"))).into())
            }
            Decision::Reuse => {
                let newest = facts.position.generation;
                let reuse = Reuse { family: self.token.family, generation, newest };
                let by = Actor::Client(self.client.id.clone());
                if grants::reused(&self.visit.app.db, reuse, by, now).await? {
                    counts.reused.increment(1);
                }
                Err(refused(replaced(facts, generation, true, now)).into())
            }
            Decision::Late(to) if self.moves(to).await? => {
                Err(refused(replaced(facts, generation, false, now)).into())
            }
            Decision::Late(_) => Ok(None),
            Decision::Rotate(to) | Decision::Keep(to) => self.answer(params, to).await,
            Decision::Repeat => {
                let to = self.family.facts.position;
                self.answer(params, to).await
            }
        }
    }

    /// Writes the use, unless there is nothing to write; false when the row has changed since it was read.
    async fn moves(&self, to: Position) -> Result<bool, TokenFailure> {
        let from = self.family.facts.position;
        Ok(from == to || grants::move_on(&self.visit.app.db, self.token.family, from, to).await?)
    }

    /// Makes the answer with the token of the new position, and writes the use before it is given. What fails here has used
    /// nothing: the same token can be presented again at any time.
    async fn answer(self, params: &Params, to: Position) -> Result<Option<HttpResponse>, TokenFailure> {
        let (app, terms) = (&self.visit.app, &self.family.terms);
        let disabled = || refused("the account or the client is disabled or gone");
        let user = self.family.user.clone().filter(|_| self.family.has_client).ok_or_else(disabled)?;
        let scope = terms.grant.narrow_scope(params)?;
        let resources = terms.grant.narrow(&app.resources.load(), params)?;
        let key = app.keys.refresh_key(&self.family.salt).ok_or_else(|| refused("its key is gone"))?;
        let token = RefreshToken::make(key, self.token.family, to.generation, &self.family.salt);
        let issue = Issue {
            app,
            client: self.client,
            id: self.token.family,
            scope: &scope,
            claims: &terms.grant.claims,
            person: Some(&terms.grant.person),
            record: None,
            resources: &resources,
            user: Some(user),
            refresh_token: Some(token),
            nonce: None,
            now: self.visit.now,
            refused: |cause| refused(cause),
        };
        let answer = issue.answer().await?;
        Ok(self.moves(to).await?.then_some(answer))
    }
}
