//! The assertion of a passkey that was judged to be right.

use protocol::id::UserId;
use store::Proof;
use time::OffsetDateTime;

/// An assertion that was judged to be right.
pub(crate) struct VerifiedAssertion {
    /// The account.
    pub(crate) user: UserId,
    /// The proof, to be spent.
    pub(crate) proof: Proof,
    /// When its ceremony began. It was signed after that.
    pub(crate) begun_at: OffsetDateTime,
}
