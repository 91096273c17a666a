//! Cookies: whatever a browser sends, only what we gave out means anything, and what we give out in turn
//! is one cookie of ours and nothing else.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::HeaderValue;
use actix_web::test::TestRequest;
use countersign::web::browser::{Browser, refuse_cross_site, session};
use countersign::web::device::Device;
use data_encoding::BASE64URL_NOPAD;

use crate::input::{edited, lines};
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
        if let Some(req) = request(&format!("countersign_sid={bent}")) {
            opens_only_its_own(provider, &req);
        }
        knows_only_its_own(provider, of_device);
    });
}

fn request(cookies: &str) -> Option<HttpRequest> {
    let value = HeaderValue::from_bytes(cookies.as_bytes()).ok()?;
    Some(TestRequest::get().insert_header(("cookie", value)).to_http_request())
}

fn sent(req: &HttpRequest, name: &str) -> Option<String> {
    req.cookie(name).map(|cookie| cookie.value().to_owned())
}

fn of_browser(provider: &Provider, req: &HttpRequest) {
    let app = &provider.app;
    let known = Browser::of(req, app);
    let given = Browser::of_get(req, app);
    assert_eq!(known.is_none(), given.new_cookie(app).is_some(), "a cookie is set where there is none");
    let Some(browser) = known else { return };
    assert_eq!(browser, given);
    assert_eq!(sent(req, "countersign_browser").as_deref(), Some(browser.id()));
    assert!(BASE64URL_NOPAD.decode(browser.id().as_bytes()).is_ok_and(|id| id.len() == 16));
    assert!(browser.check_csrf(app, "purpose", Some(&browser.csrf_token(app, "purpose"))).is_ok());
    assert!(browser.check_csrf(app, "purpose", Some(browser.id())).is_err());
    assert!(browser.check_csrf(app, "purpose", None).is_err());
    assert!(refuse_cross_site(req, app).is_err(), "a cookie alone proves no origin");
}

fn opens_only_its_own(provider: &Provider, req: &HttpRequest) {
    let opened = provider.wait(session(req, &provider.app, provider.now)).expect("a state store");
    let is_the_one = sent(req, "countersign_sid").is_some_and(|cookie| cookie == provider.session);
    assert_eq!(opened.is_some(), is_the_one);
    assert!(opened.is_none_or(|session| session.accounts.len() == 1));
}

fn device<'a>(provider: &'a Provider, browser: &'a Browser, user_id: &'a str) -> Device<'a> {
    Device { app: &provider.app, browser, user_id, hash: &provider.hash }
}

/// Whatever was there before: the new cookie is well formed, and knows the account that signed in.
fn remembers(provider: &Provider, req: &HttpRequest) {
    let browser = Browser::of_get(req, &provider.app);
    let given = device(provider, &browser, &provider.user.id).remember(req, provider.now);
    let written = given.to_string();
    assert!(HeaderValue::from_str(&written).is_ok(), "{written:?} cannot be sent");
    let read = Cookie::parse(&*written).expect("a cookie");
    assert_eq!((read.name(), read.value()), ("countersign_device", given.value()), "{written:?}");
    assert_eq!((read.path(), read.domain(), read.http_only()), (Some("/"), None, Some(true)), "{written:?}");
    assert_eq!((read.same_site(), read.max_age()), (Some(SameSite::Lax), given.max_age()), "{written:?}");
    assert!(read.value().split('.').count() <= 4 && written.len() < 400, "{written:?}");
    let next = request(&format!("countersign_browser={}; countersign_device={}", browser.id(), read.value()));
    let next = next.expect("what we gave out");
    assert!(device(provider, &browser, &provider.user.id).is_known(&next, provider.now));
    assert!(!device(provider, &browser, "somebody else").is_known(&next, provider.now));
}

fn knows_only_its_own(provider: &Provider, edits: &[u8]) {
    let req = provider.from_browser();
    let browser = Browser::of(&req, &provider.app).expect("its cookie");
    let device = device(provider, &browser, &provider.user.id);
    let given = device.remember(&req, provider.now).value().to_owned();
    let bent = edited(&given, edits);
    let Some(req) = request(&format!("countersign_device={bent}")) else { return };
    let unbroken = sent(&req, "countersign_device").is_some_and(|sent| sent.split('.').any(|e| e == given));
    let known = device.is_known(&req, provider.now);
    assert!(unbroken == known, "{bent:?} against {given:?}");
}
