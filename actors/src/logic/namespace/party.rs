//! [`Party`]: the rank of a user. Rights in channels depend on the rank.
//!
//! The rank comes from the identity of a connection. The rules of namespaces compare the rank with the ranks that have a right.

/// The rank of a user. Each rank has the rights of all earlier ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// The user has no name.
    Anonymous,
    /// Signed in, at this server or with an external issuer.
    User,
    /// Signed in at this server as an operator.
    Operator,
    /// Signed in at this server as an administrator.
    Admin,
}
