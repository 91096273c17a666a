//! The record of an attempt to sign in: one log line, one metric, one event. A typed name without an account is written
//! nowhere, because people type passwords into that field.

use actix_web::http::header::USER_AGENT;

use super::metrics::SignIns;
use crate::operations::sign_ins::{self, Attempt};
use crate::protocol::event::Outcome;
use crate::state::limits::passwords::Counter;
use crate::web::around::address::ClientAddress;
use crate::web::visit::Visit;

/// The most characters of a `User-Agent` that are kept.
const LONGEST_AGENT: usize = 256;

/// Records one attempt.
#[derive(Clone, Copy)]
pub struct SignInRecord<'a> {
    /// The attempt.
    pub visit: &'a Visit,
    /// The metrics.
    pub sign_ins: &'a SignIns,
    /// The application it is for, by `client_id`; none for a device.
    pub client: Option<&'a str>,
}

/// The account that an attempt is about.
#[derive(Clone, Copy)]
pub struct About<'a> {
    /// The person's identifier; none when no account has the typed name.
    pub person: Option<&'a str>,
    /// Whether the account has signed in in this browser before.
    pub known_device: bool,
}

impl SignInRecord<'_> {
    /// Records an attempt whose password was compared. The event is written beside the request.
    pub fn ended(&self, outcome: Outcome, about: About<'_>, typed: &str) {
        let words = match outcome {
            Outcome::Ok => "sign-in succeeded",
            Outcome::WrongPassword | Outcome::UnknownName | Outcome::Disabled => "sign-in refused",
        };
        self.sign_ins.ended(outcome);
        self.line(words, outcome.text(), about, None);
        self.record(outcome, about, typed);
    }

    /// Records an attempt that was refused before its password was compared. It leaves no event, because the number of
    /// such attempts is unbounded.
    pub fn throttled(&self, about: About<'_>, tripped: Counter) {
        self.sign_ins.throttled(tripped);
        self.line("sign-in refused", "throttled", about, Some(tripped));
    }

    /// Writes the log line. `deploy/fail2ban/` parses it, so its words and their order must not change.
    fn line(&self, words: &str, outcome: &str, about: About<'_>, tripped: Option<Counter>) {
        tracing::info!(
            outcome = display(outcome),
            address = self.visit.address().map(|address| display(address.0)),
            client = self.client.map(display),
            person = about.person.map(display),
            known_device = about.known_device,
            counter = tripped.map(display),
            "{words}"
        );
    }

    fn record(&self, outcome: Outcome, about: About<'_>, typed: &str) {
        let agent = self.visit.req.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        let attempt = Attempt {
            client: self.client,
            person: about.person,
            typed,
            known_device: about.known_device,
            request_id: &self.visit.id(),
            network: &self.visit.address().map(ClientAddress::network).unwrap_or_default(),
            address: self.visit.address().map(|address| address.0.to_string()),
            user_agent: agent.map(|agent| agent.chars().take(LONGEST_AGENT).collect()),
        };
        let app = &self.visit.app;
        sign_ins::record(&app.events, &app.keys.vault, attempt, outcome, self.visit.now);
    }
}
