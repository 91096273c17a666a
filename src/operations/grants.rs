//! Grants: revoking one.

use super::Operation;
use crate::db::DbError;
use crate::ids::GrantId;
use crate::protocol::revoked::Why;
use crate::store::grants::{self, Whose};

/// Revokes a grant with everything issued from it; false when it was revoked already, or is not there.
pub async fn revoke(op: &Operation<'_>, id: GrantId, why: Why) -> Result<bool, DbError> {
    Ok(grants::revoke(op.db, Whose::Grant(id), why, op.by.clone(), op.now).await? == 1)
}
