//! Carries out the erasures that are due: removes what the tables hold about a person, in batches, and then the account.
//!
//! This is a job. Every node may run it at the same time, and may be killed at any time. `store::personal_data` says why
//! nothing is half done. Each node also removes the persons from its histories in memory. After an erasure, late rows are
//! searched for thirty days, once an hour: audit events of a node that had lost its database may arrive days later.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    time::Duration,
};

use actors::Realtime;
use domain::account::{
    account_key::AccountKey,
    erasure::{ERASED_MESSAGE, ErasureRequester, ErasureRules, ErasureState, MessagesOfErased, SWEPT_FOR},
};
use logic::erasure::Erasure as MessageErasure;
use parking_lot::Mutex;
use protocol::{
    ErrorCode, Payload,
    audit::AuditEvent,
    id::{Subject, UserId},
};
use store::{Erased, ErasedBatch, Erasure, ErasureTombstone, Store};
use uuid::Uuid;

use super::{batches::in_batches, erasure_records::ErasureRecords, step_log::logged};
use crate::{
    core::{
        audit::AuditTrail,
        clock::{Clock, after, before},
        failure::Failure,
        throttle::Throttle,
    },
    revocation::erasure_requests::ErasureRequests,
};

/// How often the job runs.
pub(crate) const EVERY: Duration = Duration::from_secs(30);
/// How often late rows of an erased person are searched.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);
/// How long after a step of an erasure each node looks for the person in its memory.
const IN_MEMORY: Duration = Duration::from_secs(10 * 60);
/// The most erasures that one pass begins, continues or searches.
const AT_ONCE: u32 = 100;
/// The number of records of the file that are compared with the database at once.
const COMPARED: usize = 500;

/// Carries out erasures.
pub(crate) struct Erasing {
    store: Store,
    realtime: Realtime,
    clock: Clock,
    audit: AuditTrail,
    throttle: Throttle,
    requests: ErasureRequests,
    messages: MessagesOfErased,
    records: Option<ErasureRecords>,
    /// Whether the records of the file were compared with the database since the start.
    compared: AtomicBool,
    /// The persons that were removed from the memory of this node, and the state of their erasure then.
    removed: Mutex<HashMap<UserId, ErasureState>>,
}

/// How far the steps of one erasure are.
#[derive(Default)]
struct Progress {
    /// The number of the step.
    step: AtomicUsize,
    /// The position in the step.
    position: AtomicI64,
    /// Whether another node works on this erasure.
    busy: AtomicBool,
}

/// The parts of [`Erasing`].
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) realtime: Realtime,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    pub(crate) throttle: Throttle,
    pub(crate) requests: ErasureRequests,
    pub(crate) rules: ErasureRules,
}

impl Erasing {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { store, realtime, clock, audit, throttle, requests, rules } = parts;
        Self {
            store,
            realtime,
            clock,
            audit,
            throttle,
            requests,
            messages: rules.messages,
            records: rules.records.map(ErasureRecords::new),
            compared: AtomicBool::new(false),
            removed: Mutex::default(),
        }
    }

    /// One pass.
    ///
    /// # Errors
    /// The first failure. It has been logged, and the other steps have run. The next pass continues.
    pub(crate) async fn run(&self) -> Result<(), Failure> {
        let repeated = logged("erasures before a restore", self.repeat_recorded().await);
        let begun = logged("erasures that are due", self.begin_due().await);
        let erased = logged("erasures under way", self.carry_out().await);
        let swept = logged("late rows of erased persons", self.sweep().await);
        let memory = logged("erased persons in memory", self.clear_memory().await);
        repeated.and(begun).and(erased).and(swept).and(memory)
    }

    /// Requests the erasure of accounts that were erased and exist again, because a backup was restored. Once after the start.
    async fn repeat_recorded(&self) -> Result<(), Failure> {
        let Some(records) = self.records.as_ref().filter(|_| !self.compared.load(Ordering::Acquire)) else {
            return Ok(());
        };
        let (erased, wrong) = records.read().await.map_err(|error| unusable(records, &error))?;
        if wrong > 0 {
            tracing::warn!(file = %records.path().display(), wrong, "lines of the file of erasures cannot be read");
        }
        for some in erased.chunks(COMPARED) {
            for user in self.store.returned_accounts(some.to_vec()).await? {
                self.repeat(user).await?;
            }
        }
        self.compared.store(true, Ordering::Release);
        Ok(())
    }

    async fn repeat(&self, user: UserId) -> Result<(), Failure> {
        let requester = ErasureRequester::Restore;
        let event = self.event("erasure.requested", user).with("requested_by", requester.as_str());
        let order = self.requests.order(user, "the account was erased before a backup was restored", event);
        match self.requests.request(user, requester, String::new(), order).await {
            // Another node was faster.
            Ok(_) | Err(Failure::Conflict { code: store::ERASURE_REQUESTED, .. }) => {
                tracing::warn!(
                    user = user.0,
                    "an erased account came back with a backup; it is erased again"
                );
                Ok(())
            }
            Err(Failure::Conflict { detail, .. }) => {
                tracing::error!(user = user.0, %detail, "an erased account came back with a backup, and cannot be erased again");
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    async fn begin_due(&self) -> Result<(), Failure> {
        let now = self.clock.now();
        for (erasure, email) in self.store.due_erasures(now, AT_ONCE).await? {
            let name_hash = self.throttle.hashed_name(AccountKey::of(&email).as_str());
            let pseudonym = format!("erased-{}", Uuid::new_v4().simple());
            let cancelled = self.event("erasure.cancelled", erasure.user).with("by", "activation");
            self.store.begin_erasure(erasure.user, name_hash, pseudonym, now, cancelled).await?;
        }
        Ok(())
    }

    async fn carry_out(&self) -> Result<(), Failure> {
        for erasure in self.store.begun_erasures(AT_ONCE).await? {
            self.empty_personal_channel(erasure.user).await?;
            while self.steps(erasure.user).await? {
                if self.finish(&erasure).await? != Erased::NotYet {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Carries out all steps. `false` if another node works on this erasure.
    async fn steps(&self, user: UserId) -> Result<bool, Failure> {
        let progress = Progress::default();
        in_batches(|| self.batch(user, &progress)).await?;
        Ok(!progress.busy.load(Ordering::Relaxed))
    }

    /// Removes a batch of rows. `false` if there is no further batch, or if another node works on this erasure.
    async fn batch(&self, user: UserId, progress: &Progress) -> Result<bool, Failure> {
        let Progress { step, position, busy } = progress;
        let (at, from) = (step.load(Ordering::Relaxed), position.load(Ordering::Relaxed));
        match self.store.erase_batch(user, self.messages, at, from).await? {
            ErasedBatch::More(next) => position.store(next, Ordering::Relaxed),
            ErasedBatch::Done => {
                step.fetch_add(1, Ordering::Relaxed);
                position.store(0, Ordering::Relaxed);
            }
            ErasedBatch::NoStep => return Ok(false),
            ErasedBatch::Busy => {
                busy.store(true, Ordering::Relaxed);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Records the erasure outside of the database, and ends it. If it cannot be recorded, it does not end.
    async fn finish(&self, erasure: &Erasure) -> Result<Erased, Failure> {
        let now = self.clock.now();
        if let Some(records) = &self.records {
            let Erasure { user, account_created_at, .. } = *erasure;
            let record = ErasureTombstone { user, account_created_at };
            records.add(record, now).await.map_err(|error| unusable(records, &error))?;
        }
        let event = self.event("erasure.carried_out", erasure.user);
        let event = event.with("requested_by", erasure.requested_by.as_str());
        let erased = self.store.finish_erasure(erasure.user, self.messages, now, event).await?;
        if erased == Erased::Yes {
            metrics::counter!("erasures_total").increment(1);
            tracing::info!(user = erasure.user.0, "an account was erased");
        }
        Ok(erased)
    }

    /// Removes the messages that programs have sent to the person alone.
    async fn empty_personal_channel(&self, user: UserId) -> Result<(), Failure> {
        let subject = Subject::new(&user.to_string());
        let channel = match self.messages {
            MessagesOfErased::Keep => None,
            MessagesOfErased::Erase | MessagesOfErased::Pseudonymise => {
                self.realtime.namespaces().personal(&subject)
            }
        };
        let Some(channel) = channel else { return Ok(()) };
        match self.realtime.remove_history(channel).await {
            Ok(()) | Err(ErrorCode::NotAvailable | ErrorCode::UnknownChannel) => Ok(()),
            Err(_) => Err(Failure::unavailable()),
        }
    }

    /// Repeats the steps for persons that were erased in the last thirty days.
    async fn sweep(&self) -> Result<(), Failure> {
        let now = self.clock.now();
        for erasure in self.store.unswept_erasures(before(now, SWEEP_EVERY), AT_ONCE).await? {
            if self.steps(erasure.user).await? {
                let last = erasure.erased_at.is_none_or(|erased| after(erased, SWEPT_FOR) <= now);
                self.store.swept_erasure(erasure.user, now, last).await?;
            }
        }
        Ok(())
    }

    /// Removes the persons from the histories of this node that are in memory only. It does so when their erasure has begun,
    /// and again after its end, because a history may have been read in between.
    async fn clear_memory(&self) -> Result<(), Failure> {
        if self.messages == MessagesOfErased::Keep {
            return Ok(());
        }
        let recent = self.store.recent_erasures(before(self.clock.now(), IN_MEMORY)).await?;
        let known = self.removed.lock().clone();
        let is_new = |erasure: &&Erasure| known.get(&erasure.user) != Some(&erasure.state);
        let new: Vec<_> = recent.iter().filter(is_new).collect();
        if !new.is_empty() {
            let name = |erasure: &Erasure| erasure.pseudonym.as_deref().map(Subject::new);
            let renamed = self.messages == MessagesOfErased::Pseudonymise;
            let names = new
                .into_iter()
                .map(|erasure| (Subject::new(&erasure.user.to_string()), name(erasure).filter(|_| renamed)));
            let erased = Payload::parse(ERASED_MESSAGE).map_err(|_| Failure::Internal)?;
            let erasure = MessageErasure::of_persons(names.collect(), erased);
            self.realtime.erase(None, erasure).await.map_err(|_| Failure::unavailable())?;
        }
        *self.removed.lock() = recent.iter().map(|erasure| (erasure.user, erasure.state)).collect();
        Ok(())
    }

    fn event(&self, name: &str, user: UserId) -> AuditEvent {
        AuditEvent { user: Some(user), ..self.audit.local_event(name) }
    }
}

fn unusable(records: &ErasureRecords, error: &std::io::Error) -> Failure {
    tracing::error!(file = %records.path().display(), %error, "the file of erasures cannot be used; no erasure ends until it can");
    Failure::unavailable()
}
