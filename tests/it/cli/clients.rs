//! `countersign client`.
//!
//! Holds `cli/client/mod.rs`, `protocol/client/metadata.rs`.

use countersign::protocol::client::{Client, ClientSecret, Metadata, SigningAlg};
use countersign::protocol::subject::SubjectType;
use countersign::secret::TokenHash;
use countersign::store::clients;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::{Done, Shell};
use crate::store::lines;

fn stored(shell: &Shell, id: &str) -> Client {
    let db = shell.db();
    actix_web::rt::System::new().block_on(clients::by_id(&db, id)).unwrap().unwrap()
}

fn newest(shell: &Shell, id: &str) -> Option<ClientSecret> {
    stored(shell, id).secrets.newest().cloned()
}

/// People move here with the ids that their applications have.
#[test]
fn an_operator_may_choose_any_id_and_either_name_of_ed25519() {
    let shell = Shell::new();
    shell.file("countersign.toml", "[keys]\nalgorithms = ['RS256', 'ES256', 'Ed25519']");
    let longest = "x".repeat(255);
    for id in ["urn:app:one", "my.app", "https://sp.example/app?x=%41", "!~", &longest] {
        let client = shell.client(&["--id", id, "--id-token-alg", "Ed25519"]);
        assert_eq!(
            (&client["client_id"], &client["id_token_signed_response_alg"]),
            (&json!(id), &json!("Ed25519"))
        );
        let shown = shell.run(&["client", "show", id, "--json"]).good().json();
        assert_eq!(
            (&shown["client_id"], &shown["id_token_signed_response_alg"]),
            (&json!(id), &json!("Ed25519"))
        );
    }
    let add = ["client", "add", "--name", "App", "--redirect-uri", "https://app.example/cb"];
    for id in ["", "a b", "caf\u{e9}", "a\tb", "\u{7f}", &"x".repeat(256)] {
        shell.run(&[&add[..], &["--id", id]].concat()).bad("printable ASCII characters");
    }
    shell.run(&[&add[..], &["--id", "my.app"]].concat()).bad("my.app");
}

#[test]
fn adding_on_a_fresh_directory_makes_the_database_and_no_key() {
    let shell = Shell::new();
    let client = shell.client(&[]);
    let (id, secret) = (client["client_id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    assert!(id.len() >= 22 && plain(id) && !id.starts_with('-'), "{id}");
    assert!(secret.len() == 53 && plain(secret));
    assert!(newest(&shell, id).unwrap().hash.matches(&TokenHash::of(secret)));
    assert_eq!(client["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(client["grant_types"], json!(["authorization_code"]));
    assert!(!shell.path("keys").exists());
    let bytes = std::fs::read(shell.path("data/countersign.db")).unwrap();
    assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()));
}

#[test]
fn text_says_what_to_do_next_and_json_only_what_is() {
    let shell = Shell::new();
    let words = ["client", "add", "--name", "Album", "--redirect-uri", "http://localhost:3000/callback"];
    let out = shell.run(&words).good().out;
    for part in [
        "client_id",
        "client_secret",
        "never again",
        "http://localhost:8080/.well-known/openid-configuration",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert!(out.contains("countersign user add LOGIN"));
    shell.user("ada");
    assert!(!shell.run(&words).good().out.contains("user add"));
}

#[test]
fn flags_become_metadata() {
    let shell = Shell::new();
    let flags = [
        "--native", "--first-party", "--public", "--scope", "openid email", "--id-token-alg", "ES256",
        "--client-uri", "https://album.example", "--logo-uri", "https://album.example/logo.png",
        "--post-logout-redirect-uri", "https://album.example/bye", "--redirect-uri",
        "com.example.album:/callback", "--subject-type", "pairwise", "--userinfo-alg", "RS256",
        "--default-max-age", "0", "--default-acr-value", "urn:countersign:acr:1", "--require-auth-time",
    ];
    let client = shell.client(&flags);
    let expected = json!({
        "application_type": "native",
        "client_name": "Album",
        "client_uri": "https://album.example",
        "default_acr_values": ["urn:countersign:acr:1"],
        "default_max_age": 0,
        "first_party": true,
        "grant_types": ["authorization_code"],
        "id_token_signed_response_alg": "ES256",
        "logo_uri": "https://album.example/logo.png",
        "post_logout_redirect_uris": ["https://album.example/bye"],
        "redirect_uris": ["https://album.example/callback", "com.example.album:/callback"],
        "require_auth_time": true,
        "require_pkce": true,
        "response_types": ["code"],
        "scope": "email openid",
        "subject_type": "pairwise",
        "token_endpoint_auth_method": "none",
        "userinfo_signed_response_alg": "RS256",
    });
    let mut without_id = client.clone();
    without_id.remove("client_id");
    assert_eq!(Value::Object(without_id), expected);
    assert!(newest(&shell, client["client_id"].as_str().unwrap()).is_none());
    let post = shell.client(&["--auth-method", "client_secret_post", "--no-require-pkce"]);
    assert_eq!(
        (&post["require_pkce"], &post["token_endpoint_auth_method"]),
        (&json!(false), &json!("client_secret_post"))
    );
}

#[test]
fn a_file_may_bring_everything_and_flags_win() {
    let shell = Shell::new();
    let secret = "0123456789abcdef0123456789abcdef";
    let file = json!({
        "client_id": "suite-client_1", "client_secret": secret, "client_name": "From the file",
        "redirect_uris": ["https://a.example/cb"], "grant_types": ["authorization_code"],
        "response_types": ["code"], "subject_type": "public", "default_max_age": 60, "jwks": null,
        "logo_uri": "https://a.example/logo.png", "contacts": ["a@a.example"], "scope": "openid offline_access",
    });
    let file = shell.file("client.json", file.to_string());
    let done = shell.run(&["client", "add", "--metadata", &file, "--name", "From the flag", "--json"]);
    assert_eq!(done.code, 0);
    let warnings: Vec<&str> = done.err.lines().collect();
    assert_eq!(warnings.len(), 2, "{}", done.err);
    assert!(
        warnings[0].contains("warning: contacts")
            && warnings[1].contains("needs the grant type refresh_token")
    );
    let client = done.object();
    assert_eq!((&client["client_name"], &client["default_max_age"]), (&json!("From the flag"), &json!(60)));
    assert!(newest(&shell, "suite-client_1").unwrap().hash.matches(&TokenHash::of(secret)));
    shell
        .run(&["client", "add", "--metadata", &file, "--json"])
        .bad("change it (countersign client update suite-client_1), or leave client_id out");
}

#[test]
fn what_was_printed_can_be_read_again() {
    let shell = Shell::new();
    let mut client = shell.client(&["--no-require-pkce", "--scope", "openid"]);
    let id = client["client_id"].as_str().unwrap().to_owned();
    shell.run(&["client", "remove", &id]).good();
    let file = shell.file("again.json", Value::Object(client.clone()).to_string());
    assert_eq!(shell.run(&["client", "add", "--metadata", &file, "--json"]).good().object(), client);
    client.retain(|name, _| !name.starts_with("client_secret"));
    let mut shown = shell.run(&["client", "show", &id, "--json"]).good().object();
    assert_eq!(shown.remove("secrets").map(|secrets| secrets.as_array().unwrap().len()), Some(1));
    assert_eq!(shown, client);
    assert_eq!(shell.run(&["client", "list", "--json"]).good().json(), json!([client]));
}

#[test]
fn names_and_pages_may_be_given_in_several_languages() {
    let shell = Shell::new();
    let members = json!({
        "client_name": "Field Notes", "client_name#de": "Feldnotizen", "client_name#zh-Hant-TW": "田野筆記",
        "policy_uri#de": "https://a.example/datenschutz", "redirect_uris": ["https://a.example/cb"],
    });
    let with = |name: &str, value: Value| {
        let mut members = members.clone();
        members[name] = value;
        let file = shell.file("client.json", members.to_string());
        shell.run(&["client", "add", "--metadata", &file, "--json"])
    };
    let client = with("client_name#fr", json!(null)).good().object();
    for (name, value) in members.as_object().unwrap() {
        assert_eq!(client.get(name), Some(value), "{name}");
    }
    assert!(!client.contains_key("client_name#fr"));
    let metadata = stored(&shell, client["client_id"].as_str().unwrap()).metadata;
    assert_eq!((metadata.name_in("de"), metadata.name_in("en")), ("Feldnotizen", "Field Notes"));
    for (name, value, saying) in [
        ("client_name#fr", json!(5), "client_name#fr must be a string"),
        ("client_name#fr", json!(" "), "1 to 120"),
        ("client_name#fr", json!("é".repeat(121)), "1 to 120"),
        ("tos_uri#fr", json!("http://a.example/"), "tos_uri"),
        ("client_uri#fr", json!("javascript:alert(1)"), "client_uri"),
    ] {
        with(name, value).bad(saying);
    }
    for name in ["client_name", "client_name#fr"] {
        let cleaned = with(name, json!("a\u{202E}b"));
        assert!(
            cleaned.err.contains(&format!("left out of {name} what is invisible: U+202E")),
            "{}",
            cleaned.err
        );
        assert_eq!(cleaned.object()[name], "ab");
    }
    for name in ["scope#de", "client_name#", "client_name#x_y", "client_name#de-", "redirect_uris#de"] {
        let done = with(name, json!("openid"));
        assert_eq!(done.code, 0, "{name}");
        assert!(done.err.contains(&format!("{name} is not known")), "{}", done.err);
        assert!(!done.object().contains_key(name));
    }
}

#[test]
fn every_member_that_is_stored_is_known() {
    let shell = Shell::new();
    let all = Metadata {
        client_uri: Some("https://a.example".into()),
        logo_uri: Some("https://a.example/logo.png".into()),
        policy_uri: Some("https://a.example/policy".into()),
        tos_uri: Some("https://a.example/terms".into()),
        initiate_login_uri: Some("https://a.example/login".into()),
        default_max_age: Some(1),
        userinfo_signed_response_alg: Some(SigningAlg::ES256.into()),
        subject_type: SubjectType::Pairwise,
        require_auth_time: Some(true),
        require_pkce: Some(true),
        allowed_cors_origins: Some(vec!["https://a.example".into()]),
        ..Metadata::default()
    };
    let mut all = serde_json::to_value(all).unwrap();
    for (name, value) in [
        ("client_name", json!("A")),
        ("redirect_uris", json!(["https://a.example/cb"])),
        ("post_logout_redirect_uris", json!(["https://a.example/bye"])),
        ("scope", json!("openid")),
        ("client_name#de", json!("B")),
    ] {
        all[name] = value;
    }
    let file = shell.file("all.json", all.to_string());
    let client = shell.run(&["client", "add", "--metadata", &file, "--json"]).good().object();
    for (name, value) in all.as_object().unwrap() {
        assert_eq!(client.get(name), Some(value), "{name}");
    }
}

#[test]
fn what_cannot_be_had_is_refused() {
    let shell = Shell::new();
    let cases = [
        (json!({ "grant_types": ["authorization_code", "urn:example:other"] }), "urn:example:other"),
        (json!({ "grant_types": "authorization_code" }), "grant_types must be a list"),
        (json!({ "grant_types": [] }), "grant_types must be a list"),
        (json!({ "response_types": ["code id_token"] }), "code id_token"),
        (json!({ "token_endpoint_auth_method": "tls_client_auth" }), "token_endpoint_auth_method must be"),
        (json!({ "id_token_signed_response_alg": "none" }), "must be \"RS256\", \"ES256\""),
        (json!({ "id_token_signed_response_alg": "PS256" }), "algorithms under [keys]"),
        (json!({ "userinfo_signed_response_alg": "none" }), "userinfo_signed_response_alg must be"),
        (json!({ "id_token_encrypted_response_enc": "A256GCM" }), "id_token_encrypted_response_enc"),
        (json!({ "subject_type": "ephemeral" }), "subject_type must be"),
        (json!({ "sector_identifier_uri": "https://10.0.0.1/" }), "not one of the public network"),
        (json!({ "require_signed_request_object": true }), "require_signed_request_object"),
        (json!({ "client_secret": "too short" }), "at least 32"),
        (json!({ "client_secret": 5 }), "client_secret must be a string"),
        (json!({ "client_id": "a b" }), "client_id"),
        (json!({ "client_id": "caf\u{e9}" }), "client_id"),
        (json!({ "client_id": "" }), "client_id"),
        (json!({ "client_id": "a".repeat(256) }), "client_id"),
        (json!({ "client_name": "a\nb" }), "U+000A"),
        (json!({ "client_name": " " }), "client_name"),
        (json!({ "client_name": ["x"] }), "client_name must be a string"),
        (json!({ "redirect_uris": [] }), "at least one redirect_uri"),
        (json!({ "redirect_uris": ["https://*.example"] }), "wildcards"),
        (json!({ "redirect_uris": ["http://a.example/cb"] }), "scheme"),
        (json!({ "default_max_age": -1 }), "whole number"),
        (
            json!({ "token_endpoint_auth_method": "none", "client_secret": "s".repeat(40) }),
            "no client_secret",
        ),
        (json!({ "token_endpoint_auth_method": "none", "require_pkce": false }), "PKCE"),
        (json!({ "scope": "open\"id" }), "cannot be the name of a scope"),
    ];
    for (members, saying) in cases {
        let mut all = json!({ "client_name": "A", "redirect_uris": ["https://a.example/cb"] });
        all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let file = shell.file("client.json", all.to_string());
        shell.run(&["client", "add", "--metadata", &file]).bad(saying);
    }
    for text in ["", "[]", "nope", "{", "\u{FEFF}{}", &"[".repeat(100_000)] {
        let file = shell.file("client.json", text);
        shell.run(&["client", "add", "--metadata", &file]).bad("client.json");
    }
    let public = ["client", "add", "--name", "A", "--redirect-uri", "https://a.example", "--public"];
    shell.run(&[&public[..], &["--auth-method", "client_secret_post"]].concat()).bad("exclude each other");
    assert_eq!(shell.run(&["client", "list", "--json"]).good().json(), json!([]));
}

#[test]
fn a_new_secret_works_beside_the_old_one_for_a_while() {
    let shell = Shell::new();
    let client = shell.client(&[]);
    let id = client["client_id"].as_str().unwrap();
    let secret_of =
        |json: &serde_json::Map<String, Value>| json["client_secret"].as_str().unwrap().to_owned();
    let live = || -> Vec<TokenHash> {
        stored(&shell, id).secrets.live(OffsetDateTime::now_utc()).map(|secret| secret.hash).collect()
    };
    let are = |hashes: &[TokenHash], secrets: &[&String]| {
        hashes.len() == secrets.len()
            && hashes.iter().zip(secrets).all(|(hash, secret)| hash.matches(&TokenHash::of(secret)))
    };
    let first = secret_of(&client);
    assert_eq!((&first[..10], first.len()), ("cs_secret_", 53), "secret scanners know it by its prefix");
    let rotated = shell.run(&["client", "rotate-secret", id, "--json"]).good().object();
    let second = secret_of(&rotated);
    assert!(are(&live(), &[&first, &second]));
    let left = stored(&shell, id).secrets.all()[0].ends_at.unwrap() - OffsetDateTime::now_utc();
    assert!((Duration::hours(23)..=Duration::hours(24)).contains(&left), "{left}");
    let shown = shell.run(&["client", "show", id, "--json"]).good().object();
    let secrets = shown["secrets"].as_array().unwrap();
    assert_eq!((secrets.len(), &secrets[0]["ends_at"], &secrets[1]["live"]), (2, &Value::Null, &json!(true)));
    // A third one would push out one that is in use.
    for said in ["has two secrets already", "was not used since there are two", "--now"] {
        shell.run(&["client", "rotate-secret", id]).bad(said);
    }
    assert!(are(&live(), &[&first, &second]));
    let third = secret_of(&shell.run(&["client", "rotate-secret", id, "--now", "--json"]).good().object());
    assert!(are(&live(), &[&third]));
    let text = shell.run(&["client", "show", id]).good().out;
    assert!(text.contains("works without end") && text.contains(", ended "), "{text}");

    for (flags, said) in [
        (&["--overlap", "59m"][..], "from 1h to 30d"),
        (&["--overlap", "31d"], "from 1h to 30d"),
        (&["--overlap", "soon"], "from 1h to 30d"),
        (&["--secret-expires", "59m"], "from 1h to 3650d"),
    ] {
        shell.run(&[&["client", "rotate-secret", id], flags].concat()).bad(said);
    }
    assert!(are(&live(), &[&third]));
    let words = ["client", "rotate-secret", id, "--overlap", "30d", "--secret-expires", "365d", "--json"];
    let ends = shell.run(&words).good().object()["client_secret_expires_at"].as_i64().unwrap();
    assert_eq!(newest(&shell, id).unwrap().ends_at.unwrap().unix_timestamp(), ends);
    let left = Duration::seconds(ends) - (OffsetDateTime::now_utc() - OffsetDateTime::UNIX_EPOCH);
    assert!((Duration::days(364)..=Duration::days(365)).contains(&left), "{left}");
    assert!(stored(&shell, id).secrets.all().len() <= 4, "what has ended does not pile up");
    let public = shell.client(&["--public"]);
    shell.run(&["client", "rotate-secret", public["client_id"].as_str().unwrap()]).bad("is public");
    let lasting = shell.client(&["--secret-expires", "1h"]);
    assert!(lasting["client_secret_expires_at"].as_i64().unwrap() > 0);
}

#[test]
fn an_application_brings_its_keys_or_gets_a_secret_for_macs() {
    let shell = Shell::new();
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let file = |key: &Value| shell.file("jwks.json", json!({ "keys": [key] }).to_string());
    let words = ["--auth-method", "private_key_jwt", "--jwks"];
    let added = shell.client(&[&words[..], &[file(&key).as_str()]].concat());
    assert_eq!((&added["jwks"]["keys"][0], added.get("client_secret")), (&key, None));
    let id = added["client_id"].as_str().unwrap();
    shell.run(&["client", "rotate-secret", id]).bad("signs with a key of its own");
    let update = |words: &[&str]| shell.run(&[&["client", "update", id], words].concat());
    update(&["--jwks-uri", "https://album.example/jwks"]).bad("exclude each other");
    update(&["--jwks-uri", "https://album.example/jwks", "--clear", "jwks"]).good();
    update(&["--clear", "jwks_uri"]).bad("private_key_jwt needs jwks or jwks_uri");
    let ones = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
    for (key, said) in [
        (json!({ "kty": "oct", "k": "c2VjcmV0" }), "private or symmetric"),
        (json!({ "kty": "EC", "crv": "P-256", "x": ones, "y": ones }), "cannot verify ES256"),
        (json!({ "kty": "EC", "crv": "P-384", "x": "AQAB", "y": "AQAB" }), "none of its keys can verify"),
    ] {
        update(&["--jwks", &file(&key), "--clear", "jwks_uri"]).bad(said);
    }
    // A secret for MACs is a new one, because of the old one there is only the hash.
    let done = update(&["--auth-method", "client_secret_jwt"]).good();
    assert!(done.out.contains("kept here under the instance key"), "{}", done.out);
    let kept = newest(&shell, id).unwrap();
    assert!(kept.sealed.is_some());
    assert_eq!(update(&["--id-token-alg", "HS256", "--json"]).good().object().get("client_secret"), None);
    let plain = shell.client(&[]);
    let words = ["client", "update", plain["client_id"].as_str().unwrap(), "--id-token-alg", "HS256"];
    let done = shell.run(&words).good();
    assert!(done.out.contains("it has a new client_secret, and the old one ends"), "{}", done.out);
}

#[test]
fn a_disabled_application_is_kept_and_shown_as_disabled() {
    let shell = Shell::new();
    let client = shell.client(&[]);
    let id = client["client_id"].as_str().unwrap();
    let shown = || shell.run(&["client", "show", id, "--json"]).good().object();
    let before = shown();
    for (word, said, disabled) in [
        ("disable", "is disabled", true),
        ("disable", "was disabled already", true),
        ("enable", "is enabled again", false),
        ("enable", "was enabled already", false),
    ] {
        let out = shell.run(&["client", word, id]).good().out;
        assert!(out.contains(said) && out.contains(id) && out.contains("Album"), "{out}");
        assert_eq!(shown().get("disabled"), disabled.then_some(&json!(true)), "{word}");
        let show = shell.run(&["client", "show", id]).good().out;
        assert_eq!(show.contains("disabled"), disabled, "{show}");
        let list = shell.run(&["client", "list"]).good().out;
        let state = if disabled { "disabled" } else { "enabled" };
        assert!(list.lines().nth(1).is_some_and(|line| line.contains(state)), "{list}");
        let json = shell.run(&["client", word, id, "--json"]).good().json();
        assert_eq!(json, json!({ "client_id": id, "client_name": "Album", "disabled": disabled }));
    }
    assert_eq!(shown(), before, "nothing else was changed");
    let told = lines(&shell.db(), "SELECT event AS line FROM events WHERE client IS NOT NULL ORDER BY id");
    assert_eq!(told, ["app.created", "app.disabled", "app.enabled"]);
}

/// Both forms of the answer stay as they are, because the change is stored.
#[test]
fn when_the_state_store_is_not_told_it_says_so() {
    let shell = Shell::new();
    let client = shell.client(&[]);
    let id = client["client_id"].as_str().unwrap();
    let toml = shell.file("outage.toml", "state_url = \"redis://127.0.0.1:1\"");
    for (word, said, mend) in [
        ("disable", "codes were not withdrawn", "for up to 5 seconds"),
        ("enable", "codes were not admitted again", "wait, or disable and enable it again"),
        ("remove", "codes were not withdrawn", "for up to 5 seconds"),
    ] {
        let done = shell.run(&["client", word, id, "--json", "--config", &toml]);
        assert_eq!((done.code, done.json()["client_id"].as_str()), (0, Some(id)), "{}", done.err);
        let warning = "countersign: warning: the change is stored, but the application's ";
        assert!(done.err.starts_with(warning) && done.err.contains(said), "{word}: {}", done.err);
        assert!(
            done.err.contains("the state store cannot be reached") && done.err.contains(mend),
            "{}",
            done.err
        );
    }
    shell.run(&["client", "show", id]).bad("there is no client");
}

#[test]
fn removing_says_what_and_an_unknown_one_names_the_nearest() {
    let shell = Shell::new();
    let client = shell.client(&[]);
    let id = client["client_id"].as_str().unwrap();
    let typo = format!("{}x", &id[..id.len() - 1]);
    for near in [&typo, &id[..8], "album"] {
        for word in ["show", "remove", "disable", "enable", "rotate-secret"] {
            shell.run(&["client", word, near]).bad(&format!("did you mean {id}?"));
        }
    }
    shell.run(&["client", "show", "quite-another"]).bad("countersign client list");
    shell.run(&["client", "show", "-another"]).bad("countersign client list");
    let out = shell.run(&["client", "remove", id]).good().out;
    assert!(out.contains(id) && out.contains("Album"), "{out}");
    shell.run(&["client", "remove", id]).bad("and no other");
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let shell = Shell::new();
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let words = ["client", "add", "--name", "A", "--redirect-uri", "https://a.example"];
    let child = shell.command(&words).stdout(full).spawn().unwrap();
    Done::of(child).bad("cannot be written");
}
