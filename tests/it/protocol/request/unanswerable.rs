//! Requests that cannot be answered at their client: the code that the page names.

use countersign::protocol::refusal::OAuthError;
use countersign::protocol::request::Unanswerable;
use countersign::protocol::shown::Shown;

#[test]
fn each_has_a_page_of_its_own() {
    let unsupported = OAuthError::new("request_not_supported", "not here");
    for (unanswerable, page) in [
        (Unanswerable::ClientIdMissing, "client-id-missing"),
        (Unanswerable::ClientUnknown(Shown::from("x")), "client-unknown"),
        (Unanswerable::RedirectUriMissing, "redirect-uri-missing"),
        (Unanswerable::ParameterRepeated("request"), "parameter-repeated"),
        (Unanswerable::ParameterTooLong("state"), "too-large"),
        (Unanswerable::NotSupported(unsupported), "request-not-supported"),
    ] {
        assert_eq!(unanswerable.row().0, page, "{unanswerable}");
    }
}
