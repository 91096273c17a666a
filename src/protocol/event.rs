//! The catalogue of events: their names, and how long they are kept.

use time::Duration;

use crate::protocol::user::User;

/// Declares the catalogue: the variant, its name, and its retention class.
macro_rules! catalogue {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $class:ident;)*) => {
        /// The name of an event. Every name is written somewhere in this program: none is reserved.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Name {
            $($(#[$doc])* $variant,)*
        }

        impl Name {
            /// Every name.
            pub const ALL: &[Name] = &[$(Name::$variant),*];

            /// The name as it is stored, listed and queried.
            pub fn text(self) -> &'static str {
                match self { $(Name::$variant => $text,)* }
            }

            /// Its retention class.
            pub fn class(self) -> Class {
                match self { $(Name::$variant => Class::$class,)* }
            }
        }
    };
}

catalogue! {
    /// A person signed in.
    SessionBegan = "session.began", SignIn;
    /// A sign-in failed; the outcome says why.
    SessionRefused = "session.refused", SignIn;

    /// A person was added.
    PersonCreated = "person.created", Change;
    /// What is known about a person was changed: the login name, an address, another claim.
    PersonChanged = "person.changed", Change;
    /// A person's account was disabled.
    PersonDisabled = "person.disabled", Change;
    /// A person's account was enabled.
    PersonEnabled = "person.enabled", Change;
    /// A person has a new password.
    PersonPasswordChanged = "person.password.changed", Change;

    /// An application revoked an access token.
    TokenRevoked = "token.revoked", SignIn;

    /// An application was registered.
    AppCreated = "app.created", Change;
    /// An application's metadata was changed.
    AppChanged = "app.changed", Change;
    /// An application has a new secret.
    AppSecretRotated = "app.secret.rotated", Change;
    /// An application was disabled.
    AppDisabled = "app.disabled", Change;
    /// An application was enabled again.
    AppEnabled = "app.enabled", Change;
    /// An application was removed.
    AppRemoved = "app.removed", Change;

    /// A resource was declared, beside those of the configuration file.
    ResourceCreated = "resource.created", Change;
    /// The declaration of a resource was changed.
    ResourceChanged = "resource.changed", Change;
    /// A resource was removed.
    ResourceRemoved = "resource.removed", Change;

    /// A person allowed an application something.
    GrantGiven = "grant.given", Change;
    /// A person signed a device in.
    DeviceApproved = "device.approved", Change;
    /// A person refused to sign a device in.
    DeviceDenied = "device.denied", Change;
    /// A grant was revoked.
    GrantRevoked = "grant.revoked", Change;
    /// A code or a replaced refresh token was used again: what came of it is revoked.
    GrantReused = "grant.reused", Security;

    /// A signing key was made.
    KeyMade = "key.made", Change;
    /// A signing key was imported.
    KeyImported = "key.imported", Change;
    /// A signing key was put into the public set.
    KeyPublished = "key.published", Change;
    /// A signing key began to sign.
    KeyActivated = "key.activated", Change;
    /// A signing key ceased to sign.
    KeyRetiring = "key.retiring", Change;
    /// A signing key left the public set.
    KeyRetained = "key.retained", Change;
    /// A signing key was destroyed.
    KeyDestroyed = "key.destroyed", Change;
    /// The rotation of the active key was requested.
    KeyRotationAsked = "key.rotation.asked", Change;
    /// The date of a signing key was corrected: a clock had set it in the future.
    KeyDated = "key.dated", Change;
    /// A signing key was revoked at once.
    KeyRevoked = "key.revoked", Security;
    /// Everything sealed in the database was sealed anew.
    KeyResealed = "key.resealed", Security;
}

impl Name {
    /// Reads a name.
    pub fn from_text(text: &str) -> Option<Name> {
        Name::ALL.iter().copied().find(|name| name.text() == text)
    }
}

/// The retention class of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Sign-ins, successful or not.
    SignIn,
    /// Changes.
    Change,
    /// Possible attacks, and reactions to them.
    Security,
}

impl Class {
    /// Every class.
    pub const ALL: [Class; 3] = [Class::SignIn, Class::Change, Class::Security];
}

/// The retention periods of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Sign-ins.
    pub sign_ins: Duration,
    /// Changes.
    pub changes: Duration,
    /// Security events.
    pub security: Duration,
}

impl Default for Keep {
    fn default() -> Self {
        Keep { sign_ins: Duration::days(90), changes: Duration::days(730), security: Duration::days(400) }
    }
}

impl Keep {
    /// The retention period of a class.
    pub fn of(&self, class: Class) -> Duration {
        match class {
            Class::SignIn => self.sign_ins,
            Class::Change => self.changes,
            Class::Security => self.security,
        }
    }
}

/// The outcome of the attempt that an event records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It succeeded.
    Ok,
    /// The account exists, the password was wrong.
    WrongPassword,
    /// No account has the typed name.
    UnknownName,
    /// The password was right, the account is disabled.
    Disabled,
}

impl Outcome {
    /// The outcome of an attempt whose password was compared: from the account, if there is one, and from
    /// whether the password was right.
    pub fn of(account: Option<&User>, right: bool) -> Outcome {
        match account {
            None => Outcome::UnknownName,
            Some(_) if !right => Outcome::WrongPassword,
            Some(account) if account.disabled => Outcome::Disabled,
            Some(_) => Outcome::Ok,
        }
    }

    /// The text as it is stored, logged and counted.
    pub fn text(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::WrongPassword => "wrong_password",
            Outcome::UnknownName => "unknown_name",
            Outcome::Disabled => "disabled",
        }
    }
}
