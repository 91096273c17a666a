//! `countersign client update` and `countersign user update`: everything can be changed, and nothing is lost.

use countersign::secret::TokenHash;
use countersign::store::users;
use serde_json::{Map, Value, json};

use super::{Done, Shell, serving};
use crate::store::{execute, lines};

/// Changes an application, and gives what was printed.
fn update(shell: &Shell, id: &str, words: &[&str]) -> Map<String, Value> {
    shell.run(&[&["client", "update", id, "--json"], words].concat()).good().object()
}

fn secret_hash(shell: &Shell, id: &str) -> Vec<String> {
    let hash =
        format!("SELECT hex(hash) AS line FROM client_secrets WHERE client_id = '{id}' AND ends_at IS NULL");
    lines(&shell.db(), &hash)
}

#[test]
fn every_member_of_an_application_can_be_changed_and_taken_away() {
    let shell = Shell::new();
    let added = shell.client(&["--logo-uri", "https://album.example/logo.png"]);
    let id = added["client_id"].as_str().unwrap();
    let (ada, secret) = (shell.user("ada"), secret_hash(&shell, id));
    let consent = format!(
        "INSERT INTO consents (user_id, client_id, scopes, resources, granted_at, used_at) \
         VALUES ('{}', '{id}', 'openid', '[]', 1, 1)",
        ada["sub"].as_str().unwrap()
    );
    execute(&shell.db(), &consent).unwrap();

    let second = "https://album.example/second";
    let changed = update(&shell, id, &["--add-redirect-uri", second, "--name", "Photos"]);
    assert_eq!(changed["redirect_uris"], json!(["https://album.example/callback", second]));
    assert_eq!((&changed["client_name"], changed.get("client_secret")), (&json!("Photos"), None));
    assert_eq!(changed["changed"], json!(["client_name", "redirect_uris"]));
    let changed = update(&shell, id, &["--remove-redirect-uri", "https://album.example/callback"]);
    assert_eq!(changed["redirect_uris"], json!([second]));
    let file = json!({ "policy_uri": "https://album.example/policy", "tos_uri": "https://album.example/tos",
        "initiate_login_uri": "https://album.example/in", "default_max_age": 60, "client_name#de": "Fotos",
        "default_acr_values": ["urn:countersign:acr:1"], "allowed_cors_origins": ["https://album.example"],
        "logo_uri": null });
    let file = shell.file("changes.json", file.to_string());
    let flags = [
        "--metadata", &file, "--native", "--first-party", "--scope", "openid email", "--id-token-alg",
        "ES256", "--client-uri", "https://album.example", "--no-require-pkce", "--auth-method",
        "client_secret_post", "--redirect-uri", "com.example.album:/callback",
        "--add-post-logout-redirect-uri", "https://album.example/bye",
    ];
    let changed = update(&shell, id, &flags);
    for (name, value) in [
        ("policy_uri", json!("https://album.example/policy")),
        ("tos_uri", json!("https://album.example/tos")),
        ("initiate_login_uri", json!("https://album.example/in")),
        ("default_max_age", json!(60)),
        ("client_name#de", json!("Fotos")),
        ("default_acr_values", json!(["urn:countersign:acr:1"])),
        ("allowed_cors_origins", json!(["https://album.example"])),
        ("application_type", json!("native")),
        ("first_party", json!(true)),
        ("scope", json!("email openid")),
        ("id_token_signed_response_alg", json!("ES256")),
        ("client_uri", json!("https://album.example")),
        ("require_pkce", json!(false)),
        ("token_endpoint_auth_method", json!("client_secret_post")),
        ("redirect_uris", json!(["com.example.album:/callback"])),
        ("post_logout_redirect_uris", json!(["https://album.example/bye"])),
    ] {
        assert_eq!(changed[name], value, "{name}");
    }
    assert!(!changed.contains_key("logo_uri"), "null takes a member away");
    let back = [
        "--redirect-uri", "https://album.example/callback", "--web", "--third-party", "--require-pkce",
        "--clear", "policy_uri", "--clear", "tos_uri", "--clear", "initiate_login_uri", "--clear",
        "default_max_age", "--clear", "client_name#de", "--clear", "default_acr_values", "--clear",
        "allowed_cors_origins", "--clear", "scope", "--clear", "client_uri", "--clear",
        "id_token_signed_response_alg", "--remove-post-logout-redirect-uri", "https://album.example/bye",
        "--auth-method", "client_secret_basic", "--name", "Album",
    ];
    let changed = update(&shell, id, &back);
    let names = |of: &Map<String, Value>| {
        let mut names: Vec<String> = of.keys().cloned().collect();
        names.sort();
        names.retain(|name| !name.starts_with("client_secret") && name != "logo_uri" && name != "changed");
        names
    };
    assert_eq!(names(&changed), names(&added));
    assert_eq!(secret_hash(&shell, id), secret, "the secret stays");
    assert_eq!(lines(&shell.db(), "SELECT scopes AS line FROM consents"), ["openid"], "and so do consents");
    assert_eq!(update(&shell, id, &["--name", "Album"])["changed"], json!([]));
    let told =
        lines(&shell.db(), "SELECT context AS line FROM events WHERE event = 'app.changed' ORDER BY id");
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!(told[0], r#"{"changed":["client_name","redirect_uris"]}"#);
}

#[test]
fn a_secret_is_made_or_dropped_when_the_method_asks_for_it() {
    let shell = Shell::new();
    let added = shell.client(&[]);
    let id = added["client_id"].as_str().unwrap();
    let done = shell.run(&["client", "update", id, "--public"]).good();
    assert!(done.out.contains("it is public now, and its client_secret is gone"), "{}", done.out);
    assert_eq!(secret_hash(&shell, id), Vec::<String>::new());
    shell.run(&["client", "rotate-secret", id]).bad("is public");
    shell.run(&["client", "update", id, "--no-require-pkce"]).bad("a public client cannot do without PKCE");
    let changed = update(&shell, id, &["--auth-method", "client_secret_post"]);
    let made = changed["client_secret"].as_str().unwrap();
    let hash = data_encoding::HEXUPPER.encode(TokenHash::of(made).as_bytes());
    assert_eq!(secret_hash(&shell, id), [hash]);
    let given = "g".repeat(40);
    let file = shell.file("secret.json", json!({ "client_secret": given, "client_id": id }).to_string());
    let done = shell.run(&["client", "update", id, "--metadata", &file]).good();
    assert!(done.out.contains("it has the client_secret that was given") && !done.out.contains(&given));
    let events = lines(&shell.db(), "SELECT event AS line FROM events WHERE client IS NOT NULL ORDER BY id");
    let expected = ["app.created", "app.changed", "app.changed", "app.secret.rotated", "app.secret.rotated"];
    assert_eq!(events, expected);
}

#[test]
fn what_no_new_application_could_have_no_changed_one_has() {
    let shell = Shell::new();
    let added = shell.client(&[]);
    let id = added["client_id"].as_str().unwrap();
    let other = shell.file("other.json", json!({ "client_id": "other" }).to_string());
    let before = shell.run(&["client", "show", id, "--json"]).good().out;
    for (words, saying) in [
        (&[][..], "nothing is to be changed"),
        (&["--add-redirect-uri", "http://album.example/cb"], "redirect_uri \"http://album.example/cb\""),
        (&["--remove-redirect-uri", "https://album.example/x"], "has no \"https://album.example/x\"; it has"),
        (&["--remove-redirect-uri", "https://album.example/callback"], "at least one redirect_uri"),
        (&["--clear", "redirect_uris"], "at least one redirect_uri"),
        (&["--clear", "client_name"], "client_name must have"),
        (&["--clear", "nonsense"], "there is no member of this name"),
        (&["--clear", "scope", "--scope", "openid"], "exclude each other"),
        (&["--name", "A\u{7}"], "U+0007"),
        (&["--name", "\u{AD}"], "client_name must have"),
        (&["--scope", "\"x\""], "cannot be the name of a scope"),
        (&["--id-token-alg", "PS256"], "PS256 is not configured"),
        (&["--metadata", &other], "client_id other cannot become another"),
    ] {
        shell.run(&[&["client", "update", id], words].concat()).bad(saying);
    }
    assert_eq!(shell.run(&["client", "show", id, "--json"]).good().out, before);
    shell.run(&["client", "update", "nobody", "--name", "X"]).bad("there is no client \"nobody\"");
    let done = shell.run(&["client", "update", id, "--name", "A\u{AD}B", "--json"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.err.contains("left out of client_name what is invisible: U+00AD"), "{}", done.err);
    assert_eq!(done.object()["client_name"], "AB");
}

#[test]
fn a_person_is_renamed_and_told_of_otherwise() {
    let shell = Shell::new();
    let ada = shell.user("ada");
    let sub = ada["sub"].as_str().unwrap().to_owned();
    let update = |words: &[&str]| shell.run(&[&["user", "update", "--json"], words].concat()).good().object();
    let changed = update(&["ada", "--login", "Countess", "--name", "Ada", "--email", "ada@example.com"]);
    assert_eq!((&changed["sub"], &changed["login"]), (&json!(sub), &json!("Countess")));
    let claims = json!({ "name": "Ada", "email": "ada@example.com", "email_verified": false });
    assert_eq!(changed["claims"], claims);
    assert_eq!(changed["changed"], json!(["login", "email", "email_verified", "name"]));
    shell.run(&["user", "show", "ada"]).bad("there is no person");
    let changed = update(&["countess", "--email-verified"]);
    assert_eq!(changed["claims"]["email_verified"], json!(true));
    let found = |typed: &str| {
        let db = shell.db();
        let found = actix_web::rt::System::new().block_on(users::by_name_or_address(&db, typed)).unwrap();
        found.map(|found| found.user.id)
    };
    assert_eq!(found("ada@example.com").as_deref(), Some(sub.as_str()));
    // Another address is not verified because the one before was; the old one signs in no more.
    let changed = update(&["countess", "--email", "new@example.com"]);
    assert_eq!(changed["claims"]["email_verified"], json!(false));
    assert_eq!((found("ada@example.com"), found("new@example.com")), (None, None));
    let file = json!({ "nickname": "Ada", "groups": ["staff"], "name": null });
    let file = shell.file("claims.json", file.to_string());
    let changed = update(&[&sub, "--claims", &file, "--clear", "email"]);
    assert_eq!(changed["claims"], json!({ "nickname": "Ada", "groups": ["staff"] }));
    assert_eq!(update(&["countess", "--clear", "email"])["changed"], json!([]));
    shell.user("grace");
    for (words, saying) in [
        (&["countess"][..], "nothing is to be changed"),
        (&["countess", "--login", "GRACE"], "is taken"),
        (&["countess", "--login", "gr\u{AD}ace"], "U+00AD"),
        (&["countess", "--email-verified"], "needs an address"),
        (&["countess", "--email", "nope"], "no e-mail address"),
        (&["countess", "--name", "x", "--clear", "name"], "exclude each other"),
        (&["nobody", "--name", "x"], "there is no person"),
    ] {
        shell.run(&[&["user", "update"], words].concat()).bad(saying);
    }
    let other = shell.file("other.json", json!({ "preferred_username": "grace" }).to_string());
    shell
        .run(&["user", "update", "countess", "--claims", &other])
        .bad("preferred_username must be the login");
}

#[test]
fn a_word_says_what_it_read_when_nothing_is_found() {
    let shell = Shell::new();
    shell.run(&["client", "show", "x"]).bad("no configuration file and no COUNTERSIGN_ variable is set here");
    let words = ["client", "add", "--name", "A", "--redirect-uri", "https://a.example/cb"];
    let made = shell.run(&words).good().out;
    assert!(
        made.contains("This made a new database, sqlite:data/countersign.db; no configuration"),
        "{made}"
    );
    assert!(!shell.run(&words).good().out.contains("new database"));
    shell
        .run(&["client", "show", "x"])
        .bad("looked for in sqlite:data/countersign.db; no configuration file");
    shell.file("countersign.toml", "data_dir = 'data'");
    shell.run(&["user", "show", "x"]).bad("settings were read from ./countersign.toml: is this");
    let named = shell.file("other.toml", "data_dir = 'data'");
    let mut command = shell.command(&["user", "show", "x", "--config", &named]);
    let done = Done::of(command.env("COUNTERSIGN_LOG", "warn").spawn().unwrap());
    done.bad("settings were read from other.toml, COUNTERSIGN_LOG: is this");
}

/// A change reaches a server that runs.
#[actix_web::test]
async fn a_changed_application_is_live_within_five_seconds() {
    let shell = Shell::new();
    let port = crate::support::redis::free_port().to_string();
    let (issuer, listen) = (format!("http://localhost:{port}"), format!("localhost:{port}"));
    let settings = [("COUNTERSIGN_ISSUER", issuer.as_str()), ("COUNTERSIGN_LISTEN", listen.as_str())];
    let server = serving::start(&shell, &settings);
    let id = shell.client(&[])["client_id"].as_str().unwrap().to_owned();
    let added = "https://album.example/added";
    let query = [
        ("client_id", id.as_str()),
        ("redirect_uri", added),
        ("response_type", "code"),
        ("scope", "openid"),
        ("code_challenge_method", "S256"),
        ("code_challenge", crate::support::rp::CHALLENGE),
    ];
    let address = url::Url::parse_with_params(&format!("{issuer}/authorize"), query).unwrap();
    let http =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let status = async || http.get(address.clone()).send().await.unwrap().status().as_u16();
    assert_eq!(status().await, 400);
    update(&shell, &id, &["--add-redirect-uri", added]);
    let begun = std::time::Instant::now();
    while status().await == 400 {
        assert!(begun.elapsed() < std::time::Duration::from_secs(6), "it is not live");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(server.end("-TERM").code, 0);
}

/// What people are called is all that an application knows them by.
#[test]
fn a_change_of_what_people_are_called_is_warned_of() {
    let shell = Shell::new();
    let client = shell.client(&[]);
    let id = client["client_id"].as_str().unwrap();
    assert!(!client.contains_key("subject_type"));
    for (words, value, warned) in [
        (&["--subject-type", "pairwise"][..], json!("pairwise"), true),
        (&["--name", "Photos"], json!("pairwise"), false),
        (&["--add-redirect-uri", "https://album.example/second"], json!("pairwise"), false),
        (&["--redirect-uri", "https://photos.example/callback"], json!("pairwise"), true),
        (&["--clear", "subject_type"], Value::Null, true),
        (&["--subject-type", "public"], Value::Null, false),
    ] {
        let done = shell.run(&[&["client", "update", id, "--json"], words].concat());
        assert_eq!(done.code, 0, "{words:?}: {}", done.err);
        assert_eq!(
            done.err.contains("knows its people by other subs from now on"),
            warned,
            "{words:?}: {}",
            done.err
        );
        assert_eq!(done.object().get("subject_type").cloned().unwrap_or_default(), value, "{words:?}");
    }
    let pairwise =
        ["client", "update", id, "--subject-type", "pairwise", "--add-redirect-uri", "https://b.example/"];
    shell.run(&pairwise).bad("needs a sector_identifier_uri");
    let document = ["--sector-identifier-uri", "http://127.0.0.1:9/clients.json"];
    shell.run(&[&pairwise[..], &document].concat()).bad("sector_identifier_uri: ");
}
