//! Grants. A grant that outlives its code is a row: a family of refresh tokens. Any other grant is known only once it is
//! dead, until its last token has expired.

mod dead; // grants without a row, and single access tokens
mod family; // beginning, finding and using one
mod list; // for operators
mod revoke; // one, or all of a session, a person or a client
mod standing; // whether a token is still good
mod token; // revoking a single access token
mod sweep; // rows that ended

pub use dead::{Parties, kill};
pub use family::{Begun, Family, New, begin, find, move_on};
pub use list::{Listed, Wanted, by_id, list};
pub use revoke::{Reuse, Whose, of_sessions, reused, revoke};
pub use standing::{Issued, Standing, standing};
pub use sweep::sweep;
pub use token::{Revoked, revoke_token};

pub(super) use revoke::revoke_in;
