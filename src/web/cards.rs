//! Views of an application and of an account, shared by the pages.

/// The application a person signs in to.
#[derive(Clone, Debug)]
pub struct ClientCard {
    /// Its name as registered.
    pub name: String,
    /// The host of its registered addresses.
    pub host: Option<String>,
    /// The address of its logo at this provider, if there is one.
    pub logo: Option<String>,
    /// Its privacy policy.
    pub policy_uri: Option<String>,
    /// Its terms of use.
    pub tos_uri: Option<String>,
}

/// An account, as it is shown to the person who is signed in to it.
#[derive(Clone, Debug)]
pub struct PersonCard {
    /// The account's identifier, where it can be chosen.
    pub id: String,
    /// The person's name.
    pub name: String,
    /// The login name.
    pub login: String,
}

/// The letter in place of a person's picture.
pub(crate) fn initial(name: &str) -> String {
    name.chars().find(|c| c.is_alphanumeric()).map(|c| c.to_uppercase().collect()).unwrap_or_default()
}
