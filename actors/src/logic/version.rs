//! Versions of publications: a publication is outdated if its version is not newer than the last published version.
//!
//! The publisher chooses the versions. The history of a channel keeps the newest one. Pure.

/// The version that a publication carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Counts up, from 1.
    pub number: u64,
    /// Numbers start again in each epoch. An empty epoch means the current one.
    pub epoch: String,
}

impl Version {
    /// Whether this version must not be published because `newest` is the same or newer.
    #[must_use]
    pub fn is_outdated(&self, newest: Option<&Self>) -> bool {
        newest.is_some_and(|newest| {
            (self.epoch.is_empty() || self.epoch == newest.epoch) && self.number <= newest.number
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u64, epoch: &str) -> Version {
        Version { number, epoch: epoch.to_owned() }
    }

    #[test]
    fn a_version_is_outdated_by_an_equal_or_newer_one_of_its_epoch() {
        let newest = version(5, "a");
        for (number, epoch, outdated) in
            [(4, "a", true), (5, "a", true), (6, "a", false), (1, "b", false), (5, "", true), (6, "", false)]
        {
            assert_eq!(version(number, epoch).is_outdated(Some(&newest)), outdated, "{number} of {epoch:?}");
        }
        assert!(!version(1, "").is_outdated(None));
    }
}
