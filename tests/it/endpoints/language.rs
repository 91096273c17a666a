//! In which language a page comes, who may say so, and the switch on every page.
//!
//! Holds `web/language.rs`.

use reqwest::Method;
use serde_json::json;

use super::{Outcome, outcome};
use crate::support::app::{PASSWORD, REDIRECT, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::rp::Rp;

/// The language of a page, after making sure that page and header say the same.
fn lang(answer: &Answer) -> String {
    let lang = answer.header("content-language");
    assert!(answer.body.contains(&format!("<html lang=\"{lang}\" dir=\"ltr\">")), "{}", answer.body);
    lang.to_owned()
}

/// Follows the link of a page's footer to the page in its other language.
async fn switch(browser: &Browser, page: &Answer) -> Answer {
    let document = scraper::Html::parse_document(&page.body);
    let link = scraper::Selector::parse("footer a[hreflang]").unwrap();
    let href = document.select(&link).next().expect("a link").attr("href").unwrap().to_owned();
    browser.open(page.url.join(&href).unwrap().as_str()).await
}

#[actix_web::test]
async fn the_applications_wish_comes_before_the_persons_cookie_before_the_browsers_setting() {
    let app = TestApp::start().await;
    let rp = Rp::new(&app, json!({})).await;
    let endless = "de ".repeat(340);
    let table: [(Option<&str>, &str, &str, &str); 20] = [
        (None, "", "", "en"),
        (None, "", "de", "de"),
        (None, "", "de-AT,de;q=0.9,en;q=0.8", "de"),
        (None, "", "fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7", "en"),
        (None, "", "en;q=0.1, de;q=0.7, *;q=0.5", "de"),
        (None, "", "fr", "en"),
        (None, "", ";q=x,,\t", "en"),
        (None, "de", "en", "de"),
        (None, "de.1700000000", "en", "de"),
        (None, "en.99999999999999999999", "de", "en"),
        (None, "de.x.y", "en", "de"),
        (None, "fr", "de", "de"),
        (None, "DE", "", "en"),
        (Some("de"), "en", "en", "de"),
        (Some("de-CH-1996 en"), "", "en", "de"),
        (Some("fr nl de"), "", "", "de"),
        (Some("en"), "de.1700000000", "de", "en"),
        (Some("fr"), "de", "", "de"),
        (Some("\"><script>"), "", "de", "de"),
        (Some(&endless), "", "", "de"),
    ];
    for (wish, cookie, setting, expected) in table {
        let browser = app.browser();
        if !cookie.is_empty() {
            browser.set_cookie(&app.app.cookies.language, cookie);
        }
        let login = browser.open(&rp.authorize(&[("ui_locales", wish)])).await;
        assert_eq!(login.url.path(), "/login");
        let request = browser.request(Method::GET, login.url.as_str());
        let request = if setting.is_empty() { request } else { request.header("accept-language", setting) };
        let login = browser.send(request).await;
        assert_eq!(
            (login.status.as_u16(), lang(&login).as_str()),
            (200, expected),
            "{wish:?} {cookie} {setting}"
        );
        let title = if expected == "de" { "Bei Example App anmelden" } else { "Sign in to Example App" };
        assert_eq!(login.text("h1"), title);
    }
    let too_long = "de ".repeat(342);
    let answer = app.browser().open(&rp.authorize(&[("ui_locales", Some(&too_long))])).await;
    assert_eq!(outcome(&app, &answer), Outcome::error("invalid_request"));
    let twice = rp.authorize(&[("ui_locales", Some("de"))]) + "&ui_locales=en";
    assert_eq!(outcome(&app, &app.browser().open(&twice).await), Outcome::error("invalid_request"));
    app.finish().await;
}

#[actix_web::test]
async fn every_page_of_a_flow_keeps_the_language() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({ "post_logout_redirect_uris": [REDIRECT] })).await;
    let browser = app.browser();
    let (wish, nothing) = ([("ui_locales", Some("de-AT fr"))], [("password", "")]);
    let login = browser.open(&rp.authorize(&wish)).await;
    let missing = browser.submit(&login, &[("username", "ada"), nothing[0]]).await;
    assert_eq!(
        (missing.text("#problem .alert-title"), lang(&missing)),
        ("Es fehlt noch etwas".into(), "de".into())
    );
    let consent = browser.submit(&missing, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert_eq!(consent.text("h1"), "Darf Example App Ihr Konto nutzen?");
    assert_eq!(
        consent.text(".scopes li"),
        "Sie wiedererkennen Die Anwendung erfährt, dass dieses Konto Ihnen gehört, \
        und erkennt es beim nächsten Mal wieder."
    );
    let stop = browser.submit(&consent, &[("decision", "allow")]).await;
    assert_eq!((stop.text("h1"), lang(&stop)), ("Es geht zurück zu Example App".into(), "de".into()));
    assert!(!stop.body.contains("hreflang"));

    // The wish was that request's alone, unless it is said again.
    assert_eq!(lang(&browser.get(&app.at("/")).await), "en");
    let sign_out = browser.open(&app.at("/end_session?ui_locales=de")).await;
    assert_eq!((sign_out.text("h1"), lang(&sign_out)), ("Abmelden?".into(), "de".into()));
    let form = [("client_id", rp.client_id.as_str()), ("ui_locales", "de")];
    let sign_out = browser.follow(browser.post(&app.at("/end_session"), &form).await).await;
    assert_eq!(sign_out.text("h1 + .lead"), "Example App möchte Sie abmelden.");
    let done = browser.submit(&sign_out, &[]).await;
    assert_eq!((done.text("h1"), lang(&done)), ("Sie sind abgemeldet".into(), "de".into()));
    let nobody = browser.open(&app.at("/end_session?ui_locales=fr%20de")).await;
    assert_eq!(
        (nobody.url.as_str(), lang(&nobody)),
        (app.at("/signed-out?ui_locales=de").as_str(), "de".into())
    );

    // A request that was posted keeps its wish as well.
    let posted = url::Url::parse(&rp.authorize(&wish)).unwrap();
    let fields: Vec<(String, String)> = posted.query_pairs().into_owned().collect();
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let elsewhere = app.browser();
    let login = elsewhere.follow(elsewhere.post(&app.at("/authorize"), &fields).await).await;
    assert_eq!((login.url.path(), lang(&login)), ("/login", "de".into()));
    app.finish().await;
}

#[actix_web::test]
async fn the_switch_keeps_the_page_its_ticket_and_the_choice() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let rp = Rp::new(&app, json!({})).await;
    let browser = app.browser();
    let wish = [("ui_locales", Some("en"))];
    let english = browser.open(&rp.authorize(&wish)).await;
    let german = switch(&browser, &english).await;
    assert_eq!((lang(&english), lang(&german), &german.url), ("en".into(), "de".into(), &english.url));
    assert_eq!(german.form().fields, english.form().fields, "the ticket stays");

    // Said last, it overrules what the application asked for at the beginning of this request.
    let consent = browser.submit(&german, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert_eq!((consent.url.path(), lang(&consent)), ("/consent", "de".into()));
    let consent = switch(&browser, &consent).await;
    assert_eq!(lang(&consent), "en");
    let consent = switch(&browser, &consent).await;
    let stop = browser.submit(&consent, &[("decision", "deny")]).await;
    assert_eq!(lang(&stop), "de");

    // It stays where nobody wishes for anything else, and gives way to the wish of a later request.
    assert_eq!(lang(&browser.get(&app.at("/")).await), "de");
    app.clock.advance(time::Duration::seconds(5));
    assert_eq!(lang(&browser.open(&rp.authorize(&[("prompt", Some("login")), wish[0]])).await), "en");
    assert_eq!(lang(&browser.open(&rp.authorize(&[("prompt", Some("login"))])).await), "de");

    // Pages whose wish stands in the address are left by an address without it.
    let asked = browser.get(&app.at("/end_session?state=a%20b&ui_locales=en&x=%2F")).await;
    let german = switch(&browser, &asked).await;
    assert_eq!((lang(&asked), lang(&german)), ("en".into(), "de".into()));
    assert_eq!(german.url.as_str(), app.at("/end_session?state=a%20b&x=%2F"));
    let mistake =
        browser.get(&rp.authorize(&[wish[0], ("redirect_uri", Some("https://evil.example/"))])).await;
    let german = switch(&browser, &mistake).await;
    assert_eq!((lang(&mistake), lang(&german), german.status.as_u16()), ("en".into(), "de".into(), 400));
    app.finish().await;
}

#[actix_web::test]
async fn the_switch_leads_nowhere_else_and_obeys_nobody_else() {
    let app = TestApp::start().await;
    let home = app.at("/");
    let inside = app.at("/login?t=x&y=%2F");
    #[rustfmt::skip]
    let rows = [
        ("/login?t=x&y=%2F", &inside),
        ("/", &home),
        ("", &home),
        ("https://evil.example/", &home),
        ("//evil.example/", &home),
        ("/\\evil.example/", &home),
        ("\\\\evil.example", &home),
        ("/\t/evil.example", &home),
        ("\u{1}//evil.example", &home),
        ("javascript:alert(1)", &home),
        ("http:evil.example", &home),
        ("//user@127.0.0.1/", &home),
        ("@evil.example/", &home),
    ];
    for (back, expected) in rows {
        let mut url = url::Url::parse(&app.at("/language")).unwrap();
        url.query_pairs_mut().append_pair("lang", "de").append_pair("back", back);
        let answer = app.browser().get(url.as_str()).await;
        let to = answer.location().unwrap();
        assert_eq!(answer.status, 303);
        assert_eq!(to.as_str(), expected, "{back:?}");
        assert!(
            answer.header("set-cookie").starts_with(&format!("{}=de.", app.app.cookies.language)),
            "{back:?}"
        );
        assert!(answer.header("set-cookie").contains("Max-Age=31536000"), "a year");
        assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 1, "and nothing else");
    }
    for (lang, from, kept) in [
        ("de", "same-origin", true),
        ("de", "none", true),
        ("de", "cross-site", false),
        ("de", "same-site", false),
        ("fr", "same-origin", false),
        ("DE", "same-origin", false),
        ("de%0d%0aX:y", "same-origin", false),
        ("", "same-origin", false),
    ] {
        let url = app.at(&format!("/language?lang={lang}&back=%2F"));
        let browser = app.browser();
        let answer = browser.send(browser.request(Method::GET, &url).header("sec-fetch-site", from)).await;
        assert_eq!((answer.status.as_u16(), answer.location().unwrap().as_str()), (303, home.as_str()));
        assert_eq!(browser.cookie(&app.app.cookies.language).is_some(), kept, "{lang} {from}");
    }
    // What reads as another host is not gone back to, even where it was a page of ours.
    let browser = app.browser();
    let odd = browser.get(&app.at("//evil.example/?x")).await;
    assert_eq!(odd.status, 404);
    let german = switch(&browser, &odd).await;
    assert_eq!((german.url.as_str(), lang(&german)), (home.as_str(), "de".into()));
    app.finish().await;
}

#[actix_web::test]
async fn errors_speak_the_language_of_the_person() {
    let app = TestApp::start().await;
    let rp = Rp::new(&app, json!({})).await;
    let browser = app.browser();
    let long = format!("/?{}", "x".repeat(33_000));
    #[rustfmt::skip]
    let rows = [
        (Method::GET, "/nowhere", 404, "Seite nicht gefunden", true),
        (Method::DELETE, "/login", 405, "Diese Adresse wird anders verwendet", false),
        (Method::GET, "/authorize", 400, "Anwendung ist nicht genannt", true),
        (Method::GET, "/authorize?client_id=%zz", 400, "Anfrage ist nicht lesbar", true),
        (Method::GET, "/login?t=forged", 400, "Anmeldung kann nicht fortgesetzt werden", true),
        (Method::POST, "/login", 403, "Formular kam von einer anderen Website", false),
        (Method::GET, &long, 414, "Anfrage ist zu groß", false),
    ];
    for (method, path, status, title, has_switch) in rows {
        let request = browser.request(method, &app.at(path)).header("accept-language", "de-DE");
        let answer = browser.send(request).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text("h1"), lang(&answer)),
            (status, title.into(), "de".into())
        );
        let id = answer.header("x-request-id");
        assert!(answer.body.contains(id), "the request id stays");
        assert_eq!(answer.body.contains("hreflang"), has_switch, "{path:.40}");
    }
    // What programs read has no language.
    let request = browser.request(Method::GET, &app.at("/token")).header("accept-language", "de");
    let answer = browser.send(request).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-language")), (405, ""));
    let document = browser.get(&app.at("/.well-known/openid-configuration")).await;
    assert_eq!(document.json()["ui_locales_supported"], json!(["en", "de"]));

    // Particulars for developers, and the way back, as well.
    let mistake =
        rp.authorize(&[("redirect_uri", Some("http://127.0.0.1:9/callback/")), ("ui_locales", Some("de"))]);
    let mistake = browser.get(&mistake).await;
    assert_eq!(mistake.text(".details dt:last-of-type"), "Unterschied");
    assert_eq!(
        mistake.text(".details dd:last-of-type"),
        "Eine endet mit einem Schrägstrich, die andere nicht"
    );
    app.finish().await;
}

#[actix_web::test]
async fn an_application_is_called_what_it_is_called_in_the_language() {
    let app = TestApp::start().await;
    app.user("ada").await;
    let metadata = json!({ "client_name": "Field Notes", "client_name#de-DE": "Feldnotizen",
        "client_uri": "https://notes.example/", "client_uri#de": "https://notes.example/de/",
        "policy_uri": "https://notes.example/privacy", "policy_uri#de": "https://notes.example/datenschutz",
        "tos_uri#DE": "https://notes.example/bedingungen", "post_logout_redirect_uris": [REDIRECT] });
    let rp = Rp::new(&app, metadata).await;
    let browser = app.browser();
    let english = browser.open(&rp.authorize(&[])).await;
    assert_eq!(english.text("h1"), "Sign in to Field Notes");
    assert!(
        english.body.contains("notes.example/privacy") && !english.body.contains("notes.example/bedingungen")
    );
    let german = browser.open(&rp.authorize(&[("ui_locales", Some("de"))])).await;
    assert_eq!(
        (german.text("h1"), german.text("nav.links")),
        ("Bei Feldnotizen anmelden".into(), "Datenschutz Nutzungsbedingungen".into())
    );
    for page in ["https://notes.example/datenschutz", "https://notes.example/bedingungen"] {
        assert!(german.body.contains(&format!("href=\"{page}\"")), "{page}: {}", german.body);
    }
    let consent = browser.submit(&german, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert_eq!(consent.text("h1"), "Darf Feldnotizen Ihr Konto nutzen?");
    let stop = browser.submit(&consent, &[("decision", "allow")]).await;
    assert_eq!(stop.text("h1"), "Es geht zurück zu Feldnotizen");
    browser.set_cookie(&app.app.cookies.language, "de");
    let home = browser.get(&app.at("/")).await;
    assert_eq!(
        (home.text(".apps strong"), home.text(".person .quiet + .quiet").starts_with("Seit ")),
        ("Feldnotizen".into(), true)
    );
    assert!(home.body.contains("href=\"https://notes.example/de/\""));
    app.clock.advance(time::Duration::hours(25));
    let old = browser.get(&german.url.as_str().replace("/login?", "/continue?")).await;
    assert_eq!((old.status.as_u16(), old.text(".actions")), (400, "Zurück zu Feldnotizen".into()));
    app.finish().await;
}
