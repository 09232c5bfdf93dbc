//! Names of users in realtime ("subjects") and the accounts they stand for.

use protocol::id::{Subject, UserId};

/// The account that this subject names. `None` for users of outside issuers.
pub(crate) fn account_of(subject: &Subject) -> Option<UserId> {
    let user: UserId = subject.as_str().parse().ok()?;
    // Only the canonical spelling names the account: "007" is another subject than "7".
    (Subject::from(user) == *subject).then_some(user)
}
