//! What a client is told whose ID Tokens no key signs.

use countersign::protocol::client::SigningAlg::{ES256, PS256, RS256};
use countersign::protocol::signing_alg::no_key;
use countersign::web::failure::TokenFailure;

#[test]
fn a_key_that_is_configured_comes_and_any_other_never_does() {
    for (alg, configured, status, error, retry_after) in [
        (RS256, vec![RS256, ES256], 503, "temporarily_unavailable", Some(5)),
        (PS256, vec![PS256], 503, "temporarily_unavailable", Some(5)),
        (PS256, vec![RS256, ES256], 400, "unauthorized_client", None),
        (RS256, vec![], 400, "unauthorized_client", None),
    ] {
        let told = no_key(alg, &configured);
        let failure = TokenFailure::from(told.clone());
        assert_eq!(
            (failure.status, told.error.code, failure.retry_after),
            (status, error, retry_after),
            "{alg:?}"
        );
        let cause = told.cause.unwrap().to_string();
        assert!(cause.contains(&format!("id_token_signed_response_alg {:?}", alg.name())), "{cause}");
    }
}
