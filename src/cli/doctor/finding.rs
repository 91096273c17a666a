//! The finding of a check, and the report of all findings.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cli::report::Report;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Ok,
    Warning,
    Problem,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Problem => "problem",
        }
    }
}

/// The result of one check.
pub struct Finding {
    check: &'static str,
    level: Level,
    what: String,
    remedy: Option<String>,
}

impl Finding {
    /// The check passed.
    pub fn ok(check: &'static str, what: impl Into<String>) -> Finding {
        Finding { check, level: Level::Ok, what: what.into(), remedy: None }
    }

    /// It works, and needs attention.
    pub fn warning(check: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { check, level: Level::Warning, what: what.into(), remedy: Some(remedy.into()) }
    }

    /// It does not work, or has to be changed.
    pub fn problem(check: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { check, level: Level::Problem, what: what.into(), remedy: Some(remedy.into()) }
    }

    fn json(&self) -> Value {
        json!({ "check": self.check, "result": self.level.word(), "what": self.what, "remedy": self.remedy })
    }
}

/// The report of all findings.
pub fn report(found: &[Finding]) -> Report {
    let width = found.iter().map(|finding| finding.check.len()).max().unwrap_or_default();
    let mut text = String::new();
    for Finding { check, level, what, remedy } in found {
        let _infallible = writeln!(text, "{:<7}  {check:<width$}  {what}", level.word());
        if let Some(remedy) = remedy {
            let _infallible = writeln!(text, "{:<7}  {:<width$}  → {remedy}", "", "");
        }
    }
    let count = |level| found.iter().filter(|finding| finding.level == level).count();
    let (problems, warnings) = (count(Level::Problem), count(Level::Warning));
    let findings: Vec<Value> = found.iter().map(Finding::json).collect();
    let json =
        json!({ "healthy": problems == 0, "problems": problems, "warnings": warnings, "checks": findings });
    let fault = (problems > 0).then(|| format!("{problems} to be mended, {warnings} to be looked at"));
    Report { fault, ..Report::new(json, text) }
}
