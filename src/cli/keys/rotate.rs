//! `countersign keys rotate`: the next keys take over, when verifiers know them or at once.

use clap::Args;
use serde_json::{Value, json};

use super::revoke::take_away;
use super::{in_words, when};
use crate::cli::context::Context;
use crate::cli::report::Report;
use crate::clock::span;
use crate::operations::keys::{self, Turn, Which};
use crate::protocol::client::SigningAlg;

pub(super) const EXAMPLES: &str = "Examples:
  countersign keys rotate
  countersign keys rotate --alg RS256
  countersign keys rotate --now --yes";

/// The keys that give way, and how soon.
#[derive(Args)]
pub struct Rotate {
    #[arg(long, value_name = "ALG", value_parser = algorithm, help = "Only the key of this algorithm [default: all]")]
    alg: Option<SigningAlg>,
    #[arg(
        long,
        help = "In an emergency: take away the keys that sign, and refuse what they signed (`revoke` for each of them)"
    )]
    now: bool,
    #[arg(long, requires = "now", help = "Do it: without this, --now only says what it would mean")]
    yes: bool,
}

pub(super) fn algorithm(name: &str) -> Result<SigningAlg, String> {
    SigningAlg::from_name(name).ok_or_else(|| "it is none of RS256, ES256, PS256, EdDSA and Ed25519".into())
}

pub(super) fn rotate(flags: &Rotate, context: &Context) -> anyhow::Result<Report> {
    let opened = context.open_existing()?;
    if flags.now {
        return take_away(&opened, Which::Signing(flags.alg), flags.yes, context);
    }
    let turns = keys::rotate(&opened.operation(context.now()), opened.installation(), flags.alg);
    let (mut rotated, mut text) = (vec![], vec![]);
    for (alg, turn) in turns.map_err(in_words)? {
        let (json, said) = described(alg, &turn);
        rotated.push(json);
        text.push(said);
    }
    Ok(Report::new(json!({ "rotated": rotated }), text.join("\n")))
}

/// The result for one ring, as JSON and as text.
fn described(alg: SigningAlg, turn: &Turn) -> (Value, String) {
    let name = alg.name();
    let (state, kid, said) = match turn {
        Turn::Done(next) => {
            let said = format!(
                "{name}: {} signs now. The key before stays public until its tokens have expired.",
                next.kid
            );
            ("done", Some(&next.kid), said)
        }
        Turn::Waits(next) => {
            let said = format!(
                "{name}: {} takes over at {}, when every verifier has had time to learn of it (a server must be running \
                 then). Until then nothing changes.",
                next.kid,
                when(next.until)
            );
            ("asked", Some(&next.kid), said)
        }
        Turn::Unmade(wait) => {
            let said = format!(
                "{name}: the next key has not been made yet. The running server makes it within seconds; it takes over \
                 {} later, when every verifier has had time to learn of it.",
                span(wait.whole_seconds())
            );
            ("asked", None, said)
        }
    };
    (json!({ "alg": name, "state": state, "kid": kid, "said": said }), said)
}
