//! Where settings were read from, in words: the command line may have another environment than the server.

use std::path::{Path, PathBuf};

/// The file that is read when none is named.
pub(super) const FILE: &str = "countersign.toml";

/// The file, if there is one, and the names of the variables.
#[expect(clippy::disallowed_methods, reason = "reads names of variables; values are read in settings")]
pub fn origin(named: Option<&Path>) -> String {
    let mut variables = vec![];
    let mut by_variable = None;
    for (name, value) in std::env::vars_os().filter(|(_, value)| !value.is_empty()) {
        match name.to_str() {
            Some("COUNTERSIGN_CONFIG") => by_variable = Some(PathBuf::from(value)),
            Some(name) if name.starts_with("COUNTERSIGN_") => variables.push(name.to_owned()),
            _ => (),
        }
    }
    variables.sort();
    let default = || Path::new(FILE).exists().then(|| Path::new(".").join(FILE));
    let file = named.map(Path::to_path_buf).or(by_variable).or_else(default);
    let file = file.map(|file| file.display().to_string());
    let sources: Vec<String> = file.into_iter().chain(variables).collect();
    if sources.is_empty() {
        return "no configuration file and no COUNTERSIGN_ variable is set here, so that all is as by default".into();
    }
    format!("settings were read from {}", sources.join(", "))
}
