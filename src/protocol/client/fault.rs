//! Faults of client metadata: which member is refused, what is wrong with its value, and the remedy.

use std::fmt;

use crate::protocol::lifetimes::LifetimeFault;
use crate::protocol::names::HiddenCharacter;
use crate::protocol::redirect_uri::RedirectUriFault;

/// A member of client metadata that is refused, shown as one sentence.
///
/// Spec: RFC 7591 §3.2.2
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct MetadataFault {
    /// The member, by its registered name.
    pub member: String,
    /// What is wrong with its value.
    pub problem: Problem,
}

/// What is wrong with the value of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// One of its URIs cannot be registered.
    RedirectUri(String, RedirectUriFault),
    /// At least one value is needed.
    Missing,
    /// The whole value must be something else. The value is shown as JSON where that helps.
    Expected(&'static str, Option<String>),
    /// One text of the value must be something else.
    Malformed(String, &'static str),
    /// The text is too short or too long: the expected length.
    Length(&'static str),
    /// It contains this character, which cannot be seen.
    Hidden(HiddenCharacter),
    /// It cannot be had: the value where it matters, as JSON, and what can be had instead, if anything can.
    Unsupported(Option<String>, Option<&'static str>),
    /// One of its values is not supported: the value, and the supported ones, as JSON.
    UnsupportedValue(String, String),
    /// Tokens would live too long or too short.
    Lifetime(LifetimeFault),
    /// No key signs with this algorithm, because the configuration does not name it.
    NotConfigured(&'static str),
    /// This text cannot be the name of a scope.
    NoScopeName(String),
    /// It names no scope at all.
    NoScope,
    /// The text is no origin.
    NoOrigin(String),
    /// The redirect URIs have these hosts, and nothing says that they belong together.
    SeveralHosts(String),
    /// The document that it names cannot be used, in words.
    Document(String),
    /// A public client has no secret.
    OfPublicClient,
    /// A public client cannot have this value, which needs a secret.
    NeedsSecret(&'static str),
    /// It excludes this other member.
    Excludes(&'static str),
    /// This value of it needs another member.
    Needs(&'static str, &'static str),
    /// It is only for these authentication methods.
    OnlyFor(&'static str),
    /// A public client always needs PKCE.
    PublicWithoutPkce,
    /// A public client has no credentials that could be a grant.
    PublicWithCredentials,
    /// The value to remove is not among these, as JSON.
    NotThere(String, String),
    /// The given identifier is not that of the client, which cannot change.
    Fixed(String, String),
    /// The registration, or all of the given metadata, cannot be read.
    Unreadable(String),
}

impl MetadataFault {
    /// Refuses a member.
    pub fn new(member: &str, problem: Problem) -> MetadataFault {
        MetadataFault { member: member.to_owned(), problem }
    }

    /// The remedy, where the problem does not include it.
    pub fn remedy(&self) -> Option<&'static str> {
        match &self.problem {
            Problem::NotConfigured(_) => Some("name it in algorithms under [keys] first"),
            Problem::NoScope => Some("leave it out to allow those of OpenID Connect"),
            Problem::Unsupported(Some(_), None) => Some("leave it out"),
            Problem::Length(_) if self.member == "client_secret" => Some("leave it out to get a new one"),
            _ => None,
        }
    }
}

impl fmt::Display for MetadataFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let member = &self.member;
        match &self.problem {
            Problem::RedirectUri(uri, fault) => write!(f, "redirect_uri {uri:?}: {fault}")?,
            Problem::Missing => f.write_str("at least one redirect_uri is needed")?,
            Problem::Expected(what, None) => write!(f, "{member} must be {what}")?,
            Problem::Expected(what, Some(value)) => write!(f, "{member} must be {what}, but is {value}")?,
            Problem::Malformed(text, what) => write!(f, "{member} {text:?} must be {what}")?,
            Problem::Length(what) => write!(f, "{member} must have {what}")?,
            Problem::Unsupported(None, _) => write!(f, "{member} is not supported")?,
            Problem::Unsupported(Some(value), None) => write!(f, "{member} {value} is not supported")?,
            Problem::Unsupported(Some(value), Some(other)) => {
                write!(f, "{member} {value} is not supported; {other:?} is")?;
            }
            Problem::UnsupportedValue(value, supported) => {
                write!(f, "{member}: {value} is not supported; {supported} is")?;
            }
            Problem::NotConfigured(alg) => write!(f, "{member} {alg} is not configured")?,
            Problem::Lifetime(fault) => write!(f, "{member} {fault}")?,
            Problem::NoScopeName(name) => write!(f, "{member}: {name:?} cannot be the name of a scope")?,
            Problem::NoScope => write!(f, "{member} names no scope")?,
            Problem::NoOrigin(text) => {
                write!(f, "{member}: {text:?} is no origin such as https://app.example")?;
            }
            Problem::SeveralHosts(hosts) => {
                write!(
                    f,
                    "{member} pairwise needs a sector_identifier_uri, because the redirect URIs have several hosts: {hosts}"
                )?;
            }
            Problem::Document(why) => write!(f, "{member}: {why}")?,
            Problem::OfPublicClient => {
                write!(f, "a public client (token_endpoint_auth_method none) has no {member}")?;
            }
            Problem::NeedsSecret(value) => {
                write!(f, "{member} {value} needs a secret, which a public client does not have")?;
            }
            Problem::Excludes(other) => write!(f, "{member} and {other} exclude each other")?,
            Problem::Needs(value, other) => write!(f, "{member} {value} needs {other}")?,
            Problem::OnlyFor(methods) => write!(f, "{member} is for {methods} alone")?,
            Problem::PublicWithoutPkce => f.write_str("a public client cannot do without PKCE")?,
            Problem::PublicWithCredentials => {
                f.write_str("a public client has no credentials for the grant type client_credentials")?;
            }
            Problem::NotThere(value, there) => write!(f, "{member} has no {value:?}; it has {there}")?,
            Problem::Fixed(other, id) => write!(f, "{member} {other} cannot become another: it is {id}")?,
            Problem::Hidden(character) => write!(f, "{member} {character}")?,
            Problem::Unreadable(error) => f.write_str(error)?,
        }
        let before = if matches!(self.problem, Problem::NotConfigured(_)) { ": " } else { "; " };
        self.remedy().map_or(Ok(()), |remedy| write!(f, "{before}{remedy}"))
    }
}
