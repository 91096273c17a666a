//! The flags that describe a resource, shared by `resource add` and `resource update`.

use std::collections::BTreeMap;

use anyhow::{anyhow, bail};
use clap::Args;

use crate::protocol::localized::is_tag;
use crate::protocol::resource::{Format, Resource};
use crate::protocol::signing_alg::SigningAlg;
use crate::protocol::span::{self, Span};

/// The description of a resource in flags.
#[derive(Args)]
pub struct Described {
    /// The name that people are shown instead of the identifier
    #[arg(long)]
    name: Option<String>,
    #[arg(
        long = "scope",
        value_name = "NAME[=TEXT]",
        help = "A scope of the API, and the text for it on the consent page; may be repeated, and in a further language as \
                NAME#de=TEXT"
    )]
    scopes: Vec<String>,
    #[arg(
        long = "client",
        value_name = "ID",
        help = "A client that acts as the API, so that it may ask what a token for it says; may be repeated"
    )]
    clients: Vec<String>,
    /// Make its scopes work without the resource parameter
    #[arg(long)]
    default: bool,
    /// A claim about the person that its tokens carry; may be repeated
    #[arg(long = "claim", value_name = "CLAIM", value_parser = ["groups", "roles", "entitlements"])]
    claims: Vec<String>,
    #[arg(
        long,
        value_name = "FORMAT",
        value_parser = ["jwt", "opaque"],
        help = "Whether the API can verify its tokens by itself, or has to ask about each [default: jwt]"
    )]
    format: Option<String>,
    #[arg(
        long,
        value_name = "ALG",
        value_parser = ["RS256", "ES256", "PS256", "EdDSA", "Ed25519"],
        help = "What its tokens are signed with [default: ES256]"
    )]
    alg: Option<String>,
    /// How long its tokens live, such as 5m [default: as long as any]
    #[arg(long, value_name = "SPAN")]
    lifetime: Option<String>,
    /// Let its tokens live for more than an hour
    #[arg(long)]
    accept_long_tokens: bool,
}

/// The values of a description, read.
#[derive(Clone, Default)]
pub struct Values {
    name: Option<String>,
    scopes: Scopes,
    clients: Vec<String>,
    default: bool,
    claims: Vec<String>,
    format: Option<Format>,
    alg: Option<SigningAlg>,
    lifetime: Option<Span>,
    accept_long_tokens: bool,
}

/// Scopes, with the texts that were given for them.
#[derive(Clone, Default)]
pub struct Scopes {
    names: Vec<String>,
    texts: BTreeMap<String, String>,
}

impl Described {
    /// Reads the values.
    pub fn values(self) -> anyhow::Result<Values> {
        let lifetime = self.lifetime.map(|said| {
            let wrong =
                || anyhow!("--lifetime {said}: must be a whole number with its unit, such as 90s, 5m or 1h");
            span::parse(&said).map(Span).ok_or_else(wrong)
        });
        Ok(Values {
            name: self.name,
            scopes: Scopes::read(&self.scopes)?,
            clients: self.clients,
            default: self.default,
            claims: self.claims,
            format: self.format.map(|name| if name == "opaque" { Format::Opaque } else { Format::Jwt }),
            alg: self.alg.as_deref().and_then(SigningAlg::from_name),
            lifetime: lifetime.transpose()?,
            accept_long_tokens: self.accept_long_tokens,
        })
    }
}

impl Values {
    /// Tells whether no flag was given.
    pub fn is_empty(&self) -> bool {
        self.over(Resource::default()) == Resource::default() && self.format.is_none()
    }

    /// The resource with these values in place of its own.
    pub fn over(&self, mut resource: Resource) -> Resource {
        let new = self.clone();
        if !new.scopes.names.is_empty() {
            resource.scopes = vec![];
            resource.descriptions.clear();
        }
        new.scopes.add_to(&mut resource);
        resource.name = new.name.or(resource.name);
        resource.clients = if new.clients.is_empty() { resource.clients } else { new.clients };
        resource.claims = if new.claims.is_empty() { resource.claims } else { new.claims };
        resource.default |= new.default;
        resource.format = new.format.unwrap_or(resource.format);
        resource.alg = new.alg.or(resource.alg);
        resource.lifetime = new.lifetime.or(resource.lifetime);
        resource.accept_long_tokens |= new.accept_long_tokens;
        resource
    }
}

impl Scopes {
    /// Reads `NAME`, `NAME=TEXT` and `NAME#TAG=TEXT`. The latter names no scope of its own, but describes one.
    pub fn read(said: &[String]) -> anyhow::Result<Scopes> {
        let mut scopes = Scopes::default();
        for said in said {
            let (name, text) =
                said.split_once('=').map_or((said.as_str(), None), |(name, text)| (name, Some(text)));
            let is_further = text.is_some() && name.rsplit_once('#').is_some_and(|(_, tag)| is_tag(tag));
            if !is_further {
                if scopes.names.iter().any(|known| known == name) {
                    bail!("--scope {name} is given twice");
                }
                scopes.names.push(name.to_owned());
            }
            if let Some(text) = text {
                scopes.texts.insert(name.to_owned(), text.to_owned());
            }
        }
        Ok(scopes)
    }

    /// Adds them to those of a resource.
    pub fn add_to(self, resource: &mut Resource) {
        for name in self.names {
            if !resource.has(&name) {
                resource.scopes.push(name);
            }
        }
        resource.descriptions.extend(self.texts);
    }
}
