//! The last sign-ins of people, for `countersign user`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::report::rfc3339;
use crate::db::{Db, DbError};
use crate::protocol::user::User;
use crate::store::events::{LastSignIn, last_sign_ins};

/// The name of the JSON member.
pub const MEMBER: &str = "last_sign_in";

/// The last sign-ins of these people, without people who never signed in.
pub async fn of(db: &Db, people: &[User]) -> Result<BTreeMap<String, LastSignIn>, DbError> {
    last_sign_ins(db, people.iter().map(|user| user.id.clone()).collect()).await
}

/// As JSON: the instant and the application; null for never.
pub fn in_json(last: Option<&LastSignIn>) -> Value {
    last.map_or(Value::Null, |last| json!({ "at": rfc3339(last.at.unix_timestamp()), "client": last.client }))
}

/// The same as text.
pub fn in_words(json: &Value) -> String {
    let text = |member: &str| json.get(member).and_then(Value::as_str);
    match (text("at"), text("client")) {
        (None, _) => "never".into(),
        (Some(at), None) => at.into(),
        (Some(at), Some(client)) => format!("{at} for {client}"),
    }
}
