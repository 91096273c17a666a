//! How pages show an application and an account.

/// The application a person signs in to.
#[derive(Clone, Debug)]
pub struct ClientCard {
    /// Its name as registered.
    pub name: String,
    /// The host it is known to run on.
    pub host: Option<String>,
    /// Where we serve its logo, if there is one.
    pub logo: Option<String>,
    /// Its privacy policy.
    pub policy_uri: Option<String>,
    /// Its terms of use.
    pub tos_uri: Option<String>,
}

/// An account, as it is shown to whoever is signed in to it.
#[derive(Clone, Debug)]
pub struct PersonCard {
    /// The account's identifier, where it can be chosen.
    pub id: String,
    /// The person's name.
    pub name: String,
    /// The login name.
    pub login: String,
}

/// Answers the letter that stands for a person where there is no picture.
pub(crate) fn initial(name: &str) -> String {
    name.chars().find(|c| c.is_alphanumeric()).map(|c| c.to_uppercase().collect()).unwrap_or_default()
}
