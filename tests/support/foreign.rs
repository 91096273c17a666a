//! Other people's libraries, each in a process of its own that answers one question after another.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use openidconnect::{ClientId, IssuerUrl, Nonce};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What is asked about a token.
pub struct Question<'a> {
    pub jwks: &'a str,
    pub token: &'a str,
    pub issuer: &'a str,
    pub audience: &'a str,
    pub alg: &'a str,
    pub now: OffsetDateTime,
}

/// A library in another language.
pub struct Foreign {
    name: &'static str,
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign"))
}

impl Foreign {
    /// `jose` for Node.js.
    pub fn jose() -> Foreign {
        Foreign::start("jose", Command::new("node").arg("verify.mjs"))
    }

    /// `PyJWT` for Python.
    pub fn pyjwt() -> Foreign {
        Foreign::start("PyJWT", Command::new(folder().join(".venv/bin/python")).arg("verify.py"))
    }

    /// `openid-client` for Node.js, which ends sign-ins.
    pub fn openid_client() -> Foreign {
        Foreign::start("openid-client", Command::new("node").arg("sign_in.mjs"))
    }

    /// `Authlib` for Python, which ends sign-ins.
    pub fn authlib() -> Foreign {
        Foreign::start("Authlib", Command::new(folder().join(".venv/bin/python")).arg("sign_in.py"))
    }

    /// `openid-client` through every grant.
    pub fn openid_client_grants() -> Foreign {
        Foreign::start("openid-client", Command::new("node").arg("grants.mjs"))
    }

    /// `Authlib` through every grant.
    pub fn authlib_grants() -> Foreign {
        Foreign::start("Authlib", Command::new(folder().join(".venv/bin/python")).arg("grants.py"))
    }

    fn start(name: &'static str, command: &mut Command) -> Foreign {
        let command = command.current_dir(folder()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("make test installs it");
        let (questions, answers) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Foreign { name, process, questions, answers: BufReader::new(answers) }
    }

    /// Insists that the library accepts the token.
    #[track_caller]
    pub fn accepts(&mut self, asked: &Question<'_>) {
        let answer = self.ask(asked);
        assert_eq!(answer, "good", "{} about {}", self.name, asked.token);
    }

    /// What the library says.
    pub fn ask(&mut self, asked: &Question<'_>) -> String {
        self.answer(&json!({ "jwks": asked.jwks, "token": asked.token, "issuer": asked.issuer,
            "audience": asked.audience, "algorithms": [asked.alg], "now": asked.now.unix_timestamp() }))
    }

    /// What the library says to a question of any kind.
    pub fn answer(&mut self, question: &Value) -> String {
        writeln!(self.questions, "{question}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// What the `openidconnect` crate says of an ID token.
pub fn openidconnect(asked: &Question<'_>) -> Result<(), String> {
    let keys: CoreJsonWebKeySet = serde_json::from_str(asked.jwks).map_err(|error| error.to_string())?;
    let issuer = IssuerUrl::new(asked.issuer.into()).map_err(|error| error.to_string())?;
    let alg = match asked.alg {
        "RS256" => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        "PS256" => CoreJwsSigningAlgorithm::RsaSsaPssSha256,
        "EdDSA" => CoreJwsSigningAlgorithm::EdDsa,
        _ => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    };
    // The crate's type for instants is not ours; it reads what ours writes.
    let now = json!(asked.now.replace_nanosecond(0).unwrap().format(&Rfc3339).unwrap());
    let verifier = CoreIdTokenVerifier::new_public_client(ClientId::new(asked.audience.into()), issuer, keys)
        .set_time_fn(move || serde_json::from_value(now.clone()).unwrap())
        .set_allowed_algs([alg]);
    let token: CoreIdToken = asked.token.parse().map_err(|error| format!("{error}"))?;
    let any_nonce = |_: Option<&Nonce>| Ok(());
    token.claims(&verifier, any_nonce).map(|_| ()).map_err(|error| error.to_string())
}
