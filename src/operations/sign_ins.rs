//! Attempts to sign in: each outcome is an event. Its actor is the person once the password is verified.

use time::OffsetDateTime;

use crate::protocol::claims::ACR_SINGLE_FACTOR;
use crate::protocol::event::{Name, Outcome};
use crate::protocol::user::fold_login;
use crate::store::events::{Actor, Batch, By, Event, TYPED, Vault};

/// An attempt whose password was compared.
pub struct Attempt<'a> {
    /// The application, by `client_id`; none where the sign-in is for a device, which is named afterwards.
    pub client: Option<&'a str>,
    /// The person, by identifier; none when no account has the typed name.
    pub person: Option<&'a str>,
    /// The typed name. It is kept only if no account has it, and as a keyed hash, because people type passwords there.
    pub typed: &'a str,
    /// Whether the person has signed in in this browser before.
    pub known_device: bool,
    /// The request, by its identifier.
    pub request_id: &'a str,
    /// The client's network; kept as a keyed hash.
    pub network: &'a str,
    /// The client's address.
    pub address: Option<String>,
    /// The `User-Agent` of the browser.
    pub user_agent: Option<String>,
}

/// Records the outcome of an attempt. The event is written beside the request, together with other events.
pub fn record(events: &Batch, vault: &Vault, attempt: Attempt<'_>, outcome: Outcome, now: OffsetDateTime) {
    let (name, actor) = match (outcome, attempt.person) {
        (Outcome::Ok, Some(person)) => (Name::SessionBegan, Actor::Person(person.into())),
        _ => (Name::SessionRefused, Actor::Unknown),
    };
    let by = By::from(actor).in_request(attempt.request_id, attempt.network, vault);
    let mut event = Event::new(name, &by).ended(outcome);
    if let Some(client) = attempt.client {
        event = event.client(client);
    }
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
