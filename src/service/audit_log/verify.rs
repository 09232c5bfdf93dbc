//! Verifies the whole log: every entry, every stored hash, every checkpoint, and the checkpoints of an anchor.

use domain::transparency_log::{
    checkpoint::Checkpoint,
    hash::Hash,
    log_check::{Finding, KEPT_LEVEL, LogCheck, Witness},
    note::{NoteError, NoteVerifier},
};
use store::{LogFilter, LogHead, LogRestore, LoggedEntry, Store, StoreError};
use time::OffsetDateTime;

use super::{anchor::AnchorPlace, error::AuditLogError, log::AuditLog};

/// The number of entries that are read at once.
const PAGE: u32 = 8_192;
const TABLE: &str = "a checkpoint in the database";
const ANCHOR: &str = "the anchor";

/// How the log is verified.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// Further verifier keys, for example those of earlier signing keys. Without the log's own keys, only these count.
    pub keys: Vec<NoteVerifier>,
    /// The anchor. Without it, a log that was cut off together with its checkpoints is not noticed.
    pub anchor: Option<AnchorPlace>,
    /// Which losses by restores of the database are accepted, if they are recorded.
    pub accepted: AcceptedLosses,
}

/// Which losses are accepted. A superuser of the database can record a restore that never happened, so a person must name each
/// loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcceptedLosses {
    /// Only these: for each loss, the number of entries that were kept, and the number that the anchor knows.
    Named(Vec<(u64, u64)>),
    /// All losses. This is for the report at the end of a restore, which prints them.
    All,
}

impl Default for AcceptedLosses {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

impl AcceptedLosses {
    fn accept(&self, lost: &LostEntries) -> bool {
        match self {
            Self::Named(named) => named.contains(&(lost.kept, lost.known)),
            Self::All => true,
        }
    }
}

/// Entries that a restore of the database has lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostEntries {
    /// The number of entries that were kept.
    pub kept: u64,
    /// The number of entries that the anchor knows.
    pub known: u64,
    /// The time of the restore.
    pub at: OffsetDateTime,
}

/// A log in which nothing is wrong.
#[derive(Clone, Debug)]
pub struct VerifiedLog {
    /// The number of entries.
    pub size: u64,
    /// The number of the first entry that is there. Those before it were dropped with their month.
    pub first: u64,
    /// The hash of the tree.
    pub root: Hash,
    /// The number of checkpoints that fit.
    pub checkpoints: usize,
    /// The largest size among the checkpoints of this generation in the anchor.
    pub anchored: Option<u64>,
    /// The events that have not entered the log yet.
    pub backlog: u64,
    /// What restores have lost.
    pub lost: Vec<LostEntries>,
}

/// Why a log was not verified.
#[derive(Clone, Debug, thiserror::Error)]
pub enum VerifyError {
    /// The log was changed.
    #[error(transparent)]
    Wrong(#[from] Finding),
    /// A restore has lost entries.
    #[error(
        "entry {} is missing: the anchor knows {} entries, but the restore of the database at {} kept {}; {} entries are lost",
        .0.kept, .0.known, .0.at, .0.kept, .0.known - .0.kept
    )]
    Lost(LostEntries),
    /// The anchor has no checkpoint of the log.
    #[error("the anchor has no checkpoint of this log: it is another log, or nothing was anchored yet")]
    NotAnchored,
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] AuditLogError),
}

impl From<StoreError> for VerifyError {
    fn from(error: StoreError) -> Self {
        Self::Log(error.into())
    }
}

/// The checkpoints that the log is compared with.
#[derive(Default)]
struct Witnesses {
    fitting: Vec<Witness>,
    anchored: Option<u64>,
    lost: Vec<LostEntries>,
}

impl Witnesses {
    /// Notes that entries are lost. For each restore, the largest number counts.
    fn lose(&mut self, lost: LostEntries) {
        match self.lost.iter_mut().find(|known| (known.kept, known.at) == (lost.kept, lost.at)) {
            Some(known) => known.known = known.known.max(lost.known),
            None => self.lost.push(lost),
        }
    }
}

impl AuditLog {
    /// Verifies the log. `progress` gets the number of verified entries and of all entries.
    ///
    /// # Errors
    /// What is wrong, or why the log cannot be read.
    pub async fn verify(
        &self,
        options: &VerifyOptions,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<VerifiedLog, VerifyError> {
        let keys = self.verifiers(options).await?;
        // The checkpoints are read before the head, so the log has at least their size.
        let notes = self.store.audit_checkpoints().await?;
        let anchored = match &options.anchor {
            Some(anchor) => Some(anchor.notes().await?),
            None => None,
        };
        let head = self.store.audit_log_head().await?;
        let table = notes.into_iter().map(|stored| stored.note).collect();
        let witnesses = self.witnesses(&head, &keys, table, anchored).await?;
        let mut check = LogCheck::new(head.dropped.clone(), witnesses.fitting);
        let last = self.check_entries(&mut check, &head, progress).await?;
        check.end(&head.frontier, last)?;
        self.check_end(&head).await?;
        if let Some(lost) = witnesses.lost.iter().find(|lost| !options.accepted.accept(lost)) {
            return Err(VerifyError::Lost(*lost));
        }
        Ok(VerifiedLog {
            size: check.size(),
            first: head.dropped.size(),
            root: check.root(),
            checkpoints: check.checkpoints(),
            anchored: witnesses.anchored,
            backlog: self.store.audit_backlog(PAGE).await?.0,
            lost: witnesses.lost,
        })
    }

    async fn verifiers(&self, options: &VerifyOptions) -> Result<Vec<NoteVerifier>, AuditLogError> {
        let mut keys = options.keys.clone();
        match self.keys(false).await {
            Ok(own) => keys.push(own.signer.verifier().clone()),
            // With keys of the operator, the secrets of the server are not needed.
            Err(AuditLogError::Unopened | AuditLogError::NoKeys) if !keys.is_empty() => {}
            // A log that no server has written to has no checkpoints either.
            Err(AuditLogError::NoKeys) => {}
            Err(error) => return Err(error),
        }
        Ok(keys)
    }

    async fn witnesses(
        &self,
        head: &LogHead,
        keys: &[NoteVerifier],
        table: Vec<String>,
        anchored: Option<Vec<String>>,
    ) -> Result<Witnesses, VerifyError> {
        let restores = self.store.audit_log_restores().await?;
        let mut witnesses = Witnesses::default();
        let in_anchor = anchored.is_some();
        let notes = table.into_iter().map(|note| (note, TABLE));
        let notes = notes.chain(anchored.into_iter().flatten().map(|note| (note, ANCHOR)));
        let mut known = 0;
        for (note, place) in notes {
            let checkpoint = match Checkpoint::open(&note, keys) {
                Ok(checkpoint) => checkpoint,
                // An anchor may keep the checkpoints of several logs.
                Err(NoteError::UnknownKey) if place == ANCHOR => continue,
                Err(error) => {
                    let size = note.lines().nth(1).and_then(|size| size.parse().ok()).unwrap_or(0);
                    return Err(
                        Finding::Checkpoint { size, witness: place, reason: error.to_string() }.into()
                    );
                }
            };
            let is_current = checkpoint.origin == head.origin();
            let cut = restores
                .iter()
                .find(|cut| head.origin_of(cut.generation, cut.generation_id) == checkpoint.origin);
            if !is_current && cut.is_none() && !head.has_generation(&checkpoint.origin) {
                continue;
            }
            known += usize::from(place == ANCHOR);
            // A generation that the database does not know was lost with the restore that came last. Without a restore, there is
            // no such generation, and the log must have its entries.
            let cut = cut.or_else(|| restores.last().filter(|_| !is_current));
            match cut {
                Some(LogRestore { kept, at, .. }) if checkpoint.size > *kept => {
                    witnesses.lose(LostEntries { kept: *kept, known: checkpoint.size, at: *at });
                }
                _ => {
                    if place == ANCHOR && is_current {
                        witnesses.anchored = witnesses.anchored.max(Some(checkpoint.size));
                    }
                    witnesses.fitting.push(Witness { checkpoint, place });
                }
            }
        }
        if in_anchor && known == 0 { Err(VerifyError::NotAnchored) } else { Ok(witnesses) }
    }

    /// Checks all entries until the size of the head. Returns the id of the last event.
    async fn check_entries(
        &self,
        check: &mut LogCheck,
        head: &LogHead,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Option<uuid::Uuid>, VerifyError> {
        let (first, size) = (head.dropped.size(), head.size());
        let (mut last, mut page) = (None, self.page(first, size));
        loop {
            let (entries, kept) =
                page.await.map_err(|_| StoreError::Internal("a task panicked".to_owned()))??;
            let Some(end) = entries.last().map(|last| last.entry.index + 1) else { return Ok(last) };
            // The database reads the next page while this one is hashed.
            page = self.page(end, size);
            kept.into_iter().for_each(|(index, hash)| check.keep(index, hash));
            for LoggedEntry { entry, leaf_hash } in &entries {
                check.entry(entry, leaf_hash)?;
                last = Some(entry.id);
            }
            progress(check.size() - first, size - first);
        }
    }

    /// Reads a page of entries, with the stored hashes of the subtrees that end in it.
    fn page(&self, from: u64, size: u64) -> tokio::task::JoinHandle<Result<Page, StoreError>> {
        let store: Store = self.store.clone();
        self.store.runtime().spawn(async move {
            let filter = LogFilter { from: Some(from), before: Some(size), ..LogFilter::default() };
            let entries = store.audit_entries(filter, false, PAGE).await?;
            let end = entries.last().map_or(from, |last| last.entry.index + 1);
            let kept = store.audit_kept_subtrees(from >> KEPT_LEVEL, end >> KEPT_LEVEL).await?;
            Ok((entries, kept))
        })
    }

    /// Checks that dropped entries were dropped by the server, that nothing lies behind the end of the log, and that no number is
    /// there twice.
    async fn check_end(&self, head: &LogHead) -> Result<(), VerifyError> {
        let first = head.dropped.size();
        if first > 0 && !self.store.audit_drop_is_recorded(first).await? {
            return Err(Finding::Beginning { first }.into());
        }
        if let Some((index, id)) = self.store.audit_surplus_entry(head.dropped.size(), head.size()).await? {
            return Err(Finding::Inserted { index, id }.into());
        }
        Ok(())
    }
}

type Page = (Vec<LoggedEntry>, Vec<(u64, Hash)>);
