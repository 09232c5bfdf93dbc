//! The standing of a user as far as rights in channels go.
//!
//! Given by the identity of a connection; compared by the rights of namespaces.

/// What a user is, as far as rights in channels go; each has what those before it have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// Came without a name.
    Anonymous,
    /// Signed in, here or with an outside issuer.
    User,
    /// Signed in here as an operator.
    Operator,
    /// Signed in here as an administrator.
    Admin,
}
