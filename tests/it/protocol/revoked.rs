//! Why a grant was revoked: each reason has a name of its own, which is read back, and words.

use std::collections::BTreeSet;

use countersign::protocol::revoked::Why;

#[test]
fn every_reason_is_read_back() {
    let names: BTreeSet<&str> = Why::ALL.into_iter().map(Why::text).collect();
    let words: BTreeSet<&str> = Why::ALL.into_iter().map(Why::words).collect();
    assert_eq!((names.len(), words.len()), (Why::ALL.len(), Why::ALL.len()));
    for why in Why::ALL {
        assert_eq!(Why::from_text(why.text()), Some(why));
    }
    assert_eq!(Why::from_text("unheard-of"), None);
}
