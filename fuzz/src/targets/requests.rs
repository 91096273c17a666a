//! Whole requests, through everything except the socket: no answer is an internal failure, every answer has
//! the required headers, every redirect leads to the provider or a registered address, and nothing sent is
//! reflected unescaped.

use std::cell::OnceCell;
use std::net::SocketAddr;

use actix_web::http::header::{HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use actix_web::http::{Method, Uri};
use actix_web::test::TestRequest;
use countersign::protocol::cookies::Names;
use countersign::web::sealed::Sealed;
use countersign::web::sign_out;
use countersign::web::ticket::{Ticket, TicketKind};
use url::Url;

use crate::input::set_cookie;
use crate::provider::{
    Answer, ISSUER, PASSWORD, Provider, REDIRECT, SECRET, VERIFIER, authorization_request, with,
};

/// A text that only requests contain, and that no page may contain.
const MARK: &str = "<zz";

/// The input is a request: method and target, header lines, an empty line, the body. `{…}` stands for values
/// that the provider issued: see `filled`.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    with(|provider| {
        let text = filled(provider, text);
        let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        let Some(req) = request(head, body) else { return };
        let answer = provider.ask(req);
        is_proper(&answer, &text);
        leads_home(&answer, &text);
        sets_only_our_cookies(&answer, &provider.app.cookies, &text);
        shows_nothing_unescaped(&answer, &text);
    });
}

/// Fills in what cannot be guessed, new for each request, because a request may spend it or sign out.
fn filled(provider: &Provider, text: &str) -> String {
    let mut text = text.to_owned();
    for (name, value) in [
        ("{browser}", provider.browser.as_str()),
        ("{secret}", SECRET),
        ("{verifier}", VERIFIER),
        ("{password}", PASSWORD),
        ("{request}", &authorization_request()),
        ("{account}", &provider.user.id),
    ] {
        text = text.replace(name, value);
    }
    let signed_in = OnceCell::new();
    let visit = || signed_in.get_or_init(|| provider.visit());
    let mut put = |name: &str, value: &dyn Fn() -> String| {
        if text.contains(name) {
            text = text.replace(name, &value());
        }
    };
    let sealed = |kind: TicketKind, params: String| provider.sealed(&Ticket::new(kind, params, provider.now));
    let browser = || provider.as_browser();
    put("{session}", &|| visit().session.clone());
    put("{ticket}", &|| sealed(TicketKind::Authorize, authorization_request()));
    put("{anew}", &|| sealed(TicketKind::Authorize, authorization_request() + "&prompt=login"));
    put("{consent}", &|| visit().consent());
    put("{logout}", &|| sealed(TicketKind::Logout, "client_id=web&state=s".into()));
    put("{csrf}", &|| {
        let binding = browser().binding();
        let opened = provider.app.state.sessions.open(&visit().session, &binding, provider.now);
        let session = provider.wait(opened).expect("a state store").expect("the session that was begun");
        browser().csrf_tokens(&provider.app, &session, sign_out::PURPOSE)
    });
    put("{then}", &|| {
        let then = sign_out::Then { name: "Example".into(), redirect: REDIRECT.into() };
        then.seal(&provider.app, &browser()).expect("sealing")
    });
    put("{code}", &|| visit().code());
    put("{id_token}", &|| visit().id_token());
    put("{access_token}", &|| visit().access_token());
    text
}

fn request(head: &str, body: &str) -> Option<TestRequest> {
    let mut lines = head.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    // The server's parser refuses a text that is no request target.
    let target = Uri::try_from(target).ok().filter(|uri| uri.path().starts_with('/'))?;
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    let peer = SocketAddr::from(([127, 0, 0, 1], 4000));
    let mut req = TestRequest::with_uri(&target.to_string()).method(method).peer_addr(peer);
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        req = req.append_header((name, HeaderValue::from_bytes(value.trim().as_bytes()).ok()?));
    }
    Some(req.set_payload(body.to_owned()))
}

fn is_proper(answer: &Answer, text: &str) {
    assert!(answer.status.as_u16() < 500, "{text:?} leads to {} {}", answer.status, answer.body);
    for name in [
        "x-request-id", "x-content-type-options", "x-frame-options", "content-security-policy",
        "referrer-policy", "permissions-policy", "cache-control",
    ] {
        assert!(answer.headers.contains_key(name), "{name} is missing after {text:?}");
    }
    let kind = answer.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/json") && !answer.body.is_empty() {
        let json: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        let described = json["error_description"].as_str().unwrap_or_default();
        assert!(
            described.bytes().all(|b| matches!(b, 0x20 | 0x21 | 0x23..=0x5B | 0x5D..=0x7E)),
            "{described}"
        );
    }
    // In development mode the pages for people explain errors and repeat what was sent.
    assert!(!text.starts_with("POST /token") || !answer.body.contains(SECRET), "{text:?} is told a secret");
}

/// Checks where a redirect, a form, or a page that moves on by itself leads: to the provider, or to a
/// registered address.
fn leads_home(answer: &Answer, text: &str) {
    let header = answer.headers.get(LOCATION).map(|to| to.to_str().expect("text").to_owned());
    let moves_on = answer.body.split_once("http-equiv=\"refresh\" content=\"").map(|(_, rest)| {
        let content = rest.split('"').next().unwrap_or_default();
        content.split_once("url=").map_or(content, |(_, to)| to).replace("&#38;", "&").replace("&amp;", "&")
    });
    let forms = answer.body.split("action=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default());
    let forms = forms.map(|to| to.replace("&#38;", "&").replace("&amp;", "&"));
    for to in header.into_iter().chain(moves_on).chain(forms) {
        let base = Url::parse(ISSUER).expect("an address");
        let there = base.join(&to).unwrap_or_else(|error| panic!("{to:?}: {error} after {text:?}"));
        let (is_ours, registered) =
            (there.origin() == base.origin(), Url::parse(REDIRECT).expect("an address"));
        let is_registered = there.origin() == registered.origin() && there.path() == registered.path();
        assert!(is_ours || is_registered, "{text:?} leads to {to:?}");
    }
}

fn sets_only_our_cookies(answer: &Answer, names: &Names, text: &str) {
    for value in answer.headers.get_all(SET_COOKIE) {
        let value = value.to_str().expect("text");
        let (name, _, mut attributes) = set_cookie(value);
        let Names { session, browser, device, language } = names;
        assert!(
            [session, browser, device, language].iter().any(|ours| *ours == name),
            "{value:?} after {text:?}"
        );
        attributes.retain(|attribute| !attribute.starts_with("Max-Age="));
        assert_eq!(attributes, ["HttpOnly", "Path=/", "SameSite=Lax"], "{value:?} after {text:?}");
    }
}

fn shows_nothing_unescaped(answer: &Answer, text: &str) {
    let kind = answer.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    assert!(!kind.starts_with("text/html") || !answer.body.contains(MARK), "{text:?} comes back as it was");
}
