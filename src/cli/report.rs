//! The answer of a word, and its two printed forms.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use anyhow::Context as _;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::words::visible;

/// The answer of one word.
pub struct Report {
    /// The JSON form.
    pub json: Value,
    /// The text form, made of the same values.
    pub text: String,
    /// Warnings, printed to standard error in both forms.
    pub warnings: Vec<String>,
    /// Why the answer is no, in one sentence.
    pub fault: Option<String>,
}

impl Report {
    /// An answer without warnings and fault.
    pub fn new(json: Value, text: String) -> Report {
        Report { json, text, warnings: vec![], fault: None }
    }

    /// Prints one of the two forms; false when there is a fault.
    pub fn print(&self, json: bool) -> anyhow::Result<bool> {
        for warning in &self.warnings {
            complain(&format!("warning: {warning}"));
        }
        if json {
            say(&format!("{:#}", self.json))?;
        } else if !self.text.is_empty() {
            say(self.text.trim_end())?;
        }
        if let Some(fault) = self.fault.as_deref().filter(|_| !json) {
            complain(fault);
        }
        Ok(self.fault.is_none())
    }
}

/// Prints a line to standard output.
pub fn say(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{}", harmless(text)).and_then(|()| out.flush()) {
        // A reader such as `head` may close the pipe. With any other error a secret may be lost.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("the answer cannot be written")
        }
        _ => Ok(()),
    }
}

/// Prints one sentence to standard error.
pub fn complain(sentence: &str) {
    let _unread = writeln!(io::stderr().lock(), "countersign: {}", harmless(sentence.trim_end()));
}

/// Escapes characters that would act on the terminal or reorder its text, line by line.
fn harmless(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

/// Members as aligned lines, a list as one line per value.
pub fn members(of: &Map<String, Value>) -> String {
    let width = of.keys().map(|name| name.chars().count()).max().unwrap_or_default();
    let mut lines = String::new();
    for (name, value) in of {
        let values = match value {
            Value::Array(values) => values.iter().map(plain).collect(),
            value => vec![plain(value)],
        };
        for (position, value) in values.iter().enumerate() {
            let name = if position == 0 { name } else { "" };
            let _infallible = writeln!(lines, "  {name:<width$}  {value}");
        }
    }
    lines
}

/// Rows as aligned columns below their names.
pub fn table<const N: usize>(names: [&str; N], rows: &[[String; N]]) -> String {
    let heads = names.map(str::to_owned);
    let mut widths = [0; N];
    for row in std::iter::once(&heads).chain(rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut lines = String::new();
    for row in std::iter::once(&heads).chain(rows) {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        lines.push_str(line.trim_end());
        lines.push('\n');
    }
    lines
}

/// A value as text: strings without quotes, `yes` and `no`.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        other => other.to_string(),
    }
}

/// An instant in RFC 3339; none for years beyond 9999.
pub fn rfc3339(seconds: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(seconds).ok()?.format(&Rfc3339).ok()
}
