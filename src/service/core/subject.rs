//! Subjects (the names of users in realtime) and the accounts that they name.

use protocol::id::{Subject, UserId};

/// The account that this subject names: the subject is the account's number. `None` for every other subject.
pub(crate) fn account_of(subject: &Subject) -> Option<UserId> {
    let user: UserId = subject.as_str().parse().ok()?;
    // Only the canonical spelling names the account: "007" and "7" are different subjects.
    (Subject::from(user) == *subject).then_some(user)
}
