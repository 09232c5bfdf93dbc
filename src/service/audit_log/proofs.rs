//! Proofs of inclusion and of consistency.

use domain::transparency_log::{
    frontier::Frontier,
    hash::Hash,
    proof::{assembled, consistency_ranges, inclusion_ranges, needed},
    subtree::Subtree,
};
use store::{LogFilter, LoggedEntry};
use uuid::Uuid;

use super::{error::AuditLogError, log::AuditLog};

/// Which entry is to be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryName {
    /// By its number.
    Index(u64),
    /// By the id of its event.
    Id(Uuid),
}

/// The proof that an entry is in the tree of a size.
#[derive(Clone, Debug)]
pub struct InclusionProof {
    /// The entry, with the hash of its leaf.
    pub entry: LoggedEntry,
    /// The number of entries of the tree.
    pub size: u64,
    /// The hash of the tree.
    pub root: Hash,
    /// The hashes of the proof, from the leaf upwards.
    pub hashes: Vec<Hash>,
    /// A signed checkpoint of this size, if there is one.
    pub checkpoint: Option<String>,
}

/// The proof that a tree is the beginning of a larger one.
#[derive(Clone, Debug)]
pub struct ConsistencyProof {
    /// The number of entries of the smaller tree.
    pub from: u64,
    /// The hash of the smaller tree.
    pub from_root: Hash,
    /// The number of entries of the larger tree.
    pub to: u64,
    /// The hash of the larger tree.
    pub to_root: Hash,
    /// The hashes of the proof.
    pub hashes: Vec<Hash>,
}

impl AuditLog {
    /// Proves that an entry is in the log. Without a size, the tree is that of the newest checkpoint if the entry is in it.
    ///
    /// # Errors
    /// `NoEntry`, or the database cannot be reached.
    pub async fn prove_inclusion(
        &self,
        name: EntryName,
        size: Option<u64>,
    ) -> Result<InclusionProof, AuditLogError> {
        let entry = self.logged(name).await?.ok_or(AuditLogError::NoEntry)?;
        let head = self.store.audit_log_head().await?;
        let newest = self.store.newest_audit_checkpoint(head.generation).await?;
        let newest = newest.filter(|newest| newest.size > entry.entry.index);
        let default = newest.as_ref().map_or(head.size(), |newest| newest.size);
        let size = size.unwrap_or(default);
        if size > head.size() {
            return Err(AuditLogError::NoEntry);
        }
        let ranges = inclusion_ranges(entry.entry.index, size).ok_or(AuditLogError::NoEntry)?;
        let known = self.store.audit_subtrees(needed(&ranges)).await?;
        let hashes = assembled(&ranges, &known).ok_or(AuditLogError::NoEntry)?;
        let checkpoint = newest.filter(|newest| newest.size == size).map(|newest| newest.note);
        Ok(InclusionProof { entry, size, root: self.root(size).await?, hashes, checkpoint })
    }

    /// Proves that the tree of `from` entries is the beginning of the tree of `to` entries, or of the whole log.
    ///
    /// # Errors
    /// `NoEntry` if the log is smaller, `from` is 0 or larger than `to`, or what the proof needs was dropped; or the database
    /// cannot be reached.
    pub async fn prove_consistency(
        &self,
        from: u64,
        to: Option<u64>,
    ) -> Result<ConsistencyProof, AuditLogError> {
        let size = self.store.audit_log_head().await?.size();
        let to = to.unwrap_or(size);
        if to > size {
            return Err(AuditLogError::NoEntry);
        }
        let ranges = consistency_ranges(from, to).ok_or(AuditLogError::NoEntry)?;
        let known = self.store.audit_subtrees(needed(&ranges)).await?;
        let hashes = assembled(&ranges, &known).ok_or(AuditLogError::NoEntry)?;
        let (from_root, to_root) = (self.root(from).await?, self.root(to).await?);
        Ok(ConsistencyProof { from, from_root, to, to_root, hashes })
    }

    async fn logged(&self, name: EntryName) -> Result<Option<LoggedEntry>, AuditLogError> {
        let filter = match name {
            EntryName::Index(index) => {
                LogFilter { from: Some(index), before: index.checked_add(1), ..LogFilter::default() }
            }
            EntryName::Id(id) => LogFilter { id: Some(id), ..LogFilter::default() },
        };
        Ok(self.store.audit_entries(filter, false, 1).await?.pop())
    }

    /// The hash of the tree of the first `size` entries.
    async fn root(&self, size: u64) -> Result<Hash, AuditLogError> {
        let subtrees = Subtree::covering(0, size);
        let known = self.store.audit_subtrees(subtrees).await?;
        if size == 0 {
            return Ok(Frontier::default().root());
        }
        known.range(0, size).ok_or(AuditLogError::NoEntry)
    }
}
