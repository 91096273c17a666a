//! Cookies: of all that a browser sends only values that the provider issued have an effect, and each issued
//! value is one well-formed cookie.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use actix_web::test::TestRequest;
use countersign::web::browser::device::Device;
use countersign::web::browser::origin::refuse_cross_site;
use countersign::web::browser::{Browser, session};
use data_encoding::BASE64URL_NOPAD;

use crate::input::{edited, lines, set_cookie};
use crate::provider::{Provider, with};

/// The input is three lines: a `Cookie` header (in which `{b}` and `{s}` stand for the browser's and the
/// session's cookie), edits of the session's cookie, and edits of the one that knows a device.
pub fn run(input: &[u8]) {
    let [header, of_session, of_device] = lines::<3>(input);
    with(|provider| {
        let text = String::from_utf8_lossy(header);
        let text = text.replace("{b}", &provider.browser).replace("{s}", &provider.session);
        if let Some(req) = request(&text) {
            of_browser(provider, &req);
            opens_only_its_own(provider, &req);
            remembers(provider, &req);
        }
        let bent = edited(&provider.session, of_session);
        let (browser, session) = (&provider.app.cookies.browser, &provider.app.cookies.session);
        if let Some(req) = request(&format!("{browser}={}; {session}={bent}", provider.browser)) {
            opens_only_its_own(provider, &req);
        }
        knows_only_its_own(provider, of_device);
    });
}

fn request(cookies: &str) -> Option<HttpRequest> {
    let value = HeaderValue::from_bytes(cookies.as_bytes()).ok()?;
    Some(TestRequest::get().insert_header(("cookie", value)).to_http_request())
}

/// The value of a cookie as a browser means it: the first pair with exactly this name, and with a value that
/// a browser can send.
fn sent(req: &HttpRequest, name: &str) -> Option<String> {
    let fields = req.headers().get_all("cookie").flat_map(|field| field.as_bytes().split(|b| *b == b';'));
    let pairs = fields.filter_map(|pair| std::str::from_utf8(pair.trim_ascii()).ok()?.split_once('='));
    let can_be_sent = |value: &str| value.bytes().all(|b| b.is_ascii_graphic() && !b"\",;\\".contains(&b));
    let mut found = pairs.filter(|(known, value)| *known == name && can_be_sent(value));
    found.next().map(|(_, value)| value.to_owned())
}

fn of_browser(provider: &Provider, req: &HttpRequest) {
    let app = &provider.app;
    let known = Browser::of(req, app);
    let given = Browser::of_get(req, app);
    assert_eq!(known.is_none(), given.new_cookie(app).is_some(), "a cookie is set where there is none");
    let Some(browser) = known else { return };
    assert_eq!(browser, given);
    assert_eq!(sent(req, &app.cookies.browser).as_deref(), Some(browser.id()));
    assert!(BASE64URL_NOPAD.decode(browser.id().as_bytes()).is_ok_and(|id| id.len() == 16));
    assert!(refuse_cross_site(req, app).is_err(), "a cookie alone proves no origin");
}

fn opens_only_its_own(provider: &Provider, req: &HttpRequest) {
    let opened = provider.wait(session(req, &provider.app, provider.now)).expect("a state store");
    let app = &provider.app;
    let is_the_one = sent(req, &app.cookies.session).is_some_and(|cookie| cookie == provider.session)
        && sent(req, &app.cookies.browser).is_some_and(|cookie| cookie == provider.browser);
    assert_eq!(opened.is_some(), is_the_one);
    let Some(session) = opened else { return };
    assert_eq!(session.accounts.len(), 1);
    let browser = provider.as_browser();
    let token = browser.csrf_tokens(app, &session, "purpose");
    let shown_for = |purpose, sent| browser.shown_for(app, &session, purpose, sent);
    assert_eq!(shown_for("purpose", Some(&token)), Ok(vec![session.accounts[0].session_id]));
    for (purpose, sent) in
        [("another", Some(token.as_str())), ("purpose", Some(browser.id())), ("purpose", None)]
    {
        assert!(shown_for(purpose, sent).is_err());
    }
}

fn device<'a>(provider: &'a Provider, browser: &'a Browser, user_id: &'a str) -> Device<'a> {
    Device { app: &provider.app, browser, user_id, hash: &provider.hash }
}

/// Whatever was sent before, the new cookie is well formed and knows the account that signed in.
fn remembers(provider: &Provider, req: &HttpRequest) {
    let browser = Browser::of_get(req, &provider.app);
    let given = device(provider, &browser, &provider.user.id).remember(req, provider.now);
    let written = given.to_string();
    assert!(HeaderValue::from_str(&written).is_ok(), "{written:?} cannot be sent");
    let (name, value, attributes) = set_cookie(&written);
    let names = &provider.app.cookies;
    assert_eq!((name, value), (names.device.as_str(), given.value()), "{written:?}");
    assert_eq!(attributes, ["HttpOnly", "Max-Age=31536000", "Path=/", "SameSite=Lax"], "{written:?}");
    assert!(value.split('.').count() <= 4 && written.len() < 400, "{written:?}");
    let next = request(&format!("{}={}; {}={value}", names.browser, browser.id(), names.device));
    let next = next.expect("what we gave out");
    assert!(device(provider, &browser, &provider.user.id).is_known(&next, provider.now));
    assert!(!device(provider, &browser, "somebody else").is_known(&next, provider.now));
}

fn knows_only_its_own(provider: &Provider, edits: &[u8]) {
    let req = provider.from_browser();
    let (browser, name) = (provider.as_browser(), &provider.app.cookies.device);
    let device = device(provider, &browser, &provider.user.id);
    let given = device.remember(&req, provider.now).value().to_owned();
    let bent = edited(&given, edits);
    let Some(req) = request(&format!("{name}={bent}")) else { return };
    let unbroken = sent(&req, name).is_some_and(|sent| sent.split('.').any(|e| e == given));
    let known = device.is_known(&req, provider.now);
    assert!(unbroken == known, "{bent:?} against {given:?}");
}
