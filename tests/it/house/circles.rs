//! No two files import each other, directly or through others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::source::{code, expand, imports, module, name, sources};

/// Every file, with the files whose definitions it names. A name that a folder only hands on leads to the file
/// that defines it. Arrows from a file into the folder of its own name are left out: it puts its parts together, and
/// they may use what it defines for all of them.
fn arrows(sources: &[(PathBuf, String)]) -> BTreeMap<String, BTreeSet<String>> {
    let modules: BTreeMap<Vec<String>, &Path> =
        sources.iter().map(|(path, _)| (module(path), path.as_path())).collect();
    let handed_on: BTreeMap<Vec<String>, Vec<String>> = sources
        .iter()
        .flat_map(|(path, code)| handed_on(&module(path), code))
        .filter(|(_, defined)| (1..defined.len()).any(|end| modules.contains_key(&defined[..end])))
        .collect();
    // A folder may hand on what another one hands on to it.
    let file = |path: &Vec<String>| {
        let follow = |path: &Vec<String>| {
            let mut ends = (1..=path.len()).rev();
            let defined = ends.find_map(|end| handed_on.get(&path[..end]));
            defined.unwrap_or(path).clone()
        };
        let path = follow(&follow(path));
        (1..=path.len()).rev().find_map(|end| modules.get(&path[..end]))
    };
    let mut arrows = BTreeMap::new();
    for (path, code) in sources {
        let here = module(path);
        let mut paths = imports(code);
        for (at, _) in code.match_indices("super::") {
            let is_first = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            let steps = code[at..].split("::").take_while(|step| *step == "super").count();
            if is_first {
                let above = &here[..here.len().saturating_sub(steps)];
                expand(&code[at + steps * "super::".len()..], above, &mut paths);
            }
        }
        let named = paths.iter().filter_map(file);
        let others = named.filter(|other| !module(other).starts_with(&here));
        arrows.insert(name(path), others.map(|other| name(other)).collect());
    }
    arrows
}

/// What a file hands on by `pub use`, with the path where each is defined.
fn handed_on(here: &[String], code: &str) -> Vec<(Vec<String>, Vec<String>)> {
    let mut found = BTreeSet::new();
    for (at, word) in code.match_indices("pub use ") {
        let text = &code[at + word.len()..];
        match text.strip_prefix("crate::") {
            Some(text) => expand(text, &[], &mut found),
            None => expand(text, here, &mut found),
        };
    }
    let own = |path: &Vec<String>| [here, &path[path.len() - 1..]].concat();
    found.into_iter().map(|path| (own(&path), path)).filter(|(own, path)| own != path).collect()
}

/// The circles of a plan: each file that can be reached from itself, with all that lie on the same loops.
fn circles(arrows: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<BTreeSet<String>> {
    let reach = |from: &String| {
        let (mut found, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(at) = next.pop() {
            next.extend(arrows.get(at).into_iter().flatten().filter(|to| found.insert((*to).clone())));
        }
        found
    };
    let reached: BTreeMap<&String, BTreeSet<String>> =
        arrows.keys().map(|from| (from, reach(from))).collect();
    let loops = reached.iter().filter(|(from, found)| found.contains(**from));
    loops
        .map(|(from, found)| found.iter().filter(|to| reached[to].contains(*from)).cloned().collect())
        .collect()
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let found = circles(&arrows(&sources()));
    assert!(found.is_empty(), "{found:#?}");
}

/// The test itself: it must see a circle however its imports are written.
#[test]
fn a_circle_is_seen_however_it_is_written() {
    let rows: &[(&[(&str, &str)], usize)] = &[
        (
            &[
                ("a.rs", "use crate::b::B;"),
                ("b.rs", "use crate::c::C;"),
                ("c.rs", "fn f(a: crate::a::A) {}"),
            ],
            1,
        ),
        (&[("a.rs", "use crate::b::B;"), ("b.rs", "use crate::c::C;"), ("c.rs", "")], 0),
        (
            &[
                ("a.rs", "use crate::{b::{B, C}, d};"),
                ("b.rs", "use crate::a;"),
                ("d.rs", "use crate::a::A;"),
            ],
            1,
        ),
        (&[("a/b.rs", "use super::{c::C, D};"), ("a/c.rs", "use super::super::a::b::B;")], 1),
        // What a folder hands on is its part's.
        (
            &[
                ("a/mod.rs", "mod b;\npub use b::B;"),
                ("a/b.rs", "use crate::c::C;"),
                ("c.rs", "use crate::a::B;"),
            ],
            1,
        ),
        (
            &[
                ("a/mod.rs", "mod b;\npub use b::B;"),
                ("a/b.rs", "use crate::c::C;"),
                ("c.rs", "use crate::a::A;"),
            ],
            0,
        ),
        // Parts use what their folder defines for them.
        (&[("a/mod.rs", "mod b;\nuse b::B;"), ("a/b.rs", "use super::A;")], 0),
        (&[("a.rs", "mod b;\npub use b::{B, C};"), ("a/b.rs", "use crate::a::A;")], 0),
    ];
    for (files, count) in rows {
        let files: Vec<_> = files.iter().map(|(path, text)| (PathBuf::from(path), code(text))).collect();
        let found = circles(&arrows(&files));
        assert_eq!(found.len(), *count, "{files:?}: {found:?}");
    }
}
