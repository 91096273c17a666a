//! Levels of authentication: which are met, and which can be reached.

use countersign::protocol::acr::{Levels, REACHABLE};

#[test]
fn any_of_the_levels_will_do() {
    let here = REACHABLE[0];
    for (any_of, met, reachable) in [
        (&[][..], true, true),
        (&[here], true, true),
        (&["urn:example:high", here], true, true),
        (&["urn:example:high"], false, false),
        (&[""], false, false),
    ] {
        let levels = Levels::voluntary(any_of.iter().copied());
        assert!(!levels.essential, "what is wished for need not be");
        assert_eq!((levels.are_met_by(here), levels.are_reachable()), (met, reachable), "{any_of:?}");
    }
}
