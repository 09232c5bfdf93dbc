//! The rank of a user. Rights in channels depend on it.
//!
//! The rank comes from the identity of a connection, and the rights of namespaces compare it.

/// The rank of a user. Each rank has the rights of all earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// The connection has no user name.
    Anonymous,
    /// Signed in, at this server or with an external issuer.
    User,
    /// Signed in at this server as an operator.
    Operator,
    /// Signed in at this server as an administrator.
    Admin,
}
