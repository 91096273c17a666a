//! The command line, driven as people and scripts drive it: the real program in a directory of its own.

mod audits;
mod clients;
mod debugging;
mod doctor;
mod doctor_tried; // with the rights it has
mod grants;
mod key_changes;
mod key_import;
mod key_place;
mod keys;
mod resources;
pub mod serving;
mod stores;
mod tokens;
mod updates;
mod users;
mod withdrawn;

use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use countersign::app::open_store;
use countersign::config::Config;
use countersign::db::Db;
use serde_json::{Map, Value};
use tempfile::TempDir;

/// A directory to work in.
pub struct Shell {
    folder: TempDir,
}

/// What a command left behind.
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Shell {
    pub fn new() -> Shell {
        Shell { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and gives its path as a word.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), text).unwrap();
        name.to_owned()
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("COUNTERSIGN_") {
                command.env_remove(name);
            }
        }
        command.current_dir(self.folder.path()).args(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, words: &[&str]) -> Done {
        self.feed(words, "")
    }

    /// Runs a command with text on its standard input.
    pub fn feed(&self, words: &[&str], input: impl AsRef<[u8]>) -> Done {
        let mut child = self.command(words).spawn().unwrap();
        // A command that fails early does not read its input.
        let _unread = child.stdin.take().unwrap().write_all(input.as_ref());
        Done::of(child)
    }

    /// The configuration that the commands find here, for looking over their shoulder.
    pub fn config(&self) -> Config {
        let (data, keys) = (self.path("data"), self.path("keys"));
        Config::development("http://localhost:8080", &data, &keys, vec![]).unwrap()
    }

    pub fn db(&self) -> Db {
        open_store(&self.config()).unwrap()
    }

    /// Registers an application and gives what was printed.
    pub fn client(&self, more: &[&str]) -> Map<String, Value> {
        let mut words = vec!["client", "add", "--json", "--name", "Album"];
        words.extend(["--redirect-uri", "https://album.example/callback"]);
        words.extend(more);
        self.run(&words).good().object()
    }

    pub fn user(&self, login: &str) -> Map<String, Value> {
        self.feed(&["user", "add", login, "--password-stdin", "--json"], "wistful otter paints")
            .good()
            .object()
    }
}

impl Done {
    pub fn of(child: Child) -> Done {
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap_or_else(|| panic!("it was {}", output.status));
        Done { code, out: text(output.stdout), err: text(output.stderr) }
    }

    /// Insists that it worked, without a word on standard error.
    #[track_caller]
    pub fn good(self) -> Done {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self
    }

    /// Insists that it failed with one plain sentence that says this.
    #[track_caller]
    pub fn bad(self, saying: &str) {
        assert_eq!((self.code, self.out.as_str()), (1, ""), "{}", self.err);
        assert!(self.err.starts_with("countersign: ") && self.err.contains(saying), "{saying}\n{}", self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }

    #[track_caller]
    pub fn object(&self) -> Map<String, Value> {
        self.json().as_object().unwrap().clone()
    }
}

#[test]
fn words_that_are_not_understood_end_with_two_and_help_with_zero() {
    let shell = Shell::new();
    for words in [&["nonsense"][..], &["client"], &["client", "add"], &["client", "add", "--nmae", "x"], &[]]
    {
        let done = shell.run(words);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{words:?}");
        assert!(done.err.contains("Usage: countersign"), "{words:?}: {}", done.err);
    }
    for words in
        [&["--help"][..], &["client", "add", "--help"], &["token", "verify", "--help"], &["--version"]]
    {
        let done = shell.run(words).good();
        assert!(done.out.contains("countersign"), "{words:?}");
    }
    assert!(nothing_in(shell.folder.path()));
}

#[test]
fn every_word_has_an_example() {
    let shell = Shell::new();
    let words = [
        "serve", "demo", "client add", "client list", "client show", "client remove", "client rotate-secret",
        "client disable", "client enable", "client debug", "client update", "user add", "user update",
        "user list", "user show", "user disable", "user enable", "user set-password", "keys init",
        "keys list", "keys rotate", "keys revoke", "keys import", "keys export", "keys reseal", "audit list",
        "grant list", "grant show", "grant revoke", "doctor", "ready", "token inspect", "token verify",
    ];
    for word in words {
        let help = shell.run(&word.split(' ').chain(["--help"]).collect::<Vec<_>>()).good().out;
        assert!(help.contains("Example") && help.contains(&format!("countersign {word}")), "{help}");
    }
}

#[test]
fn looking_leaves_nothing_behind() {
    let shell = Shell::new();
    for words in [["client", "list", "--json"], ["user", "list", "--json"], ["grant", "list", "--json"]] {
        assert_eq!(shell.run(&words).good().json(), Value::Array(vec![]));
    }
    assert_eq!(shell.run(&["keys", "list", "--json"]).good().json()["keys"], Value::Array(vec![]));
    shell.run(&["client", "show", "x"]).bad("there is no database at sqlite:data/countersign.db");
    shell.run(&["user", "disable", "x"]).bad("there is no database");
    assert!(nothing_in(shell.folder.path()));
}

#[test]
fn a_configuration_that_is_wrong_is_said_so() {
    let shell = Shell::new();
    shell.run(&["client", "list", "--config", "none.toml"]).bad("none.toml");
    let file = shell.file("wrong.toml", "isuer = \"https://id.example\"");
    shell.run(&["client", "list", "--config", &file]).bad("isuer");
    let named = shell.file("right.toml", "data_dir = \"elsewhere\"");
    let done = shell.run(&["client", "list", "--config", &named]).good();
    assert!(done.out.contains("countersign client add --config right.toml"), "{}", done.out);
    let child = shell.command(&["keys", "list"]).env("COUNTERSIGN_ISSUR", "x").spawn().unwrap();
    Done::of(child).bad("COUNTERSIGN_ISSUR is no setting");
    // The demo's ports may be set for a whole session.
    let child = shell.command(&["keys", "list"]).env("COUNTERSIGN_DEMO_BANK_PORT", "9").spawn().unwrap();
    Done::of(child).good();
    // What others keep in their variables is none of our business.
    let bytes = std::ffi::OsStr::from_bytes(b"\xff");
    let child = shell.command(&["keys", "list"]).env("SOMEBODY_ELSES", bytes).spawn().unwrap();
    Done::of(child).good();
    let child = shell.command(&["keys", "list"]).env("COUNTERSIGN_LOG", bytes).spawn().unwrap();
    Done::of(child).bad("COUNTERSIGN_LOG is not UTF-8");
    shell.run(&["demo", "--config", &named]).bad("no configuration file");
}

fn nothing_in(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}
