//! Keys of the state store.

/// The kinds of values in the store. A letter of its own begins the keys of each, so that kinds never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Drawer {
    /// Browser records.
    Session = b's',
    /// Each person's browser records.
    SessionsOfPerson = b'u',
    /// Authorization codes.
    Code = b'c',
    /// Polls of devices, by device code.
    DeviceCode = b'd',
    /// Requests of devices, by user code.
    UserCode = b'w',
    /// Counters of wrong user codes, and budgets of requests of devices.
    DeviceLimit = b'x',
    /// Opaque access tokens.
    AccessToken = b'o',
    /// Clients that were removed or disabled within the last minute.
    WithdrawnClient = b'r',
    /// Client assertions that were used.
    Assertion = b'j',
    /// Requests that were completed.
    CompletedRequest = b't',
    /// Parameters that are too large for an address.
    ParkedRequest = b'p',
    /// Budgets of parked bytes.
    ParkedBytes = b'q',
    /// Failures of each client.
    ClientFailures = b'f',
    /// Counters of failed passwords.
    PasswordLimit = b'l',
    /// Counters of wrong client secrets.
    ClientSecretLimit = b'g',
    /// The mark by which a loss of the store is noticed.
    Mark = b'm',
    /// What a check of the store writes and deletes.
    Probe = b'h',
    /// Sessions at the sites of the demo.
    DemoSession = b'v',
    /// Browsers that a site of the demo sent to the provider.
    DemoRedirect = b'a',
}

impl Drawer {
    fn letter(self) -> char {
        char::from(self as u8)
    }
}

/// A key: a drawer and a name in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// A key in a drawer.
    pub fn new(drawer: Drawer, name: &str) -> Key {
        let mut key = String::with_capacity(name.len() + 2);
        key.extend([drawer.letter(), ':']);
        key.push_str(name);
        Key(key)
    }

    /// The letter of its drawer.
    pub(in crate::state) fn letter(&self) -> &str {
        self.0.get(..1).unwrap_or_default()
    }

    pub(in crate::state) fn as_str(&self) -> &str {
        &self.0
    }
}
