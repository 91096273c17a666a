//! The decision on an authorization request, from the accounts signed in and the obligations already met.

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

/// How long a sign-in counts for the request it was made for.
const COUNTS: Duration = Duration::HOUR;

/// A sign-in that was made for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SignIn {
    /// The session that authenticated.
    #[serde(rename = "s")]
    pub session_id: SessionId,
    /// When it was made.
    #[serde(rename = "t", with = "time::serde::timestamp")]
    pub at: OffsetDateTime,
}

impl SignIn {
    /// Tells whether it still counts for its request. It ends after an hour, so that a page that was left
    /// open replaces no later sign-in. A sign-in dated in the future does not count.
    fn counts_for(self, account: &Account, now: OffsetDateTime) -> bool {
        self.session_id == account.session_id && age(self.at, now).is_some_and(|age| age <= COUNTS)
    }
}

/// The obligations of this request that the person has met; sealed into its ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Done {
    /// The sign-in for this request.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub login: Option<SignIn>,
    /// The account that was chosen for this request, by its session.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub select: Option<SessionId>,
    /// The fingerprint of the consent that was shown and given.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
}

impl Done {
    /// Records a sign-in for this request, which also chooses that account.
    pub fn signed_in(&mut self, session_id: SessionId, now: OffsetDateTime) {
        (self.login, self.select) = (Some(SignIn { session_id, at: now }), None);
    }

    /// Records the choice of an account. An earlier sign-in with another account no longer counts.
    pub fn selected(&mut self, session_id: SessionId) {
        self.login = self.login.filter(|login| login.session_id == session_id);
        self.select = Some(session_id);
    }

    /// The session of the chosen account, if one was chosen.
    pub fn chosen(&self) -> Option<SessionId> {
        self.select.or(self.login.map(|login| login.session_id))
    }
}

/// The account that a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Candidate<'a> {
    /// No account that it may be about is signed in.
    Absent,
    /// This account.
    One(&'a Account),
    /// Several accounts are signed in, and none was chosen.
    Several,
}

impl<'a> Candidate<'a> {
    /// The account, if there is exactly one.
    pub fn one(self) -> Option<&'a Account> {
        match self {
            Candidate::One(account) => Some(account),
            Candidate::Absent | Candidate::Several => None,
        }
    }
}

/// The decision on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// The person must authenticate.
    Login,
    /// The person must choose an account.
    Select,
    /// The person must be asked for consent.
    Consent(&'a Account),
    /// Nothing is missing: issue a code for this person.
    Issue(&'a Account),
    /// The request ends here, with an answer to the Relying Party.
    Refuse(OAuthError),
}

/// Finds the account that a request is about: the chosen one, or else the only one it may be about. The
/// provider never guesses among several.
///
/// Spec: OpenID Connect Core §3.1.2.1 (`id_token_hint`), §3.1.2.3
pub fn candidate<'a>(request: &Request, done: &Done, accounts: &'a [Account]) -> Candidate<'a> {
    among(accounts, done, |user_id| request.may_be(user_id))
}

/// The same for a request that may be about the persons for whom `may_be` holds.
pub fn among<'a>(accounts: &'a [Account], done: &Done, may_be: impl Fn(&str) -> bool) -> Candidate<'a> {
    if let Some(chosen) = done.chosen() {
        let found = accounts.iter().find(|account| account.session_id == chosen);
        return found.map_or(Candidate::Absent, Candidate::One);
    }
    let mut meant = accounts.iter().filter(|account| may_be(&account.user_id));
    match (meant.next(), meant.next()) {
        (None, _) => Candidate::Absent,
        (Some(only), None) => Candidate::One(only),
        (Some(_), Some(_)) => Candidate::Several,
    }
}

/// Decides on a request. `consented` tells whether a consent in force covers it.
///
/// An authentication that is dated in the future does not count. Obligations are met by the facts in `done`,
/// not by comparing `auth_time`: a reload cannot skip them, and `max_age=1` does not loop while the consent
/// page is open. A sign-in counts for an hour.
///
/// The answer to a silent request reveals nothing about a person who has not allowed the client: see
/// `disclosed`.
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
    let candidate = if silent { disclosed(request, client, candidate, consented) } else { candidate };
    // The page, or the error where no page may be shown.
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
        Candidate::Absent => return ask(Decision::Login, "login_required", "nobody is signed in"),
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
    // An unmet voluntary level is no error.
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

/// The candidate as far as the answer to a silent request may depend on it. A client without a consent in
/// force and without an ID Token of its own could otherwise name persons, ages or levels one after another,
/// and learn from the errors who is signed in, and since when. Such a request is answered as if no account
/// were signed in. A request without conditions reveals that a session exists, which is the purpose of
/// `consent_required`.
fn disclosed<'a>(
    request: &Request,
    client: &Client,
    candidate: Candidate<'a>,
    consented: bool,
) -> Candidate<'a> {
    let is_known = consented || request.hinted || client.metadata.first_party;
    let depends = match candidate {
        Candidate::Absent => false,
        Candidate::One(_) => request.is_conditional(),
        Candidate::Several => request.names_by_claims(),
    };
    if depends && !is_known { Candidate::Absent } else { candidate }
}

fn refuse<'a>(code: &'static str, description: &'static str) -> Decision<'a> {
    Decision::Refuse(OAuthError::new(code, description))
}
