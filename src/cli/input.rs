//! Input of words: files, standard input, passwords.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read};
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::password::Password;
use crate::secret::{base32, random};

/// The largest input, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// Reads a whole file.
pub fn file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let read = || -> io::Result<Vec<u8>> { up_to_longest(File::open(path)?) };
    read().with_context(|| format!("{} cannot be read", path.display()))
}

/// Reads a file with one JSON object.
pub fn object(path: &Path) -> anyhow::Result<Map<String, Value>> {
    let value = serde_json::from_slice(&file(path)?);
    match value.with_context(|| format!("{} is not JSON", path.display()))? {
        Value::Object(members) => Ok(members),
        _ => bail!("{} must hold a JSON object, as in {{\"name\": \"value\"}}", path.display()),
    }
}

/// Reads all of standard input as text.
pub fn standard_input() -> anyhow::Result<String> {
    let bytes = up_to_longest(io::stdin().lock()).context("standard input cannot be read")?;
    String::from_utf8(bytes).context("standard input is not text")
}

/// Whether standard input is a terminal.
pub fn is_typed() -> bool {
    io::stdin().is_terminal()
}

fn up_to_longest(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = vec![];
    from.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST { Err(io::Error::other("it is longer than 1 MiB")) } else { Ok(bytes) }
}

/// A new password.
pub struct NewPassword {
    /// Its hash, for storage.
    pub hash: String,
    /// The password itself if it was made here, to be shown once.
    pub made: Option<Zeroizing<String>>,
}

/// Gets a new password: the line on standard input if `from_stdin`, else a generated one for a person at a terminal.
///
/// None is generated for a script, because it would end up in a log.
pub fn new_password(from_stdin: bool) -> anyhow::Result<NewPassword> {
    if from_stdin {
        let line = first_line()?;
        let hash = Password::chosen(&line)?.hash()?;
        return Ok(NewPassword { hash, made: None });
    }
    if !is_typed() {
        bail!(
            "give the password on standard input, with --password-stdin; one is only made up at a terminal"
        );
    }
    let made = made_up();
    let hash = Password::chosen(&made)?.hash()?;
    Ok(NewPassword { hash, made: Some(made) })
}

fn first_line() -> anyhow::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    io::stdin().lock().take(4096).read_line(&mut line).context("the password cannot be read")?;
    let text = line.strip_suffix('\n').unwrap_or(&line);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        bail!("standard input has no password");
    }
    if text.chars().any(char::is_control) {
        bail!("the password must not contain control characters");
    }
    Ok(Zeroizing::new(text.to_owned()))
}

/// Generates 120 bits, as six groups of letters and digits that cannot be confused.
fn made_up() -> Zeroizing<String> {
    let letters = Zeroizing::new(base32(&random::<15>()));
    let mut grouped = Zeroizing::new(String::with_capacity(letters.len() + 5));
    for (position, letter) in letters.chars().enumerate() {
        if position > 0 && position % 4 == 0 {
            grouped.push('-');
        }
        grouped.push(letter);
    }
    grouped
}
