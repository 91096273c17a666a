//! The catalogue of events: what each is called, and how long it is kept.

use time::Duration;

use crate::protocol::user::User;

/// Declares the catalogue: the variant, its name, and the class that says how long it is kept.
macro_rules! catalogue {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $class:ident;)*) => {
        /// The name of an event. Each is written somewhere in this program: there are none in stock.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Name {
            $($(#[$doc])* $variant,)*
        }

        impl Name {
            /// Every event there is.
            pub const ALL: &[Name] = &[$(Name::$variant),*];

            /// As it is stored, listed and asked for.
            pub fn text(self) -> &'static str {
                match self { $(Name::$variant => $text,)* }
            }

            /// How long it is kept.
            pub fn class(self) -> Class {
                match self { $(Name::$variant => Class::$class,)* }
            }
        }
    };
}

catalogue! {
    /// A person signed in.
    SessionBegan = "session.began", SignIn;
    /// A sign-in came to nothing; the outcome says why.
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

    /// A person allowed an application something.
    GrantGiven = "grant.given", Change;
    /// A code was redeemed twice: what came of it is revoked.
    GrantReused = "grant.reused", Security;

    /// A signing key was made.
    KeyMade = "key.made", Change;
    /// A signing key was brought along.
    KeyImported = "key.imported", Change;
    /// A signing key was put into the public set.
    KeyPublished = "key.published", Change;
    /// A signing key began to sign.
    KeyActivated = "key.activated", Change;
    /// A signing key ceased to sign.
    KeyRetiring = "key.retiring", Change;
    /// A signing key left the public set.
    KeyRetained = "key.retained", Change;
    /// A signing key is good for nothing any more.
    KeyDestroyed = "key.destroyed", Change;
    /// The key that signs was asked to give way.
    KeyRotationAsked = "key.rotation.asked", Change;
    /// A signing key that a clock had dated in the future was dated anew.
    KeyDated = "key.dated", Change;
    /// A signing key was taken back at once.
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

/// What an event tells, for how long it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Who signed in, and who did not.
    SignIn,
    /// What was changed, and by what.
    Change,
    /// What may be an attack, or an answer to one.
    Security,
}

impl Class {
    /// Every class.
    pub const ALL: [Class; 3] = [Class::SignIn, Class::Change, Class::Security];
}

/// How long events are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Sign-ins.
    pub sign_ins: Duration,
    /// Changes.
    pub changes: Duration,
    /// What concerns security.
    pub security: Duration,
}

impl Default for Keep {
    fn default() -> Self {
        Keep { sign_ins: Duration::days(90), changes: Duration::days(730), security: Duration::days(400) }
    }
}

impl Keep {
    /// How long events of a class are kept.
    pub fn of(&self, class: Class) -> Duration {
        match class {
            Class::SignIn => self.sign_ins,
            Class::Change => self.changes,
            Class::Security => self.security,
        }
    }
}

/// How what an event tells of ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It was done.
    Ok,
    /// The account is known, the password was another one.
    WrongPassword,
    /// No account has the typed name.
    UnknownName,
    /// The password was right, the account is disabled.
    Disabled,
}

impl Outcome {
    /// How an attempt ended whose password was compared: whether there is such an account, whether the password was
    /// right, and whether the account is disabled.
    pub fn of(account: Option<&User>, right: bool) -> Outcome {
        match account {
            None => Outcome::UnknownName,
            Some(_) if !right => Outcome::WrongPassword,
            Some(account) if account.disabled => Outcome::Disabled,
            Some(_) => Outcome::Ok,
        }
    }

    /// As it is stored, logged and counted.
    pub fn text(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::WrongPassword => "wrong_password",
            Outcome::UnknownName => "unknown_name",
            Outcome::Disabled => "disabled",
        }
    }
}
