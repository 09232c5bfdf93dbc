//! The check of a whole log: the entries in their order, against the stored hashes and against signed checkpoints.
//!
//! The service passes the entries. The check names the first entry that is wrong. If the stored hashes were changed together
//! with an entry, it names the range with the entry: the last 256 entries, or those since the last checkpoint that fits.

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;

use super::{checkpoint::Checkpoint, entry::Entry, frontier::Frontier, hash::Hash, subtree::Subtree};

/// The height of the subtrees with hashes in the store.
pub const KEPT_LEVEL: u8 = 8;

/// What is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// The fields of an entry do not fit its hash.
    #[error("entry {index} (event {id}) was altered, or is in the place of another entry")]
    Altered {
        /// The number of the entry.
        index: u64,
        /// The id of the event that is there now.
        id: Uuid,
    },
    /// An entry is missing inside the log.
    #[error("entry {index} is missing: the next entry is {next}")]
    Missing {
        /// The first missing number.
        index: u64,
        /// The number of the next entry.
        next: u64,
    },
    /// The end of the log is missing.
    #[error("entry {index} is missing: the log ends with {size} entries, but {witness} knows {known}, so {} are cut off", .known - .size)]
    CutOff {
        /// The first missing number.
        index: u64,
        /// The number of entries.
        size: u64,
        /// The number of entries that the log had.
        known: u64,
        /// The checkpoint that says so.
        witness: &'static str,
    },
    /// The beginning of the log is missing.
    #[error(
        "entry 0 is missing: the entries before {first} are not there, and no event says that they were dropped"
    )]
    Beginning {
        /// The first entry that is there.
        first: u64,
    },
    /// An entry was inserted.
    #[error("entry {index} (event {id}) is there twice, or lies after the end of the log")]
    Inserted {
        /// The number of the entry.
        index: u64,
        /// The id of the event.
        id: Uuid,
    },
    /// An entry and its hash were changed.
    #[error("an entry from {first} to {} was changed: {witness} has another hash", .end - 1)]
    Changed {
        /// The first entry of the range.
        first: u64,
        /// The entry after the range.
        end: u64,
        /// What has another hash.
        witness: &'static str,
    },
    /// The head row does not fit the entries.
    #[error("the head of the log does not fit its {size} entries")]
    Head {
        /// The number of entries.
        size: u64,
    },
    /// No key that is known has signed a checkpoint.
    #[error("the checkpoint of {size} entries in {witness} is not accepted: {reason}")]
    Checkpoint {
        /// The size that the checkpoint claims.
        size: u64,
        /// Where it is.
        witness: &'static str,
        /// Why it is not accepted.
        reason: String,
    },
}

/// A checkpoint with a verified signature, and the place where it is kept.
#[derive(Clone, Debug)]
pub struct Witness {
    /// The size and the root.
    pub checkpoint: Checkpoint,
    /// The place, for messages.
    pub place: &'static str,
}

/// A check that is under way.
pub struct LogCheck {
    frontier: Frontier,
    witnesses: VecDeque<Witness>,
    /// The size of the last checkpoint that fits.
    sound: u64,
    kept: HashMap<u64, Hash>,
    checked: usize,
    /// A checkpoint that does not fit. The next stored subtree may name a shorter range.
    unfitting: Option<Finding>,
}

impl LogCheck {
    /// A check from this frontier on, which is empty unless older entries were dropped. The witnesses may have any order;
    /// those of smaller trees are not used.
    #[must_use]
    pub fn new(frontier: Frontier, mut witnesses: Vec<Witness>) -> Self {
        witnesses.retain(|witness| witness.checkpoint.size >= frontier.size());
        witnesses.sort_by_key(|witness| witness.checkpoint.size);
        let sound = frontier.size();
        Self {
            frontier,
            witnesses: witnesses.into(),
            sound,
            kept: HashMap::new(),
            checked: 0,
            unfitting: None,
        }
    }

    /// The number of entries so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The hash of the tree so far.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// How many checkpoints have fitted.
    #[must_use]
    pub fn checkpoints(&self) -> usize {
        self.checked
    }

    /// Adds a stored hash of a subtree of the height [`KEPT_LEVEL`].
    pub fn keep(&mut self, index: u64, hash: Hash) {
        self.kept.insert(index, hash);
    }

    /// Checks the next entry.
    ///
    /// # Errors
    /// What is wrong.
    pub fn entry(&mut self, entry: &Entry, stored: &[u8]) -> Result<(), Finding> {
        self.compare_witnesses();
        let (index, id, expected) = (entry.index, entry.id, self.frontier.size());
        if index > expected {
            return Err(self.first(Finding::Missing { index: expected, next: index }));
        }
        if index < expected {
            return Err(self.first(Finding::Inserted { index, id }));
        }
        let hash = entry.hash();
        if hash != stored {
            return Err(self.first(Finding::Altered { index, id }));
        }
        let mut completed: Option<(Subtree, Hash)> = None;
        self.frontier.push(hash, |subtree, hash| {
            if subtree.level == KEPT_LEVEL {
                completed = Some((subtree, hash));
            }
        });
        completed.map_or(Ok(()), |(subtree, hash)| self.compare_kept(subtree, hash))
    }

    fn compare_kept(&mut self, subtree: Subtree, hash: Hash) -> Result<(), Finding> {
        if self.kept.remove(&subtree.index) != Some(hash) {
            let witness = "the stored subtree";
            return Err(Finding::Changed { first: subtree.first(), end: subtree.end(), witness });
        }
        self.unfitting.take().map_or(Ok(()), Err)
    }

    /// The one of these findings that is first in the log.
    fn first(&mut self, finding: Finding) -> Finding {
        self.unfitting.take().unwrap_or(finding)
    }

    /// Checks the end of the log against the head row.
    ///
    /// # Errors
    /// What is wrong.
    pub fn end(&mut self, head: &Frontier, last: Option<Uuid>) -> Result<(), Finding> {
        self.compare_witnesses();
        if let Some(unfitting) = self.unfitting.take() {
            return Err(unfitting);
        }
        let size = self.frontier.size();
        let cut = |known, witness| Finding::CutOff { index: size, size, known, witness };
        if let Some(ahead) = self.witnesses.back() {
            return Err(cut(ahead.checkpoint.size, ahead.place));
        }
        if head.size() > size {
            return Err(cut(head.size(), "the head of the log"));
        }
        if head.size() < size {
            return Err(Finding::Inserted { index: head.size(), id: last.unwrap_or_default() });
        }
        if *head == self.frontier { Ok(()) } else { Err(Finding::Head { size }) }
    }

    /// Compares the checkpoints of the tree so far.
    fn compare_witnesses(&mut self) {
        let size = self.frontier.size();
        while let Some(witness) = self.witnesses.pop_front_if(|witness| witness.checkpoint.size == size) {
            if witness.checkpoint.root == self.frontier.root() {
                self.sound = size;
                self.checked += 1;
            } else if self.unfitting.is_none() {
                let changed = Finding::Changed { first: self.sound, end: size, witness: witness.place };
                self.unfitting = Some(changed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    fn entry(index: u64) -> Entry {
        Entry {
            index,
            id: Uuid::from_u128(index.into()),
            at: OffsetDateTime::UNIX_EPOCH,
            event: "an.event".to_owned(),
            outcome: "success".to_owned(),
            actor: None,
            user: None,
            session: None,
            device: None,
            connection: None,
            api_key: None,
            request: None,
            detail: "{}".to_owned(),
            address: None,
            facts: None,
        }
    }

    /// A log of 700 entries with its stored subtrees and its checkpoints after 300 and 600 entries.
    fn log() -> (Frontier, Vec<(u64, Hash)>, Vec<Witness>) {
        let (mut frontier, mut kept, mut witnesses) = (Frontier::default(), Vec::new(), Vec::new());
        for index in 0..700 {
            frontier.push(entry(index).hash(), |subtree, hash| {
                if subtree.level == KEPT_LEVEL {
                    kept.push((subtree.index, hash));
                }
            });
            if [300, 600].contains(&frontier.size()) {
                let checkpoint =
                    Checkpoint { origin: "log".to_owned(), size: frontier.size(), root: frontier.root() };
                witnesses.push(Witness { checkpoint, place: "a checkpoint" });
            }
        }
        (frontier, kept, witnesses)
    }

    /// The finding in a log after a change of the entry 350 and its hash.
    fn changed(with_subtrees: bool) -> Result<(), Finding> {
        let (head, kept, witnesses) = log();
        let mut check = LogCheck::new(Frontier::default(), witnesses);
        let mut forged = Frontier::default();
        let entries = (0..700).map(|index| match index {
            350 => Entry { user: Some(7), ..entry(350) },
            _ => entry(index),
        });
        let entries: Vec<_> = entries.collect();
        for entry in &entries {
            forged.push(entry.hash(), |subtree, hash| {
                if subtree.level == KEPT_LEVEL && with_subtrees {
                    check.keep(subtree.index, hash);
                }
            });
        }
        if !with_subtrees {
            kept.into_iter().for_each(|(index, hash)| check.keep(index, hash));
        }
        for entry in &entries {
            check.entry(entry, &entry.hash())?;
        }
        check.end(&head, None)
    }

    #[test]
    fn a_change_together_with_its_hash_lies_in_one_stored_subtree() {
        let witness = "the stored subtree";
        assert_eq!(changed(false), Err(Finding::Changed { first: 256, end: 512, witness }));
    }

    #[test]
    fn a_change_of_all_stored_hashes_lies_between_two_checkpoints() {
        assert_eq!(changed(true), Err(Finding::Changed { first: 300, end: 600, witness: "a checkpoint" }));
    }

    #[test]
    fn a_whole_log_fits_its_head_and_no_other_head() {
        let (head, kept, witnesses) = log();
        for other_head in [false, true] {
            let mut check = LogCheck::new(Frontier::default(), witnesses.clone());
            kept.iter().for_each(|(index, hash)| check.keep(*index, *hash));
            (0..700).for_each(|index| check.entry(&entry(index), &entry(index).hash()).expect("it fits"));
            assert_eq!(check.checkpoints(), 2);
            let end =
                if other_head { Frontier::from_bytes(700, &[7; 6 * 32]).unwrap() } else { head.clone() };
            assert_eq!(check.end(&end, None).is_err(), other_head);
        }
    }
}
