//! Attempts to sign in: how each ended is an event, with the person as its actor once they have proven to be one.

use time::OffsetDateTime;

use crate::protocol::claims::ACR_SINGLE_FACTOR;
use crate::protocol::event::{Name, Outcome};
use crate::protocol::user::fold_login;
use crate::store::events::{Actor, Batch, By, Event, TYPED, Vault};

/// An attempt whose password was compared.
pub struct Attempt<'a> {
    /// The application it was for, by `client_id`.
    pub client: &'a str,
    /// The person, by identifier; none when no account has the typed name.
    pub person: Option<&'a str>,
    /// What was typed as the name. It is kept only where it is of no account, and as a keyed hash: people type
    /// passwords there.
    pub typed: &'a str,
    /// Whether the person has signed in in this browser before.
    pub known_device: bool,
    /// The request, by its identifier.
    pub request_id: &'a str,
    /// The network it came from; kept as a keyed hash.
    pub network: &'a str,
    /// The address it came from.
    pub address: Option<String>,
    /// What the browser says it is.
    pub user_agent: Option<String>,
}

/// Records how an attempt ended. The event is written beside the request, together with those of others.
pub fn record(events: &Batch, vault: &Vault, attempt: Attempt<'_>, outcome: Outcome, now: OffsetDateTime) {
    let (name, actor) = match (outcome, attempt.person) {
        (Outcome::Ok, Some(person)) => (Name::SessionBegan, Actor::Person(person.into())),
        _ => (Name::SessionRefused, Actor::Unknown),
    };
    let by = By::from(actor).in_request(attempt.request_id, attempt.network, vault);
    let mut event = Event::new(name, &by).ended(outcome).client(attempt.client);
    let Some(person) = attempt.person else {
        events.note(event.with(TYPED, vault.typed(&fold_login(attempt.typed))), now);
        return;
    };
    event = event.about(person).with("known_device", attempt.known_device);
    if outcome == Outcome::Ok {
        event = event.with("acr", ACR_SINGLE_FACTOR).with("amr", vec!["pwd"]);
    }
    for (member, value) in [("address", attempt.address), ("user_agent", attempt.user_agent)] {
        if let Some(value) = value {
            event = event.personal(member, value);
        }
    }
    events.note(event, now);
}
