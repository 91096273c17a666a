//! `countersign token`: inspecting and verifying tokens.

use anyhow::bail;
use clap::Subcommand;

use super::context::Context;
use super::input;
use super::report::Report;

mod inspect; // header, claims and signature
mod kind; // the likely kind of a token
mod signature; // the keys, and checking with them
mod times; // instants in words
mod verify; // the full check

/// The words of `token`.
#[derive(Subcommand)]
pub enum Word {
    /// Show what a token says, and whether its signature holds
    #[command(after_help = "Examples:
  countersign token inspect eyJhbGciOi…
  pbpaste | countersign token inspect -
  countersign token inspect --jwks https://id.example/.well-known/jwks.json eyJhbGciOi…")]
    Inspect(inspect::Inspect),
    /// Check a token as an API or an application would; the exit code says whether it passes
    #[command(after_help = "Example:
  countersign token verify --jwks https://id.example/.well-known/jwks.json \\
      --issuer https://id.example --audience https://api.example eyJhbGciOi…")]
    Verify(verify::Verify),
}

/// Carries out one of the words.
pub async fn run(word: Word, context: &Context) -> anyhow::Result<Report> {
    match word {
        Word::Inspect(flags) => inspect::run(flags, context).await,
        Word::Verify(flags) => verify::run(flags, context).await,
    }
}

/// The token: an argument, or standard input for `-` and for a pipe.
///
/// `Bearer` and quotes of a pasted header are removed.
fn token(given: Option<&str>) -> anyhow::Result<String> {
    let text = match given {
        None if input::is_typed() => bail!("give a token, or - to read it from standard input"),
        None | Some("-") => input::standard_input()?,
        Some(text) => text.to_owned(),
    };
    let text = text.trim();
    let text = without_prefix(text, "authorization:");
    let text = without_prefix(text, "bearer ").trim_matches(['"', '\'', ',']);
    if text.is_empty() {
        bail!("there is no token to look at");
    }
    Ok(text.to_owned())
}

fn without_prefix<'a>(text: &'a str, prefix: &str) -> &'a str {
    match text.split_at_checked(prefix.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(prefix) => rest.trim(),
        _ => text,
    }
}

/// The error for a text that is no signed JWT, with what it may be instead.
fn not_decoded(token: &str, refusal: &countersign_verifier::Refusal) -> anyhow::Error {
    let hint = match token.split('.').count() {
        _ if token.chars().any(char::is_whitespace) => {
            " (it has white space inside: was it broken into lines?)"
        }
        1 => " (an opaque value, such as a code, a refresh token or a client secret, has nothing to show)",
        2 => " (a part is missing: was it cut off when copied?)",
        3 if token.ends_with('.') => " (its signature is empty: it is not signed at all)",
        5 => " (five parts: it is encrypted, and only its recipient can read it)",
        _ => "",
    };
    anyhow::anyhow!("{refusal}{hint}")
}
