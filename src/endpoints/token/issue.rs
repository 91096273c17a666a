//! Issuing: signs the tokens of any grant and writes the answer of the token endpoint.

use std::borrow::Cow;

use actix_web::HttpResponse;
use serde_json::{Map, json};
use time::{Duration, OffsetDateTime};

use crate::app::App;
use crate::ids::{GrantId, RecordId};
use crate::keys::KeyError;
use crate::protocol::claims::{self, AccessToken, Authentication, IdToken};
use crate::protocol::client::ClientAlg;
use crate::protocol::grant::Authenticated;
use crate::protocol::named_claims::{NamedClaims, is_released};
use crate::protocol::refresh::RefreshToken;
use crate::protocol::refusal::Refusal;
use crate::protocol::resource::{Format, Target, TargetFault};
use crate::protocol::scope::Scope;
use crate::protocol::session::sid;
use crate::protocol::signing_alg::no_secret;
use crate::protocol::subject::Naming;
use crate::protocol::user::User;
use crate::secret::{base64url, random};
use crate::store;
use crate::web::answer::no_store;
use crate::web::client_auth::Proven;
use crate::web::failure::{TokenFailure, no_key};

/// One answer with tokens.
pub(super) struct Issue<'a> {
    pub(super) app: &'a App,
    /// The client that authenticated; the grant is its own.
    pub(super) client: &'a Proven,
    /// The grant, which every token names.
    pub(super) id: GrantId,
    /// The scopes of the tokens.
    pub(super) scope: &'a Scope,
    /// The claims to release by name, beside those of the scopes.
    pub(super) claims: &'a NamedClaims,
    /// The person that the tokens are about; none where the client acts for itself.
    pub(super) person: Option<&'a Authenticated>,
    /// The browser record with the session that decides whether a token for ourselves is still good. None where the row
    /// of the grant decides.
    pub(super) record: Option<RecordId>,
    /// The resources of this access token: all of the grant, or those that are asked for now.
    pub(super) resources: &'a [String],
    /// The person's account, if it was read and found enabled already.
    pub(super) user: Option<User>,
    /// The refresh token to answer with.
    pub(super) refresh_token: Option<RefreshToken>,
    /// The nonce of the authorization request, if this answers one.
    pub(super) nonce: Option<&'a str>,
    pub(super) now: OffsetDateTime,
    /// How this kind of grant says that it is not valid.
    pub(super) refused: fn(&'static str) -> Refusal,
}

impl Issue<'_> {
    /// Signs the access token, and the ID Token where one was asked for.
    ///
    /// Spec: RFC 6749 §5.1, OpenID Connect Core §3.1.3.3
    pub(super) async fn answer(&self) -> Result<HttpResponse, TokenFailure> {
        let resources = self.app.resources.load();
        let target = resources.target(&self.app.config.issuer, self.resources, self.scope);
        let target = target.map_err(TargetFault::refusal)?;
        let carried: Vec<&str> = resources.token_claims(&target.audience).collect();
        let user = match self.person {
            Some(person) if self.user.is_none() => self.read_user(person, !carried.is_empty()).await?,
            _ => None,
        };
        let user = user.as_ref().or(self.user.as_ref());
        let lifetime = self.lifetime(&target);
        let access_token = self.access_token(&target, lifetime, &carried, user).await?;
        let mut answer = Map::from_iter([
            ("token_type".to_owned(), json!("Bearer")),
            ("expires_in".to_owned(), json!(lifetime.whole_seconds())),
        ]);
        if !target.scope.is_empty() {
            answer.insert("scope".into(), json!(target.scope));
        }
        if let Some(person) = self.person.filter(|_| self.scope.has("openid")) {
            answer.insert("id_token".into(), json!(self.id_token(person, &access_token, user)?));
        }
        answer.insert("access_token".into(), json!(access_token));
        if let Some(token) = &self.refresh_token {
            answer.insert("refresh_token".into(), json!(token.expose().as_str()));
        }
        let mut res = HttpResponse::Ok();
        no_store(&mut res);
        Ok(res.json(answer))
    }

    /// The person's account. It is read only if a token is to say something about the person: a session found alive
    /// proves that the account is enabled.
    async fn read_user(
        &self,
        person: &Authenticated,
        is_carried: bool,
    ) -> Result<Option<User>, TokenFailure> {
        let app = self.app;
        if !is_carried && self.claims.is_empty() {
            return Ok(None);
        }
        let user = store::users::by_id(&app.db, &person.user_id).await?;
        match user.filter(|user| !user.disabled) {
            Some(user) => Ok(Some(user)),
            None => Err((self.refused)("the account is disabled or gone").into()),
        }
    }

    /// How long the access token lives. A longer lifetime that another node offers counts from when this one has seen
    /// that keys stay public for it.
    fn lifetime(&self, target: &Target) -> Duration {
        let lifetime = self.app.config.lifetimes.access_token(&self.client.metadata, target);
        lifetime.min(self.app.keys.snapshot.load().longest_token())
    }

    /// The `sub` of the tokens: the person's for this client, or else the client's own.
    ///
    /// Spec: OpenID Connect Core §8, RFC 9068 §2.2
    fn sub(&self) -> Cow<'_, str> {
        let Some(person) = self.person else { return Cow::Borrowed(&self.client.id) };
        Naming::of(self.client, &self.app.keys.pairwise).sub(&person.user_id)
    }

    /// Spec: RFC 9068 §2
    async fn access_token(
        &self,
        target: &Target,
        lifetime: Duration,
        carried: &[&str],
        user: Option<&User>,
    ) -> Result<String, TokenFailure> {
        let (app, client, person, now) = (self.app, self.client, self.person, self.now);
        let (scope, is_opaque) = (&target.scope, target.format == Format::Opaque);
        let known = |name: &str| user.and_then(|user| user.claim(name));
        let carried = carried.iter().filter_map(|name| Some(((*name).to_owned(), known(name)?))).collect();
        let for_us = target.audience.contains(&app.config.issuer);
        // Only what there is to tell and no scope tells anyway: the token stays small whatever was asked for.
        let told_by_name = |name: &&String| known(name).is_some() && !is_released(name, scope);
        let userinfo = self.claims.userinfo.iter().filter(|_| for_us).filter(told_by_name);
        // By it introspection tells that the session has ended, and finds the person behind a pairwise `sub`.
        let session = self.record.zip(person);
        let sub = self.sub();
        let hidden = |(record, person): (RecordId, &Authenticated)| {
            app.keys.hide_session(record, person.session_id, self.id)
        };
        let claims = AccessToken {
            iss: &app.config.issuer,
            sub: &sub,
            aud: claims::audience(&target.audience),
            exp: (now + lifetime).unix_timestamp(),
            iat: now.unix_timestamp(),
            nbf: claims::not_before(now),
            jti: claims::jti(self.id, random()),
            client_id: &client.id,
            scope: (!scope.is_empty()).then(|| scope.to_string()),
            authentication: person.map(Authentication::of),
            session: session.map(hidden),
            userinfo: userinfo.cloned().collect(),
            person: carried,
        };
        if is_opaque {
            return Ok(app.state.access_tokens.put(&claims, now + lifetime).await?);
        }
        Ok(app.keys.snapshot.load().sign(target.alg, "at+jwt", &claims)?)
    }

    /// Spec: OpenID Connect Core §2, §3.1.3.6
    fn id_token(
        &self,
        person: &Authenticated,
        access_token: &str,
        user: Option<&User>,
    ) -> Result<String, TokenFailure> {
        let (app, client, now) = (self.app, self.client, self.now);
        let (sub, alg) = (self.sub(), client.metadata.id_token_signed_response_alg);
        let snapshot = app.keys.snapshot.load();
        let lifetime = app.config.lifetimes.id_token(&client.metadata).min(snapshot.longest_token());
        let claims = IdToken {
            iss: &app.config.issuer,
            sub: &sub,
            aud: &client.id,
            exp: (now + lifetime).unix_timestamp(),
            iat: now.unix_timestamp(),
            authentication: Authentication::of(person),
            nonce: self.nonce,
            sid: &sid(&app.keys.sid, person.session_id, &client.id),
            at_hash: claims::at_hash(alg, access_token),
            jti: base64url(&random::<16>()),
            person: user.map(|user| user.claims_named(&self.claims.id_token)).unwrap_or_default(),
        };
        match alg {
            ClientAlg::HS256 => self.with_secret(&claims),
            ClientAlg::Signed(alg) => snapshot.sign(alg, "JWT", &claims).map_err(|error| match error {
                KeyError::NoKey(alg) => no_key(app, alg).into(),
                other => other.into(),
            }),
        }
    }

    /// Spec: OpenID Connect Core §10.1
    fn with_secret(&self, claims: &IdToken<'_>) -> Result<String, TokenFailure> {
        let Issue { app, client, now, .. } = *self;
        let secret = client.secrets.signing(client.secret, now).ok_or_else(no_secret)?;
        let signed = app.keys.sign_with_secret(&client.id, secret, claims)?;
        signed.ok_or_else(|| no_secret().into())
    }
}
