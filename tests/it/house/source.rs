//! The source as text: every file without comments and strings, and the paths that it names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every file of `src/`, by its path there.
pub(super) fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let hidden = path.file_name().unwrap().to_string_lossy().starts_with('.');
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !hidden {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let (root, mut found) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), vec![]);
    walk(&root, &mut found);
    found
        .into_iter()
        .map(|(path, text)| (path.strip_prefix(&root).unwrap().to_owned(), code(&text)))
        .collect()
}

/// The text without comments and without what is quoted.
pub(super) fn code(text: &str) -> String {
    let line = |line: &str| {
        let line = line.split("//").next().unwrap_or_default();
        let unquoted: Vec<&str> = line.split('"').step_by(2).collect();
        unquoted.join("\"\"")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The path of every `crate::…` in a text, be it in a `use` (whose braces are taken apart) or in place.
pub(super) fn imports(code: &str) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let is_ours = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        if is_ours {
            expand(&code[at + "crate::".len()..], &[], &mut found);
        }
    }
    found
}

/// Takes `a::{b, c::d}` apart; answers what follows it.
pub(super) fn expand<'a>(text: &'a str, before: &[String], found: &mut BTreeSet<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = expand(rest, before, found).trim_start();
            rest = match rest.strip_prefix(',') {
                Some(more) if !more.trim_start().starts_with('}') => more,
                Some(end) => end.trim_start(),
                None => rest,
            };
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            if rest.is_empty() {
                return rest;
            }
        }
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let path = [before, &[text[..end].to_owned()]].concat();
    match text[end..].strip_prefix("::") {
        Some(more) if more.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '{') => {
            expand(more, &path, found)
        }
        _ => {
            found.insert(path);
            let alias = text[end..].strip_prefix(" as ").unwrap_or(&text[end..]);
            alias.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_')
        }
    }
}

/// The path as text.
pub(super) fn name(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// `state/kv/mod.rs` is the module `state::kv`.
pub(super) fn module(path: &Path) -> Vec<String> {
    let names = path.iter().map(|name| name.to_string_lossy().trim_end_matches(".rs").to_owned());
    names.filter(|name| name != "mod").collect()
}
