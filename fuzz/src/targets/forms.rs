//! Forms and credentials as the endpoints read them.

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use actix_web::http::{Method, Uri};
use actix_web::test::TestRequest;
use actix_web::web::Bytes;
use countersign::protocol::params::Params;
use countersign::protocol::request::PARAMS;
use countersign::web::extract::{
    Body, authorization, authorization_form, bearer_token, client_form, form, query,
};
use url::form_urlencoded;

use crate::input::lines;

/// Parameters that an endpoint for clients may know.
const KNOWN: [&str; 7] =
    ["grant_type", "client_id", "client_secret", "code", "redirect_uri", "code_verifier", "resource"];
/// Parameters that are never accepted in an address.
const SECRET: [&str; 3] = ["client_secret", "code", "access_token"];

/// The input is five lines: query, content type, two `Authorization` headers, body.
pub fn run(input: &[u8]) {
    let [query_string, content_type, first, second, body] = lines::<5>(input);
    let Some(req) = request(query_string, content_type, &[first, second]) else { return };
    let body = Body::from(Bytes::copy_from_slice(body));
    of_pages(&req, &body);
    of_clients(&req, &body);
    of_bearers(&req, &body);
}

fn request(query: &[u8], content_type: &[u8], authorization: &[&[u8]]) -> Option<HttpRequest> {
    let target = Uri::try_from([b"/?", query].concat()).ok()?;
    let mut req = TestRequest::default().method(Method::POST).uri(&target.to_string());
    if !content_type.is_empty() {
        req = req.insert_header((CONTENT_TYPE, HeaderValue::from_bytes(content_type).ok()?));
    }
    for value in authorization.iter().filter(|value| !value.is_empty()) {
        req = req.append_header((AUTHORIZATION, HeaderValue::from_bytes(value).ok()?));
    }
    Some(req.to_http_request())
}

fn is_form(req: &HttpRequest) -> bool {
    let declared = req.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    declared.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
}

/// The values that a lenient parser finds.
fn values(text: &[u8], name: &str) -> Vec<String> {
    let pairs = form_urlencoded::parse(text).filter(|(key, value)| key == name && !value.is_empty());
    pairs.map(|(_, value)| value.into_owned()).collect()
}

fn of_pages(req: &HttpRequest, body: &Body) {
    let bytes = body.bytes().expect("a body");
    if let Ok(params) = authorization_form(req, body, &PARAMS) {
        assert!(is_form(req) && Params::parse(bytes, &PARAMS) == Ok(params.clone()));
        assert_eq!(form(req, body, &PARAMS).is_ok(), params.repeated().is_none());
    } else {
        assert!(form(req, body, &PARAMS).is_err());
    }
    // The form in the body never mixes with the query of the address.
    let asked = query(req, &PARAMS).ok();
    assert_eq!(asked, Params::parse(req.query_string().as_bytes(), &PARAMS).ok());
}

fn of_clients(req: &HttpRequest, body: &Body) {
    let Ok(params) = client_form(req, body, &KNOWN) else { return };
    assert!(is_form(req) && params.repeated().is_none() && params.too_long().is_none());
    let bytes = body.bytes().expect("a body");
    for name in KNOWN {
        assert!(params.all(name).eq(values(bytes, name)), "{name}");
    }
    for name in SECRET {
        let shown = values(req.query_string().as_bytes(), name);
        // A value that parsers decode differently counts as none.
        assert!(shown.iter().all(|value| value.contains(['\u{FFFD}', '%', '\0'])), "{name}={shown:?}");
    }
}

fn of_bearers(req: &HttpRequest, body: &Body) {
    let Ok(token) = bearer_token(req, Some(body)) else { return };
    assert!(!token.trim().is_empty());
    let headers = authorization(req);
    let is_in_header = |value: &&str| value.len() > 7 && value[7..].trim() == token;
    let in_body = if is_form(req) { values(body.bytes().expect("a body"), "access_token") } else { vec![] };
    match headers.as_slice() {
        [] => assert_eq!(in_body, [token]),
        [one] => assert!(is_in_header(one) && in_body.is_empty(), "{one:?} {in_body:?}"),
        several => panic!("{several:?} is more than one credential"),
    }
    assert!(
        values(req.query_string().as_bytes(), "access_token")
            .iter()
            .all(|v| v.contains(['\u{FFFD}', '%', '\0']))
    );
}
