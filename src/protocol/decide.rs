//! What is to happen with an authorization request: judged against who is signed in and what was done.

use time::{Duration, OffsetDateTime};

use crate::ids::SessionId;
use crate::protocol::acr::Levels;
use crate::protocol::client::Client;
use crate::protocol::instant::age;
use crate::protocol::refusal::OAuthError;
use crate::protocol::request::Request;
use crate::protocol::session::Account;

/// OpenID Connect Core Unmet Authentication Requirements §2
const UNMET: &str = "unmet_authentication_requirements";

/// For how long a sign-in counts for the request it happened for.
const COUNTS: Duration = Duration::HOUR;

/// A sign-in that happened for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SignIn {
    /// The session that authenticated.
    #[serde(rename = "s")]
    pub session_id: SessionId,
    /// When.
    #[serde(rename = "t", with = "time::serde::timestamp")]
    pub at: OffsetDateTime,
}

impl SignIn {
    /// Tells whether it still counts, which one dated in the future does not: a page that was left open must not stand in for a sign-in of hours later.
    fn counts_for(self, account: &Account, now: OffsetDateTime) -> bool {
        self.session_id == account.session_id && age(self.at, now).is_some_and(|age| age <= COUNTS)
    }
}

/// Obligations of this request that the person has already met, sealed into its ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Done {
    /// The sign-in for this very request.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub login: Option<SignIn>,
    /// The account that was chosen for this very request, by its session.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub select: Option<SessionId>,
    /// The fingerprint of what was shown and allowed.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
}

impl Done {
    /// Notes that somebody signed in for this request, which chooses that account as well.
    pub fn signed_in(&mut self, session_id: SessionId, now: OffsetDateTime) {
        (self.login, self.select) = (Some(SignIn { session_id, at: now }), None);
    }

    /// Notes that an account was chosen. That another one signed in before counts for nothing then.
    pub fn selected(&mut self, session_id: SessionId) {
        self.login = self.login.filter(|login| login.session_id == session_id);
        self.select = Some(session_id);
    }

    /// The account this request is about by now, if anybody said so.
    pub fn chosen(&self) -> Option<SessionId> {
        self.select.or(self.login.map(|login| login.session_id))
    }
}

/// Whom a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Candidate<'a> {
    /// Nobody it may be about is signed in here.
    Nobody,
    /// This account.
    One(&'a Account),
    /// Several are signed in and nobody has said which.
    Several,
}

impl<'a> Candidate<'a> {
    /// The account, if it is certain.
    pub fn one(self) -> Option<&'a Account> {
        match self {
            Candidate::One(account) => Some(account),
            Candidate::Nobody | Candidate::Several => None,
        }
    }
}

/// What is to happen with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// The person must authenticate.
    Login,
    /// The person must say with which account.
    Select,
    /// This person must be asked for consent.
    Consent(&'a Account),
    /// Nothing is missing: issue a code for this person.
    Issue(&'a Account),
    /// It ends here, answered at the Relying Party.
    Refuse(OAuthError),
}

/// Finds the account a request is about: the one chosen for it, else the only one it may be about. Which of
/// several was meant is never guessed.
///
/// Spec: OpenID Connect Core §3.1.2.1 (`id_token_hint`), §3.1.2.3
pub fn candidate<'a>(request: &Request, done: &Done, accounts: &'a [Account]) -> Candidate<'a> {
    if let Some(chosen) = done.chosen() {
        let found = accounts.iter().find(|account| account.session_id == chosen);
        return found.map_or(Candidate::Nobody, Candidate::One);
    }
    let mut meant = accounts.iter().filter(|account| request.may_be(&account.user_id));
    match (meant.next(), meant.next()) {
        (None, _) => Candidate::Nobody,
        (Some(only), None) => Candidate::One(only),
        (Some(_), Some(_)) => Candidate::Several,
    }
}

/// Decides what is to happen. `consented` tells whether a consent in force covers the request.
///
/// An authentication that is dated in the future is none. Obligations count as met by the facts in `done`, not by
/// comparing `auth_time`: a reload cannot skip them, and `max_age=1` does not loop while the consent page is read. A
/// sign-in counts for an hour.
///
/// A silent answer tells a client nothing about a person who has not allowed it: see `told_of`.
///
/// Spec: OpenID Connect Core §3.1.2.3, §3.1.2.4, §3.1.2.6
pub fn decide<'a>(
    request: &Request,
    client: &Client,
    done: &Done,
    candidate: Candidate<'a>,
    consented: bool,
    now: OffsetDateTime,
) -> Decision<'a> {
    let silent = request.prompt.none;
    let candidate = if silent { told_of(request, client, candidate, consented) } else { candidate };
    // A page, or what is said where no page may be shown.
    let ask = |page, code, description| if silent { refuse(code, description) } else { page };
    let Levels { essential, .. } = request.levels;
    let reached = candidate.one().is_some_and(|account| request.levels.are_met_by(&account.acr));
    if essential && !reached && !request.levels.are_reachable() {
        return refuse(UNMET, "no sign-in here reaches the requested acr");
    }
    if request.subjects.as_ref().is_some_and(Vec::is_empty) {
        return refuse("login_required", "id_token_hint and claims name different persons");
    }
    let account = match candidate {
        Candidate::Nobody => return ask(Decision::Login, "login_required", "nobody is signed in"),
        Candidate::Several => {
            return ask(Decision::Select, "account_selection_required", "several accounts are signed in");
        }
        Candidate::One(account) => account,
    };
    if !request.may_be(&account.user_id) {
        return refuse("login_required", "another person than the one meant signed in");
    }
    if request.prompt.select_account && done.chosen() != Some(account.session_id) {
        return Decision::Select;
    }
    let age = age(account.auth_time, now);
    let too_old = age.is_none_or(|age| request.max_age.is_some_and(|most| most.is_zero() || age > most));
    // A wish is not worth an error.
    let too_weak = !reached && request.levels.are_reachable() && (essential || !silent);
    let authenticated_for_this = done.login.is_some_and(|login| login.counts_for(account, now));
    if (request.prompt.login || too_old || too_weak) && !authenticated_for_this {
        return ask(Decision::Login, "login_required", "the authentication is too old or too weak");
    }
    if essential && !reached {
        return refuse(UNMET, "this sign-in did not reach the requested acr");
    }
    let is_asked = !client.metadata.first_party && (request.prompt.consent || !consented);
    let allowed_for_this = || {
        let shown = done.consent.as_ref();
        shown.is_some_and(|shown| *shown == request.consent_fingerprint(client, &account.user_id))
    };
    if is_asked && !allowed_for_this() {
        return ask(Decision::Consent(account), "consent_required", "the person has not consented yet");
    }
    Decision::Issue(account)
}

/// The candidate as far as a silent answer may depend on it. Without a consent in force or an ID Token of
/// its own, a client could name persons, ages or levels one after another and learn from the errors who is
/// signed in, and since when. Such a request is answered as if no person were signed in. A request without
/// conditions tells that a session exists, which `consent_required` is there to say.
fn told_of<'a>(
    request: &Request,
    client: &Client,
    candidate: Candidate<'a>,
    consented: bool,
) -> Candidate<'a> {
    let is_known = consented || request.hinted || client.metadata.first_party;
    let depends = match candidate {
        Candidate::Nobody => false,
        Candidate::One(_) => request.is_conditional(),
        Candidate::Several => request.names_by_claims(),
    };
    if depends && !is_known { Candidate::Nobody } else { candidate }
}

fn refuse<'a>(code: &'static str, description: &'static str) -> Decision<'a> {
    Decision::Refuse(OAuthError::new(code, description))
}
