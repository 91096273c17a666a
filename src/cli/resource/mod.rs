//! `countersign resource`: the APIs that access tokens are for, beside those of the configuration file.

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::context::{Context, Opened};
use super::report::{Report, members, table};
use super::words::nearest;
use crate::operations::resources::{self, DeclareFault, Surroundings};
use crate::protocol::resource::{Format, Resource, Resources};

mod described; // the flags that describe one
mod update; // the word that changes one

use described::Described;

/// The words of `resource`.
#[derive(Subcommand)]
pub enum Word {
    /// Declare an API
    #[command(after_help = "Examples:
  countersign resource add https://api.example --scope orders.read=\"See your orders\" --scope orders.write
  countersign resource add https://pay.example --scope pay --format opaque --client pay-api --lifetime 5m")]
    Add(Box<Add>),
    /// List all APIs, those of the configuration file as well
    #[command(after_help = "Example:\n  countersign resource list --json")]
    List,
    /// Show one API
    #[command(after_help = "Example:\n  countersign resource show https://api.example")]
    Show {
        /// Its identifier
        uri: String,
    },
    /// Change the declaration of an API
    #[command(after_help = update::EXAMPLES)]
    Update(Box<update::Update>),
    /// Remove an API, without asking back: no token for it is issued any more
    #[command(after_help = "Example:\n  countersign resource remove https://api.example")]
    Remove {
        /// Its identifier
        uri: String,
    },
}

/// A resource to declare.
#[derive(Args)]
pub struct Add {
    /// Its identifier: what clients send as resource and find in aud; an absolute URI
    uri: String,
    #[command(flatten)]
    described: Described,
}

/// Carries out one of the words.
pub async fn run(word: Word, context: &Context) -> anyhow::Result<Report> {
    match word {
        Word::Add(add) => self::add(*add, context).await,
        Word::List => list(context).await,
        Word::Show { uri } => show(&uri, context).await,
        Word::Update(update) => update::run(*update, context).await,
        Word::Remove { uri } => remove(&uri, context).await,
    }
}

async fn add(add: Add, context: &Context) -> anyhow::Result<Report> {
    let resource = add.described.values()?.over(Resource { uri: add.uri, ..Resource::default() });
    let opened = context.open()?;
    let done = resources::add(&opened.operation(context.now()), &resource, surroundings(&opened)).await;
    in_words(done, &opened, &resource.uri, context).await?;
    let json = shown(&resource);
    let mut text =
        format!("Declared {}, live on every node within 5 seconds.\n\n{}", resource.uri, members(&json));
    if opened.is_new {
        text += &context.of_a_new_one(&opened.config);
    }
    Ok(Report::new(json.into(), text))
}

async fn list(context: &Context) -> anyhow::Result<Report> {
    let all = all(context).await?;
    let row = |resource: &Resource| {
        let token = match resource.format {
            Format::Opaque => "opaque".to_owned(),
            Format::Jwt => format!("jwt {}", resource.alg().name()),
        };
        let source = resource.place.clone().unwrap_or_else(|| "added".into());
        [resource.uri.clone(), resource.scopes.join(" "), token, source]
    };
    let mut rows: Vec<[String; 4]> = all.iter().map(row).collect();
    let shadowed = all.shadowed().iter();
    rows.extend(shadowed.map(|row| [row.uri.clone(), String::new(), String::new(), "not in force".into()]));
    let text = if rows.is_empty() {
        format!(
            "There are no resources yet. Declare one with:\n  countersign resource add{} URI --scope NAME",
            context.same_config()
        )
    } else {
        table(["URI", "SCOPES", "TOKENS", "SOURCE"], &rows)
    };
    let json = all.iter().map(|resource| Value::Object(shown(resource))).collect();
    Ok(Report { warnings: not_in_force(&all), ..Report::new(json, text) })
}

async fn show(uri: &str, context: &Context) -> anyhow::Result<Report> {
    let all = all(context).await?;
    match all.find(uri) {
        Some(resource) => {
            let json = shown(resource);
            let text = members(&json);
            Ok(Report { warnings: not_in_force(&all), ..Report::new(json.into(), text) })
        }
        None => Err(unknown(uri, &all)),
    }
}

async fn remove(uri: &str, context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    let done = resources::remove(&opened.operation(context.now()), uri).await;
    let (resource, named) = in_words(done, &opened, uri, context).await?;
    let named_by = match (named.consents, named.grants) {
        (0, 0) => "No consent and no grant names it.".to_owned(),
        (consents, grants) => format!(
            "{consents} consents and {grants} grants name it: a token for it is refused to them with invalid_target, and \
             they may have one for their other resources.",
        ),
    };
    let json =
        json!({ "removed": true, "uri": resource.uri, "consents": named.consents, "grants": named.grants });
    let text = format!(
        "Removed {}: no token for it is issued any more within 5 seconds, and those that there are end by themselves. \
         {named_by}",
        resource.uri
    );
    Ok(Report::new(json, text))
}

/// The resources of the configuration file, and the rows beside them if there is a database.
async fn all(context: &Context) -> anyhow::Result<Resources> {
    Ok(match context.open_if_there()? {
        Some(opened) => opened.resources().await?,
        None => context.config()?.resources,
    })
}

/// What a resource has to fit in with.
fn surroundings(opened: &Opened) -> Surroundings<'_> {
    let config = &opened.config;
    Surroundings { declared: &config.resources, issuer: &config.issuer, policy: &config.keys }
}

/// A resource as JSON, with the place that declares it.
fn shown(resource: &Resource) -> Map<String, Value> {
    let mut shown = match serde_json::to_value(resource) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    let source = resource.place.clone().unwrap_or_else(|| "added".into());
    shown.insert("source".into(), source.into());
    shown
}

/// One sentence for each row that is not in force.
fn not_in_force(all: &Resources) -> Vec<String> {
    all.shadowed()
        .iter()
        .map(|row| format!("resource {:?} is not in force: it {}", row.uri, row.by))
        .collect()
}

/// The result of an operation, with the error for an unknown resource in words.
async fn in_words<T>(
    done: Result<T, DeclareFault>,
    opened: &Opened,
    uri: &str,
    context: &Context,
) -> anyhow::Result<T> {
    match done {
        Ok(done) => Ok(done),
        Err(DeclareFault::Unknown) => Err(unknown(uri, &opened.resources().await?)),
        Err(DeclareFault::Taken(uri)) => Err(anyhow!(
            "there is a resource {uri} already; change it (countersign resource update{} {uri})",
            context.same_config()
        )),
        Err(other) => Err(other.into()),
    }
}

/// The error for an unknown resource: it is in the configuration file, or another one may have been meant.
fn unknown(uri: &str, all: &Resources) -> anyhow::Error {
    if let Some(place) = all.find(uri).and_then(|resource| resource.place.as_deref()) {
        return anyhow!("resource {uri:?} is declared in {place}: change it there");
    }
    match nearest(uri, all.iter().map(|resource| resource.uri.as_str())) {
        Some(near) => anyhow!("there is no resource {uri:?}; did you mean {near}?"),
        None => anyhow!("there is no resource {uri:?}; `countersign resource list` shows those there are"),
    }
}
