//! What is to happen with an authorization request: judged against who is signed in and what was done.

use time::OffsetDateTime;

use crate::ids::SessionId;
use crate::protocol::acr::Levels;
use crate::protocol::authorize::Request;
use crate::protocol::client::Client;
use crate::protocol::failure::OAuthError;
use crate::protocol::session::Account;

/// OpenID Connect Core Unmet Authentication Requirements §2
const UNMET: &str = "unmet_authentication_requirements";

/// Obligations of this request that the person has already met, sealed into its ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Done {
    /// The session that authenticated for this very request.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub login: Option<SessionId>,
    /// The fingerprint of what was shown and allowed.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
}

/// What is to happen with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// The person must authenticate.
    Login,
    /// This person must be asked for consent.
    Consent(&'a Account),
    /// Nothing is missing: issue a code for this person.
    Issue(&'a Account),
    /// It ends here, answered at the Relying Party.
    Refuse(OAuthError),
}

/// Chooses the account a request is about: who just authenticated for it, else who is hinted at, else
/// who authenticated last in this browser.
///
/// Spec: OpenID Connect Core §3.1.2.1 (`id_token_hint`), §3.1.2.3
pub fn candidate<'a>(request: &Request, done: &Done, accounts: &'a [Account]) -> Option<&'a Account> {
    if let Some(session_id) = done.login {
        return accounts.iter().find(|account| account.session_id == session_id);
    }
    let meant = accounts.iter().filter(|account| request.may_be(&account.user_id));
    meant.max_by_key(|account| account.auth_time)
}

/// Decides what is to happen. `consented` tells whether a consent in force covers the request.
///
/// Obligations count as met by the facts in `done`, never by comparing clocks: a reload cannot skip
/// them, and `max_age=1` cannot loop however long reading the consent page takes.
///
/// Spec: OpenID Connect Core §3.1.2.3, §3.1.2.4, §3.1.2.6
pub fn decide<'a>(
    request: &Request,
    client: &Client,
    done: &Done,
    candidate: Option<&'a Account>,
    consented: bool,
    now: OffsetDateTime,
) -> Decision<'a> {
    let refuse = |code, description| Decision::Refuse(OAuthError::new(code, description));
    let silent = request.prompt.none;
    let Levels { essential, .. } = request.levels;
    let reached = candidate.is_some_and(|account| request.levels.are_met_by(&account.acr));
    if essential && !reached && !request.levels.are_reachable() {
        return refuse(UNMET, "no sign-in here reaches the requested acr");
    }
    if request.subjects.as_ref().is_some_and(Vec::is_empty) {
        return refuse("login_required", "id_token_hint and claims name different persons");
    }
    let Some(account) = candidate else {
        return if silent { refuse("login_required", "nobody is signed in") } else { Decision::Login };
    };
    let authenticated_for_this = done.login == Some(account.session_id);
    if !request.may_be(&account.user_id) {
        return refuse("login_required", "another person than the one meant signed in");
    }
    let too_old = request.max_age.is_some_and(|most| most.is_zero() || now - account.auth_time > most);
    // A wish is not worth an error.
    let too_weak = !reached && request.levels.are_reachable() && (essential || !silent);
    if (request.prompt.login || too_old || too_weak) && !authenticated_for_this {
        return if silent {
            refuse("login_required", "the authentication is too old or too weak")
        } else {
            Decision::Login
        };
    }
    if essential && !reached {
        return refuse(UNMET, "this sign-in did not reach the requested acr");
    }
    if client.metadata.first_party {
        return Decision::Issue(account);
    }
    let allowed_for_this = done
        .consent
        .as_ref()
        .is_some_and(|shown| *shown == request.consent_fingerprint(client, &account.user_id));
    if (request.prompt.consent || !consented) && !allowed_for_this {
        return if silent {
            refuse("consent_required", "the person has not consented yet")
        } else {
            Decision::Consent(account)
        };
    }
    Decision::Issue(account)
}
