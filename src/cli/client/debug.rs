//! `countersign client debug`: the recent failures of one application, with causes and remedies.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::app;
use crate::cli::context::Context;
use crate::cli::report::{Report, rfc3339, say};
use crate::cli::words::visible;
use crate::clock::span;
use crate::protocol::client::Client;
use crate::state::State;
use crate::state::failures::{Failure, NARROWED};
use crate::texts::Texts;

/// The interval at which `--follow` looks for failures.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(1);

/// Shows the stored failures of a client. With `follow` it shows new ones as well until it is interrupted.
pub async fn run(id: &str, follow: bool, context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    let client = super::find(&opened, id, context).await?;
    let state = app::open_drawers(&opened.config, &opened.db)?;
    let failures = state.failures.list(&client.id, context.now()).await?;
    if follow {
        return watch(&client, &state, failures, context).await;
    }
    let json = json!({
        "client_id": client.id,
        "client_name": client.metadata.client_name,
        "failures": failures.iter().map(program).collect::<Value>(),
    });
    Ok(Report::new(json, page(&client, &failures, context.now())))
}

/// Prints each failure when it is stored, the oldest first. A failure that recurs is printed again.
async fn watch(
    client: &Client,
    state: &State,
    mut failures: Vec<Failure>,
    context: &Context,
) -> anyhow::Result<Report> {
    let mut seen: HashMap<String, u64> = HashMap::new();
    if !context.json {
        say(&format!(
            "What goes wrong for {}, as it happens; end with Ctrl-C.\n",
            client.metadata.client_name
        ))?;
    }
    loop {
        for failure in failures.iter().rev() {
            let known = format!("{} {} {}", failure.endpoint, failure.error, failure.cause);
            if seen.insert(known, failure.count) == Some(failure.count) {
                continue;
            }
            say(&if context.json { program(failure).to_string() } else { entry(failure, context.now()) })?;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        failures = state.failures.list(&client.id, context.now()).await?;
    }
}

/// The answer as JSON.
fn program(failure: &Failure) -> Value {
    let facts = failure.cause.facts.iter();
    json!({
        "time": rfc3339(failure.last.unix_timestamp()),
        "first_time": rfc3339(failure.first.unix_timestamp()),
        "count": failure.count,
        "endpoint": failure.endpoint,
        "error": failure.error,
        "cause": failure.cause.what,
        "particulars": facts.map(|fact| json!({ "name": fact.name, "value": fact.value })).collect::<Value>(),
        "remedy": failure.cause.remedy,
        "request_id": failure.request_id,
    })
}

fn page(client: &Client, failures: &[Failure], now: OffsetDateTime) -> String {
    let name = visible(&client.metadata.client_name);
    if failures.is_empty() {
        return format!(
            "Nothing went wrong for {name} within the last 7 days.\n\nWhat a provider that runs on this database \
             refuses {} appears here a second later. A request\nunder another client_id does not: look in the log.",
            client.id
        );
    }
    let ways = |count: usize| if count == 1 { "one way".to_owned() } else { format!("{count} ways") };
    let narrowed = failures.iter().filter(|failure| failure.error == NARROWED).count();
    let failed =
        (narrowed < failures.len()).then(|| format!("failed in {}", ways(failures.len() - narrowed)));
    let less = (narrowed > 0).then(|| format!("were granted less than they asked for in {}", ways(narrowed)));
    let said: Vec<String> = failed.into_iter().chain(less).collect();
    let said = said.join(", and ");
    let mut text = format!("Requests of {name} {said} within the last 7 days; the latest first.\n");
    for failure in failures {
        let _infallible = write!(text, "\n{}", entry(failure, now));
    }
    text
}

/// One failure as text: instant and endpoint, cause, details in a column, remedy.
fn entry(failure: &Failure, now: OffsetDateTime) -> String {
    let clock = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let at = failure.last.format(clock).unwrap_or_default();
    let ago = span((now - failure.last).whole_seconds());
    let often = match failure.count {
        1 => String::new(),
        count => format!(", {count} times in {}", span((failure.last - failure.first).whole_seconds())),
    };
    let (endpoint, error) = (visible(&failure.endpoint), visible(&failure.error));
    let mut text =
        format!("{endpoint}  {error}  {at} UTC, {ago} ago{often}\n  {}\n", visible(&failure.cause.what));
    text += &particulars(failure);
    if let Some(remedy) = &failure.cause.remedy {
        let _infallible = writeln!(text, "  To mend it: {}.", visible(remedy));
    }
    let _infallible = writeln!(text, "  In the log: request {}", visible(&failure.request_id));
    text
}

/// The details in a column. An arrow points at the first difference between two addresses.
fn particulars(failure: &Failure) -> String {
    let facts = &failure.cause.facts;
    let value = |name: &str| facts.iter().find(|fact| fact.name == name).map(|fact| visible(&fact.value));
    let (texts, width) =
        (Texts::english(), facts.iter().map(|fact| fact.name.chars().count()).max().unwrap_or(0));
    let parts_at = value("sent").zip(value("nearest")).map(|(sent, nearest)| {
        sent.chars().zip(nearest.chars()).take_while(|(sent, nearest)| sent == nearest).count()
    });
    let mut text = String::new();
    let (mut pointed, mut before) = (false, None);
    for fact in facts {
        let said = visible(&fact.value);
        let words = format!("differs-{said}");
        let said = if fact.name == "differs" && texts.has(&words) { texts.get(&words) } else { said };
        let _infallible = if let Some(at) = parts_at.filter(|_| fact.name == "differs" && !pointed) {
            writeln!(text, "    {:width$}  {:at$}^ {said}", "", "")
        } else {
            // A name is not repeated below itself.
            let name = if before == Some(&fact.name) { String::new() } else { visible(&fact.name) };
            writeln!(text, "    {name:<width$}  {said}")
        };
        pointed |= fact.name == "differs";
        before = Some(&fact.name);
    }
    text
}
