//! `countersign resource`.
//!
//! Holds `cli/resource/mod.rs`, `cli/resource/described.rs`, `cli/resource/update.rs`, `cli/doctor/resources.rs`,
//! `config/resources.rs`.

use serde_json::{Value, json};

use super::Shell;

const API: &str = "https://api.example";

/// Adds a resource and gives what was printed.
fn added(shell: &Shell, words: &[&str]) -> Value {
    shell.run(&[&["resource", "add", "--json"], words].concat()).good().json()
}

#[test]
fn a_resource_is_added_listed_shown_changed_and_removed() {
    let shell = Shell::new();
    let id = shell.client(&[])["client_id"].as_str().unwrap().to_owned();
    let words = [
        API, "--name", "Orders", "--scope", "orders.read=See your orders", "--scope",
        "orders.read#de=Bestellungen sehen", "--scope", "orders.write", "--client", &id, "--claim", "roles",
        "--alg", "RS256", "--lifetime", "5m", "--default",
    ];
    let whole = json!({
        "uri": API, "name": "Orders", "scopes": ["orders.read", "orders.write"], "default": true, "claims": ["roles"],
        "descriptions": { "orders.read": "See your orders", "orders.read#de": "Bestellungen sehen" },
        "clients": [id], "format": "jwt", "alg": "RS256", "lifetime": "5m", "source": "added",
    });
    assert_eq!(added(&shell, &words), whole);
    assert_eq!(shell.run(&["resource", "show", "HTTPS://API.example", "--json"]).good().json(), whole);
    let listed = shell.run(&["resource", "list"]).good().out;
    assert!(listed.contains("jwt RS256") && listed.contains("orders.read orders.write"), "{listed}");
    shell.run(&["resource", "add", API]).bad("countersign resource update");
    let update =
        |words: &[&str]| shell.run(&[&["resource", "update", API, "--json"], words].concat()).good().json();
    let changed = update(&[
        "--add-scope", "orders.cancel=Cancel", "--remove-scope", "orders.read", "--remove-client", &id,
        "--clear", "default", "--clear", "lifetime",
    ]);
    let shown = json!({
        "uri": API, "name": "Orders", "scopes": ["orders.write", "orders.cancel"], "default": false, "claims": ["roles"],
        "descriptions": { "orders.cancel": "Cancel" }, "format": "jwt", "alg": "RS256", "source": "added",
        "changed": ["clients", "default", "descriptions", "lifetime", "scopes"],
    });
    assert_eq!(changed, shown);
    assert_eq!(update(&["--add-client", &id])["clients"], json!([id]));
    assert_eq!(update(&["--add-client", &id])["changed"], json!([]));
    assert_eq!(update(&["--scope", "only"])["scopes"], json!(["only"]));
    shell.run(&["resource", "update", API]).bad("nothing is to be changed");
    let removed = shell.run(&["resource", "remove", API]).good().out;
    assert!(removed.contains("within 5 seconds") && removed.contains("No consent"), "{removed}");
    for word in ["show", "remove"] {
        shell.run(&["resource", word, API]).bad("there is no resource");
    }
    assert!(shell.run(&["resource", "list"]).good().out.contains("There are no resources yet"));
    let told = shell.run(&["audit", "list", "--event", "resource.*", "--json"]).good().json();
    assert_eq!(told.as_array().unwrap().len(), 5, "{told:#}");
}

#[test]
fn what_cannot_be_declared_is_refused_in_words() {
    let shell = Shell::new();
    added(&shell, &[API, "--scope", "read"]);
    for (words, said) in [
        (&["https://b.example", "--scope", "read"][..], "share the scope read"),
        (&["https://b.example", "--scope", "openid"], "OpenID Connect itself"),
        (&["https://b.example", "--lifetime", "2h"], "accept_long_tokens"),
        (&["https://b.example", "--lifetime", "soon"], "such as 90s"),
        (&["https://b.example", "--alg", "PS256"], "algorithms under [keys]"),
        (&["https://b.example", "--client", "none"], "there is no client \"none\""),
        (&["https://b.example", "--format", "opaque", "--default"], "takes JWTs"),
        (&["https://b.example", "--scope", "a", "--scope", "a"], "given twice"),
        (&["http://localhost:8080", "--scope", "a"], "issuer itself"),
        (&["api", "--scope", "a"], "\"api\""),
    ] {
        shell.run(&[&["resource", "add"], words].concat()).bad(said);
    }
    added(&shell, &["https://b.example", "--scope", "b", "--lifetime", "2h", "--accept-long-tokens"]);
    shell.run(&["resource", "show", "https://apl.example"]).bad("did you mean https://api.example?");
    let registered = shell.client(&["--scope", "openid read"]);
    assert_eq!(registered["scope"], "openid read", "the scopes of rows are offered");
}

/// The file wins: what it declares is changed there, and a row that it excludes later is named.
#[test]
fn what_the_file_declares_is_changed_there() {
    let shell = Shell::new();
    let file = "issuer = 'http://localhost:8080'\n\n[[resource]]\nuri = 'https://one.example'\nscopes = ['one']\n\n\
                [[resource]]\nuri = 'https://two.example'\nscopes = ['two']\n";
    shell.file("countersign.toml", file);
    let line = "countersign.toml, line 7";
    shell.run(&["resource", "add", "HTTPS://two.example", "--scope", "x"]).bad(line);
    shell.run(&["resource", "add", "https://three.example", "--scope", "two"]).bad(line);
    shell.run(&["resource", "update", "https://two.example", "--name", "Two"]).bad(line);
    shell.run(&["resource", "remove", "https://two.example"]).bad(line);
    assert!(shell.run(&["resource", "list"]).good().out.contains(line));
    added(&shell, &["https://three.example", "--scope", "three"]);
    let more = "\n[[resource]]\nuri = 'https://four.example'\nscopes = ['three']\n";
    shell.file("countersign.toml", format!("{file}{more}"));
    let listed = shell.run(&["resource", "list"]);
    let said = "\"https://three.example\" is not in force";
    assert!(
        listed.code == 0 && listed.err.contains(said) && listed.err.contains("line 11"),
        "{}",
        listed.err
    );
    assert!(listed.out.contains("not in force"), "{}", listed.out);
    let doctor = shell.run(&["doctor", "--offline"]).out;
    assert!(doctor.contains("https://three.example") && doctor.contains("line 11"), "{doctor}");
    shell.run(&["resource", "remove", "https://three.example"]).good();
    assert!(!shell.run(&["doctor", "--offline"]).out.contains("three.example"));
    shell.file("countersign.toml", format!("{file}{more}lifetime = '2h'\n"));
    shell.run(&["resource", "list"]).bad("line 11");
}

#[test]
fn an_application_has_lifetimes_of_its_own() {
    let shell = Shell::new();
    let client = shell.client(&["--access-token-ttl", "5m", "--id-token-ttl", "90s"]);
    assert_eq!((&client["access_token_ttl"], &client["id_token_ttl"]), (&json!(300), &json!(90)));
    let id = client["client_id"].as_str().unwrap();
    for (words, said) in [
        (["--access-token-ttl", "2h"], "accept_long_tokens"),
        (["--access-token-ttl", "5s"], "at least 10s"),
        (["--id-token-ttl", "2h"], "id_token_ttl is 2h, and must be at most 1h"),
    ] {
        shell.run(&[&["client", "update", id], &words[..]].concat()).bad(said);
    }
    assert_eq!(shell.run(&["client", "update", id, "--access-token-ttl", "soon"]).code, 2);
    let removed = |id: &str| shell.run(&["client", "remove", id]).good().out;
    shell.run(&["client", "update", id, "--clear", "id_token_ttl", "--access-token-ttl", "50m"]).good();
    let other = shell.client(&[]);
    // What was offered once may be out there for as long.
    assert!(removed(other["client_id"].as_str().unwrap()).contains("within 50 min"));
    shell.file("countersign.toml", "[lifetimes]\naccept_long_tokens = true\n");
    shell.run(&["client", "update", id, "--access-token-ttl", "2h"]).good();
    assert!(removed(id).contains("within 2 h"));
}
