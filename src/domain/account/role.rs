//! Roles, account status and scopes: what a user may be, and what a request may do.
//!
//! The verifier, the operators' use cases and the store's row mapping use these types. The rules only compare values; the
//! calling code makes sure that a role is current.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A stored word that this version does not know.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown {kind} `{word}`")]
pub struct UnknownWord {
    /// The kind of word, such as `role`, `status` or `sign-in method`.
    pub kind: &'static str,
    /// The word.
    pub word: String,
}

/// The role of a user, ordered by power. Stored in `users.role`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The account that the server uses to drill its own revocations. It has no password, and reads its own profile only. No
    /// user gets this role, and no operator acts on it.
    Canary,
    /// May act on the user's own sessions only.
    User,
    /// May also read all that operators read, and the audit trail. Changes nothing of other users.
    Auditor,
    /// May also read users, sessions, devices and connections of all users, and revoke the sessions of every user that is no
    /// admin. Does not read the audit trail.
    Operator,
    /// May also read the audit trail, act on admins, revoke all sessions at once, and change role, status, password and factors
    /// of other users.
    Admin,
}

impl Role {
    /// Every role that users have, from the least to the most powerful. [`Canary`](Self::Canary) is none of them.
    pub const ALL: [Self; 4] = [Self::User, Self::Auditor, Self::Operator, Self::Admin];

    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Canary => "canary",
            Self::User => "user",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// All scopes of this role.
    #[must_use]
    pub fn scopes(self) -> Scopes {
        let own = Scopes::of(&[Scope::Read, Scope::Write]);
        match self {
            Self::Canary => Scopes::of(&[Scope::Read]),
            Self::User => own,
            Self::Auditor => own.with(Scope::Audit),
            Self::Operator => own.with(Scope::Operate),
            Self::Admin => own.with(Scope::Operate).with(Scope::Administer).with(Scope::Audit),
        }
    }

    /// Whether a user of this role may act, as an operator, on a user of role `target`.
    ///
    /// The roles `User` and `Auditor` permit this on no account. `Operator` permits it on all accounts except those of admins,
    /// and `Admin` on all accounts of users. The canary belongs to the server.
    #[must_use]
    pub fn may_act_on(self, target: Self) -> bool {
        self >= Self::Operator && self >= target && target != Self::Canary
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        std::iter::once(Self::Canary)
            .chain(Self::ALL)
            .find(|role| role.as_str() == text)
            .ok_or_else(|| UnknownWord { kind: "role", word: text.to_owned() })
    }
}

/// The status of an account. Stored in `users.status`; `users.is_active` is derived from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Registered, but the e-mail address is not verified yet.
    Pending,
    /// The only status with valid sessions.
    Active,
    /// Suspended by an operator; may be activated again.
    Suspended,
    /// The account is closed.
    Deactivated,
}

impl Status {
    /// Every status, in the order of the database's CHECK constraint.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Active, Self::Suspended, Self::Deactivated];

    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deactivated => "deactivated",
        }
    }

    /// Whether sessions of this account are valid.
    #[must_use]
    pub fn is_active(self) -> bool {
        self == Self::Active
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownWord { kind: "status", word: text.to_owned() })
    }
}

/// One kind of permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Read the user's own data.
    Read,
    /// Change the user's own data.
    Write,
    /// Read users, sessions, devices and connections of all users, and revoke sessions.
    Operate,
    /// Revoke all sessions at once, and change role, status, password and factors of other users.
    Administer,
    /// Read what operators read, and the audit trail.
    Audit,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Operate, Self::Administer, Self::Audit];

    /// The word in the `scopes` claim.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Operate => "operate",
            Self::Administer => "administer",
            Self::Audit => "audit",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// The set of these scopes.
    #[must_use]
    pub fn of(scopes: &[Scope]) -> Self {
        scopes.iter().fold(Self::NONE, |set, scope| set.with(*scope))
    }

    /// The set with one more scope.
    #[must_use]
    pub fn with(self, scope: Scope) -> Self {
        Self(self.0 | scope.bit())
    }

    /// The scopes of a token's claim. Unknown words permit nothing and are ignored.
    #[must_use]
    pub fn parse(words: &[String]) -> Self {
        Scope::ALL
            .into_iter()
            .filter(|scope| words.iter().any(|word| word == scope.as_str()))
            .fold(Self::NONE, Self::with)
    }

    /// The scopes in both sets. So a token can narrow the current scopes of a role, and never widen them.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether the set permits `scope`.
    #[must_use]
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The words for a token's claim, in a fixed order.
    #[must_use]
    pub fn to_strings(self) -> Vec<String> {
        Scope::ALL
            .into_iter()
            .filter(|scope| self.contains(*scope))
            .map(|scope| scope.as_str().to_owned())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stored_words_round_trip() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert!("root".parse::<Role>().is_err());
        assert!("ACTIVE".parse::<Status>().is_err());
    }

    #[test]
    fn only_the_status_active_is_active() {
        let working: Vec<_> = Status::ALL.into_iter().filter(|status| status.is_active()).collect();
        assert_eq!(working, [Status::Active]);
    }

    #[test]
    fn no_role_acts_on_a_more_powerful_role() {
        for actor in Role::ALL {
            for target in Role::ALL {
                if target > actor {
                    assert!(!actor.may_act_on(target));
                }
            }
        }
    }

    #[test]
    fn users_and_auditors_act_on_no_account_and_admins_on_all() {
        for target in Role::ALL {
            assert!(!Role::User.may_act_on(target));
            assert!(!Role::Auditor.may_act_on(target));
            assert!(Role::Admin.may_act_on(target));
        }
        assert!(Role::Operator.may_act_on(Role::Operator));
    }

    #[test]
    fn the_canary_reads_its_own_data_only_and_belongs_to_no_operator() {
        assert_eq!("canary".parse(), Ok(Role::Canary));
        assert_eq!(Role::Canary.scopes(), Scopes::of(&[Scope::Read]));
        for role in Role::ALL {
            assert!(Role::Canary < role && !role.may_act_on(Role::Canary) && !Role::Canary.may_act_on(role));
        }
    }

    #[test]
    fn an_auditor_reads_the_audit_trail_and_operates_nothing() {
        let scopes = Role::Auditor.scopes();
        assert!(scopes.contains(Scope::Audit));
        assert!(!scopes.contains(Scope::Operate) && !scopes.contains(Scope::Administer));
        assert!(
            !Role::Operator.scopes().contains(Scope::Audit) && Role::Admin.scopes().contains(Scope::Audit)
        );
    }

    #[test]
    fn only_operators_operate_and_only_admins_administer() {
        assert!(!Role::User.scopes().contains(Scope::Operate));
        assert!(Role::Operator.scopes().contains(Scope::Operate));
        assert!(!Role::Operator.scopes().contains(Scope::Administer));
        assert!(Role::Admin.scopes().contains(Scope::Administer));
    }

    proptest! {
        #[test]
        fn a_claim_never_widens_a_role(words in proptest::collection::vec("[a-z]{4,10}|read|operate|administer|audit", 0..6)) {
            let narrowed = Role::User.scopes().intersect(Scopes::parse(&words));
            prop_assert!(
                [Scope::Operate, Scope::Administer, Scope::Audit].into_iter().all(|scope| !narrowed.contains(scope))
            );
            prop_assert_eq!(narrowed.contains(Scope::Read), words.iter().any(|word| word == "read"));
        }

        #[test]
        fn scopes_round_trip_through_their_words(bits in 0u8..32) {
            prop_assert_eq!(Scopes::parse(&Scopes(bits).to_strings()), Scopes(bits));
        }
    }
}
