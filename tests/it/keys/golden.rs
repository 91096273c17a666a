//! Golden values: the purposes under which lasting values are sealed or derived never change. `golden.sql` and the
//! values below were made by an independent implementation, with the instance key of the bytes 0 to 31.

use countersign::ids::{GrantId, RecordId, SessionId};
use countersign::protocol::client::SigningAlg;
use countersign::protocol::refresh::RefreshToken;
use countersign::secret::base64url;
use data_encoding::HEXLOWER;
use serde_json::json;

use super::{database, given, open};
use crate::store::{Store, execute, lines};
use crate::support::rp::header;

const INSTANCE_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

#[test]
fn a_database_sealed_by_an_earlier_build_opens() {
    let Store { db, _folder, .. } = database();
    for statement in include_str!("golden.sql").split_terminator(";\n") {
        execute(&db, statement).unwrap();
    }
    let keys = open(&db, &given(INSTANCE_KEY)).unwrap();

    let snapshot = keys.snapshot.load();
    for (alg, kid) in [
        (SigningAlg::RS256, "nFJ3JPcjFNvWa7fxX0xCwtp4ezxpel3DNT-bgvNSApg"),
        (SigningAlg::ES256, "AByCpxqR4z1_VwyZKgYmY0dxBpMMI9Zf1keurCf2EF0"),
    ] {
        let token = snapshot.sign(alg, "JWT", &json!({})).unwrap();
        assert_eq!(header(&token.into())["kid"], kid, "signing keys");
    }
    for (what, mac, golden) in [
        ("the secret of sid", &keys.sid, "MVDH3JIf-z0hdNq9R5TWBzo_EGKdlmayaO4HMpTGa8U"),
        ("the secret of pairwise subjects", &keys.pairwise, "FQfmT7WDUqryh2gamN88pfCp78zC9IvFACxZwrCvM4E"),
        ("the CSRF key", &keys.csrf, "WiR25O7GGXqvEiFxYwR-FehLta9HnzPI1gs4j_DtXUA"),
        ("the key of device cookies", &keys.device, "nNus4p7XL0nFegMFrWujfgekMWF0MpxGlYR1HuSInIk"),
    ] {
        assert_eq!(base64url(&mac.mac(&[b"golden"])), golden, "{what}");
    }
    assert_eq!(base64url(&keys.state.tag(&[b"golden"])), "N1FLZYAvZzZK8oeF0EQeVg", "state MAC");
    let hidden = keys.hide_session(
        RecordId::from_bytes(&[6; 16]).unwrap(),
        SessionId::from_bytes(&[7; 16]).unwrap(),
        GrantId::from_bytes(&[5; 16]).unwrap(),
    );
    assert_eq!(hidden, "I2afbDHzoVkcZ97NsKEMXVhYdEUwpv8-kKPXk_O5ZMc", "session reference");

    let salt = [&[1][..], &[9; 16]].concat();
    let token =
        RefreshToken::parse("rt_BQUFBQUFBQUFBQUFBQUFBQAAAAN95b2Jktgb_EGEosdiFYoJRSdrezu9zbXiYrzitIVHCA");
    assert!(token.unwrap().is_genuine(keys.refresh_key(&salt).unwrap(), &salt), "refresh tokens");

    assert_eq!(keys.vault.network("192.0.2.0/24"), "n2kOeQ-5g9MZYc1MeRNMwg", "hash of a network");
    assert_eq!(keys.vault.typed("ada"), "-QSc1uug5sMGtdo1H-pBLA", "hash of a typed name");
    let sealed =
        "873f1433558fcef6dd32b13c004dcb1cec758286c06ac13625dbd15daaae78fbc1291afe5b8f59008fe54a6bd54c72";
    let sealed = HEXLOWER.decode(sealed.as_bytes()).unwrap();
    let detail = db.read_now(|conn| keys.vault.open(conn, "ada", "first", &sealed)).unwrap();
    assert_eq!(detail, json!({ "login": "Ada" }).as_object().cloned(), "personal detail");

    let made = lines(&db, "SELECT name AS line FROM secrets UNION ALL SELECT alg FROM signing_keys");
    assert_eq!(made.len(), 7, "nothing was made anew: {made:?}");
}
