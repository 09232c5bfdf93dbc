//! Versions of publications. A publication is outdated if the last published version has the same epoch, and the same or a
//! greater number. If the publication's own epoch is empty, only the numbers count.
//!
//! The publisher chooses the versions. The history of a channel keeps the version that was published last. Pure.

/// The version that a publication carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The number of the version. Numbers increase from 1.
    pub number: u64,
    /// The epoch of the version. Numbers start again in each epoch. If the epoch is empty, only the numbers are compared.
    pub epoch: String,
}

impl Version {
    /// Whether this version must not be published. `newest` is the version that was published last.
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
    fn a_version_is_outdated_if_an_equal_or_newer_version_of_its_epoch_was_published() {
        let newest = version(5, "a");
        for (number, epoch, outdated) in
            [(4, "a", true), (5, "a", true), (6, "a", false), (1, "b", false), (5, "", true), (6, "", false)]
        {
            assert_eq!(version(number, epoch).is_outdated(Some(&newest)), outdated, "{number} of {epoch:?}");
        }
        assert!(!version(1, "").is_outdated(None));
    }
}
