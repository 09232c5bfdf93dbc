//! Names of users in realtime: the number of an account, or the name that an external issuer gives.

use protocol::id::Subject;

/// The longest name of a user, in bytes.
const MAX_SUBJECT_BYTES: usize = 255;

/// The subject with this name. `None` for a name that cannot exist: it is too long, or contains NUL, which the database cannot
/// store.
pub(crate) fn subject(name: &str) -> Option<Subject> {
    (name.len() <= MAX_SUBJECT_BYTES && !name.contains('\0')).then(|| Subject::new(name))
}
