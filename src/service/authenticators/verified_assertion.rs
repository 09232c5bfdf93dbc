//! An assertion of a passkey that was judged to be correct.

use protocol::id::UserId;
use store::Proof;
use time::OffsetDateTime;

/// An assertion of a passkey that was judged to be correct.
pub(crate) struct VerifiedAssertion {
    /// The account.
    pub(crate) user: UserId,
    /// The proof. It is not spent yet.
    pub(crate) proof: Proof,
    /// When the ceremony began. The assertion was signed later.
    pub(crate) begun_at: OffsetDateTime,
}
