//! `max_age`: whole seconds, and the registered default without it.

use serde_json::json;

use super::{app, read, table};

#[test]
fn only_a_whole_number_of_seconds_is_taken() {
    let refused = ["-1", "1.5", "1e3", "+1", "x", " 1"].map(|text| (("max_age", text), "invalid_request"));
    table(&app(&json!({})), &refused);
    let (plain, registered) = (app(&json!({})), app(&json!({ "default_max_age": 60 })));
    let always = app(&json!({ "default_max_age": 0 }));
    for (client, text, seconds) in [
        (&plain, "", None),
        (&plain, "0", Some(0)),
        (&plain, "007", Some(7)),
        (&plain, "99999999999999999999999", Some(i64::MAX)),
        (&registered, "", Some(60)),
        (&registered, "100", Some(100)),
        (&registered, "0", Some(0)),
        (&always, "", Some(0)),
        (&always, "100", Some(100)),
    ] {
        let max_age = read(client, &[("max_age", text)]).unwrap().max_age;
        assert_eq!(max_age.map(time::Duration::whole_seconds), seconds, "{text:?}");
    }
}
