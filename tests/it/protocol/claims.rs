//! What tokens say.

use countersign::protocol::claims::at_hash;
use countersign::protocol::client::SigningAlg;

#[test]
fn at_hash_is_half_the_hash_of_the_id_tokens_algorithm() {
    // By `printf %s TOKEN | openssl dgst -shaN -binary | head -c HALF | basenc --base64url`.
    let (sha256, sha512) = ("ZlmqiRYTL0xOmBlhp6OD2A", "-HOEiZMM2_ptHvXmm8f1YkY457edngFLONLVGqzRLrk");
    for alg in SigningAlg::ALL {
        let expected = if alg == SigningAlg::EdDSA { sha512 } else { sha256 };
        assert_eq!(at_hash(alg, "sample.access.token-value_01"), expected, "{alg:?}");
    }
}
