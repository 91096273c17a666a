//! `countersign audit`, and the last sign-in that `user` shows.

use countersign::clock::Clock;
use countersign::keys::secrets::vault;
use countersign::protocol::event::{Name, Outcome};
use countersign::store::events::{Actor, Batch, By, Event};
use serde_json::{Value, json};
use time::Duration;

use super::{Shell, serving};

/// A shell in whose database ada failed to sign in two days ago, and signed in an hour ago.
async fn signed_in() -> (Shell, String, String) {
    let shell = Shell::new();
    assert_eq!(shell.run(&["audit", "list", "--json"]).good().json(), json!([]), "looking makes no database");
    assert!(!shell.path("data").exists());
    shell.user("early");
    // The first start makes the keys.
    serving::start(&shell, &[]).end("-TERM");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (ada, app) = (text(&shell.user("ada")["sub"]), text(&shell.client(&[])["client_id"]));
    let (db, config) = (shell.db(), shell.config());
    let vault = vault(&db, &config.instance_key).unwrap().unwrap();
    let (batch, now) = (Batch::new(db), Clock::default().now());
    let by = |actor| By::from(actor).in_request("a-request", "192.0.2.0/24", &vault);
    let event = |name, actor| Event::new(name, &by(actor)).about(&ada).client(&app);
    let refused = event(Name::SessionRefused, Actor::Unknown).ended(Outcome::WrongPassword);
    batch.note(refused.personal("address", "192.0.2.7").with("known_device", true), now - Duration::days(2));
    let began = event(Name::SessionBegan, Actor::Person(ada.clone()));
    batch.note(began.personal("address", "192.0.2.8"), now - Duration::HOUR);
    batch.end(now).await.unwrap();
    (shell, ada, app)
}

#[actix_web::test]
async fn events_are_listed_by_person_application_name_and_time() {
    let (shell, ada, app) = signed_in().await;
    let listed = |more: &[&str]| -> Vec<Value> {
        let words = [&["audit", "list", "--json"], more].concat();
        shell.run(&words).good().json().as_array().unwrap().clone()
    };
    let names = |more: &[&str]| -> Vec<String> {
        listed(more).iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect()
    };
    for (more, expected) in [
        (&["--person", "Ada"][..], &["person.created", "session.began", "session.refused"][..]),
        (&["--person", &ada, "--event", "session.*"], &["session.began", "session.refused"]),
        (&["--person", "ada", "--since", "24h"], &["person.created", "session.began"]),
        (
            &["--person", "ada", "--since", "2020-02-29"],
            &["person.created", "session.began", "session.refused"],
        ),
        (&["--person", "ada", "--since", "2020-02-29T00:00:00+01:00", "--limit", "1"], &["person.created"]),
        (&["--client", &app], &["app.created", "session.began", "session.refused"]),
        (&["--client", &app, "--event", "session.refused"], &["session.refused"]),
        (&["--client", "none"], &[]),
        (&["--person", "early"], &["person.created"]),
    ] {
        assert_eq!(names(more), expected, "{more:?}");
    }
    let refused = listed(&["--event", "session.refused"]).remove(0);
    for (member, expected) in [
        ("outcome", json!("wrong_password")),
        ("actor_kind", json!("unknown")),
        ("login", json!("ada")),
        ("subject", json!(ada)),
        ("via", json!("page")),
        ("request_id", json!("a-request")),
        ("context", json!({ "known_device": true })),
        ("personal", json!({ "address": "192.0.2.7" })),
        ("sealed", json!(false)),
    ] {
        assert_eq!(refused[member], expected, "{member}: {refused}");
    }
    assert!(!refused["network"].as_str().unwrap().contains("192"), "{refused}");
    let text = shell.run(&["audit", "list", "--person", "ada"]).good().out;
    for words in
        ["OUTCOME", "session.refused", "wrong_password", "address=192.0.2.7", "known_device=yes", "login=ada"]
    {
        assert!(text.contains(words), "{words}\n{text}");
    }
    // Before there was an instance key nothing could be sealed, and that is said.
    let early = listed(&["--person", "early"]).remove(0);
    assert!(early["context"]["left_out"].is_string() && early["personal"].is_null(), "{early}");
    assert_eq!(early["actor_kind"], "cli");
    assert!(early["actor"].is_string(), "the operating system's user: {early}");
}

#[actix_web::test]
async fn without_the_key_personal_detail_stays_sealed() {
    let (shell, ada, _) = signed_in().await;
    let refused =
        || shell.run(&["audit", "list", "--event", "session.refused", "--json"]).good().json()[0].clone();
    std::fs::rename(shell.path("keys"), shell.path("away")).unwrap();
    let closed = refused();
    assert_eq!((&closed["sealed"], &closed["personal"]), (&json!(true), &Value::Null));
    let text = shell.run(&["audit", "list", "--person", "ada"]).good().out;
    assert!(text.contains("(sealed)") && !text.contains("192.0.2"), "{text}");
    std::fs::rename(shell.path("away"), shell.path("keys")).unwrap();
    assert_eq!(refused()["sealed"], json!(false));
    crate::store::execute(&shell.db(), &format!("DELETE FROM person_keys WHERE person = '{ada}'")).unwrap();
    assert_eq!(refused()["sealed"], json!(true), "the person's key is gone");
}

#[actix_web::test]
async fn people_are_shown_with_their_last_sign_in() {
    let (shell, _, app) = signed_in().await;
    let shown = shell.run(&["user", "show", "ada", "--json"]).good().json();
    assert_eq!(shown["last_sign_in"]["client"], json!(app));
    let at = shown["last_sign_in"]["at"].as_str().unwrap().to_owned();
    let text = shell.run(&["user", "show", "ada"]).good().out;
    assert!(text.contains(&format!("{at} for {app}")), "{text}");
    let list = shell.run(&["user", "list", "--json"]).good().json();
    assert_eq!((&list[0]["last_sign_in"]["at"], &list[1]["last_sign_in"]), (&json!(at), &Value::Null));
    let text = shell.run(&["user", "list"]).good().out;
    assert!(text.contains("LAST SIGN-IN") && text.contains(&at) && text.contains("never"), "{text}");
    // Events are swept, this stays.
    crate::store::execute(&shell.db(), "DELETE FROM events").unwrap();
    assert_eq!(shell.run(&["user", "show", "ada", "--json"]).good().json()["last_sign_in"]["at"], json!(at));
}

#[test]
fn what_is_asked_wrongly_is_said_so() {
    let shell = Shell::new();
    shell.user("ada");
    for (words, saying) in [
        (["--event", "sesion.refused"], "did you mean \"session.refused\"?"),
        (["--event", "nothing.like.it.at.all"], "these are: session.began"),
        (["--event", "*"], "there is no event"),
        (["--since", "yesterday"], "neither a span such as 90d"),
        (["--since", "0d"], "neither a span"),
        (["--person", "nobody"], "no person with the login name"),
    ] {
        shell.run(&[&["audit", "list"][..], &words].concat()).bad(saying);
    }
}
