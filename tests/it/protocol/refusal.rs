//! A refusal: what is an ordinary outcome, and what a developer is told.

use countersign::protocol::refusal::Refusal;

#[test]
fn an_outcome_of_a_silent_request_is_no_fault_unless_it_has_a_cause() {
    for (code, ordinary) in [
        ("login_required", true),
        ("interaction_required", true),
        ("consent_required", true),
        ("account_selection_required", true),
        ("access_denied", false),
        ("invalid_request", false),
    ] {
        let refusal = Refusal::new(code, "a sentence");
        assert_eq!(refusal.is_ordinary(), ordinary, "{code}");
        assert_eq!(refusal.report().1.to_string(), "a sentence");
        assert!(!refusal.because("a cause").is_ordinary(), "{code} with a cause");
    }
}
