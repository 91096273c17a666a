//! Functions and files are short.

use super::source::{name, sources};

/// The longest function, in lines from its `fn` to its brace.
const LONGEST_FUNCTION: usize = 60;

/// The longest file, in lines.
const LONGEST_FILE: usize = 300;

/// Each function of a formatted file, with its lines from `fn` to its brace.
fn functions(code: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = vec![];
    for (at, line) in lines.iter().enumerate() {
        let text = line.trim_start();
        let words: Vec<&str> = text.split(' ').collect();
        let Some(word) = words.iter().take(5).position(|word| *word == "fn") else { continue };
        let is_declared = words[..word].iter().all(|word| {
            matches!(*word, "const" | "async" | "unsafe" | "extern")
                || word.starts_with("pub")
                || ["(super)", "(crate)", "(in", "crate::"].iter().any(|part| word.starts_with(part))
        });
        let Some(name) = words.get(word + 1).filter(|_| is_declared) else { continue };
        let name = name.split(['(', '<']).next().unwrap_or_default();
        let end = format!("{}}}", &line[..line.len() - text.len()]);
        let is_whole = line.ends_with('}') || line.ends_with(';');
        let rest = lines[at..].iter().take_while(|line| !is_whole && **line != end).count();
        found.push((name.to_owned(), rest + 1));
    }
    found
}

#[test]
fn functions_and_files_are_short() {
    let mut long = vec![];
    for (path, code) in sources() {
        let file = name(&path);
        let functions = functions(&code).into_iter().filter(|(_, lines)| *lines > LONGEST_FUNCTION);
        long.extend(functions.map(|(name, lines)| format!("{file}: {name}: {lines} lines")));
        let lines = code.lines().count();
        if lines > LONGEST_FILE {
            long.push(format!("{file}: {lines} lines"));
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

/// The test itself: it must count every line of a function, and none that is not its own.
#[test]
fn the_lines_of_a_function_are_counted() {
    let text = "pub async fn a<T>(\n    t: T,\n) {\n    t();\n}\n\nimpl A {\n    pub(in crate::a) const fn b() {\n        \
                if c {\n        }\n    }\n\n    fn d() {}\n}\n\ntype F = fn(u8);\n";
    let found = functions(text);
    let expected = [("a", 5), ("b", 4), ("d", 1)].map(|(name, lines)| (name.to_owned(), lines));
    assert_eq!(found, expected);
}
