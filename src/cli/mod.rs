//! The command line, one file for each word. A word answers with a `Report`, which is printed as text or as JSON. Only
//! `serve` and `demo` print while they run.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::telemetry::log::{self, Format};

mod audit; // recorded events
mod algorithms; // applications without a signing key
mod client; // applications
mod context; // configuration, form of the answer, clock
mod demo;
mod doctor; // checks of an installation
mod grant; // access that applications keep
mod input; // files, standard input, passwords
mod keys;
mod port; // the ports of serve
mod last_sign_in; // the last sign-ins of people
mod ready;
mod resource; // APIs
mod report; // the answer of a word, and printing it
mod serve;
mod signals;
mod token; // inspecting and verifying tokens
mod user; // people
mod words; // comparing and showing typed text

use context::Context;

/// The whole command line.
#[derive(Parser)]
#[command(
    name = "countersign",
    version,
    about = "An OpenID Connect identity provider: sign in once, everywhere",
    arg_required_else_help = true,
    after_help = "Try it:  countersign demo\nUse it:  countersign serve, then countersign client add --help"
)]
struct Cli {
    #[arg(
        long,
        global = true,
        display_order = 100,
        value_name = "FILE",
        help = "The configuration file [default: $COUNTERSIGN_CONFIG, else ./countersign.toml if it exists]"
    )]
    config: Option<PathBuf>,
    /// Print JSON for programs instead of text for people
    #[arg(long, global = true, display_order = 101)]
    json: bool,
    #[command(subcommand)]
    word: Word,
}

#[derive(Subcommand)]
enum Word {
    /// Run the provider
    #[command(after_help = "Example:\n  countersign serve --config /etc/countersign.toml")]
    Serve,
    /// Run a provider with a demo person, two sites and an API, on this machine alone
    #[command(after_help = "Example:\n  countersign demo --port 9080")]
    Demo(demo::Demo),
    /// Register and look after the applications people sign in to
    #[command(subcommand)]
    Client(client::Word),
    /// Add and look after people
    #[command(subcommand)]
    User(user::Word),
    /// Declare and look after the APIs that access tokens are for
    #[command(subcommand)]
    Resource(resource::Word),
    /// See and take back the access that applications keep by refresh tokens
    #[command(subcommand)]
    Grant(grant::Word),
    /// See who signed in and who did not, and what was changed
    #[command(subcommand)]
    Audit(audit::Word),
    /// Make the instance key; list, rotate, revoke and bring signing keys
    #[command(subcommand)]
    Keys(keys::Word),
    /// Ask the server on this machine whether it can serve
    #[command(after_help = "Example:\n  countersign ready --config /etc/countersign/countersign.toml")]
    Ready,
    /// Look at configuration, stores, keys and certificate, and say what to do
    #[command(after_help = "Example:\n  countersign doctor --config /etc/countersign/countersign.toml")]
    Doctor(doctor::Doctor),
    /// Take a token apart, or check it
    #[command(subcommand)]
    Token(token::Word),
}

/// Carries out one command line. The exit code is 0 when it is done, 1 when it failed, and 2 when it cannot be parsed.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version arrive here as well. A closed output is no failure.
            let _unread = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match actix_web::rt::System::new().block_on(carry_out(cli)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Carries out a word; false when its report has a fault.
async fn carry_out(cli: Cli) -> anyhow::Result<bool> {
    let context = Context::new(cli.config, cli.json);
    let report = match cli.word {
        Word::Serve => return serve::run(&context).await.map(|()| true),
        Word::Demo(demo) => return demo::run(demo, &context).await.map(|()| true),
        Word::Client(word) => client::run(word, quietly(&context)?).await?,
        Word::User(word) => user::run(word, quietly(&context)?).await?,
        Word::Resource(word) => resource::run(word, quietly(&context)?).await?,
        Word::Grant(word) => grant::run(word, quietly(&context)?).await?,
        Word::Audit(word) => audit::run(word, quietly(&context)?).await?,
        Word::Keys(word) => keys::run(&word, quietly(&context)?)?,
        Word::Ready => ready::run(quietly(&context)?).await?,
        Word::Doctor(doctor) => doctor::run(doctor, quietly(&context)?).await,
        Word::Token(word) => token::run(word, quietly(&context)?).await?,
    };
    report.print(cli.json)
}

/// Words that end at once log warnings and errors only.
fn quietly(context: &Context) -> anyhow::Result<&Context> {
    log::start("warn", Format::Text).map_err(anyhow::Error::msg)?;
    Ok(context)
}
