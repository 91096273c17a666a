//! `request` and `request_uri`, which are not offered: the refusal goes where the object says, as far as the
//! plain parameters leave that open.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{Outcome, outcome, shown};
use crate::support::app::{REDIRECT, TestApp};
use crate::support::rp::Rp;

fn object(payload: &Value) -> String {
    format!("e30.{}.c2ln", BASE64URL_NOPAD.encode(payload.to_string().as_bytes()))
}

#[actix_web::test]
async fn a_refused_object_still_says_where_the_error_goes() {
    let app = TestApp::start().await;
    let rp = Rp::new(&app, json!({})).await;
    let browser = app.browser();
    let both = object(&json!({ "response_mode": "form_post", "state": "inner &+\u{e9}",
        "redirect_uri": "https://evil.example/cb", "client_id": "another" }));
    let query = object(&json!({ "response_mode": "query", "state": "inner" }));
    let odd = object(&json!({ "response_mode": "fragment", "state": ["inner"] }));
    let none = object(&json!({}));
    let (outer, posted) = (("state", Some("outer")), ("response_mode", Some("form_post")));
    let absent = ("state", None);
    for (what, object, more, is_posted, state) in [
        ("all from the object", &both, vec![absent], true, Some("inner &+\u{e9}")),
        ("state from outside", &both, vec![outer], true, Some("outer")),
        ("all from outside", &query, vec![outer, posted], true, Some("outer")),
        ("state from the object", &query, vec![absent, posted], true, Some("inner")),
        (
            "an outer mode that is none",
            &both,
            vec![absent, ("response_mode", Some("x"))],
            false,
            Some("inner &+\u{e9}"),
        ),
        ("values that cannot be used", &odd, vec![absent], false, None),
        ("nothing said", &none, vec![absent], false, None),
    ] {
        let changed = [vec![("request", Some(object.as_str()))], more].concat();
        let answer = browser.get(&rp.authorize(&changed)).await;
        assert_eq!(outcome(&app, &answer), Outcome::error("request_not_supported"), "{what}");
        assert_eq!(answer.form_post().is_some(), is_posted, "{what}: {}", answer.body);
        assert_eq!(answer.answered("state").as_deref(), state, "{what}");
        assert_eq!(
            answer.answered("error_description").as_deref(),
            Some("the request parameter is not supported here")
        );
        let to = answer.destination();
        assert_eq!(to.as_str().split('?').next(), Some(REDIRECT), "{what}");
    }
    // Only a registered address outside counts, whatever the object says.
    for redirect_uri in [None, Some("https://evil.example/cb")] {
        let inner = object(&json!({ "redirect_uri": REDIRECT, "response_mode": "query", "state": "s" }));
        let changed = [("request", Some(inner.as_str())), ("redirect_uri", redirect_uri)];
        let answer = browser.get(&rp.authorize(&changed)).await;
        assert_eq!(shown(&answer).2, "request_not_supported", "{redirect_uri:?}");
    }
    let by_reference = browser.get(&rp.authorize(&[("request_uri", Some("https://app.example/r"))])).await;
    assert_eq!(outcome(&app, &by_reference), Outcome::error("request_uri_not_supported"));
    let description = by_reference.answered("error_description");
    assert_eq!(description.as_deref(), Some("the request_uri parameter is not supported here"));
    app.finish().await;
}
