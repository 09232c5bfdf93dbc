//! Which servers of a list may be used: libpq's `target_session_attrs`.
//!
//! `database_url` reads the word, `connection` asks each server, and `revocation::listener` asks its server again with each look.

/// The abilities that a session with the database must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionTarget {
    /// Every server that answers.
    Any,
    /// A server that accepts writes.
    ReadWrite,
    /// A server that accepts no writes.
    ReadOnly,
    /// A server that is no standby.
    Primary,
    /// A standby.
    Standby,
    /// A standby if one answers, otherwise any server.
    PreferStandby,
}

/// What a server says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerState {
    /// Whether the server is a standby.
    pub(crate) standby: bool,
    /// Whether transactions are read-only unless they ask for writes.
    pub(crate) read_only: bool,
}

/// The columns that [`ServerState`] has, as expressions of SQL: Booleans as text.
pub(crate) const SERVER_STATE: &str = "pg_is_in_recovery()::text AS standby, current_setting('transaction_read_only')::boolean::text AS read_only";

impl SessionTarget {
    const ALL: [Self; 6] =
        [Self::Any, Self::ReadWrite, Self::ReadOnly, Self::Primary, Self::Standby, Self::PreferStandby];

    /// The target of this word.
    pub(crate) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.as_str() == word)
    }

    /// The word of libpq.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::ReadWrite => "read-write",
            Self::ReadOnly => "read-only",
            Self::Primary => "primary",
            Self::Standby => "standby",
            Self::PreferStandby => "prefer-standby",
        }
    }

    /// Whether a program that writes may have this target.
    #[must_use]
    pub fn permits_writes(self) -> bool {
        matches!(self, Self::Any | Self::ReadWrite | Self::Primary)
    }

    /// The targets to try, one after the other.
    pub(crate) fn rounds(self) -> &'static [Self] {
        match self {
            Self::Any => &[Self::Any],
            Self::ReadWrite => &[Self::ReadWrite],
            Self::ReadOnly => &[Self::ReadOnly],
            Self::Primary => &[Self::Primary],
            Self::Standby => &[Self::Standby],
            Self::PreferStandby => &[Self::Standby, Self::Any],
        }
    }

    /// Why a server in this state may not be used; `None` if it may.
    pub(crate) fn misfit(self, server: ServerState) -> Option<&'static str> {
        let cannot_write = server.standby || server.read_only;
        match self {
            Self::Any | Self::PreferStandby => None,
            Self::ReadWrite => cannot_write.then_some("the server is read-only"),
            Self::ReadOnly => (!cannot_write).then_some("the server accepts writes"),
            Self::Primary => server.standby.then_some("the server is a standby"),
            Self::Standby => (!server.standby).then_some("the server is no standby"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_target_accepts_the_servers_that_libpq_accepts() {
        use SessionTarget as T;
        let server = |standby, read_only| ServerState { standby, read_only };
        let (primary, frozen, standby) = (server(false, false), server(false, true), server(true, true));
        for (target, accepted) in [
            (T::Any, [true, true, true]),
            (T::ReadWrite, [true, false, false]),
            (T::ReadOnly, [false, true, true]),
            (T::Primary, [true, true, false]),
            (T::Standby, [false, false, true]),
            (T::PreferStandby, [true, true, true]),
        ] {
            let found = [primary, frozen, standby].map(|state| target.misfit(state).is_none());
            assert_eq!(found, accepted, "{target:?}");
            assert_eq!(T::of(target.as_str()), Some(target));
        }
    }
}
