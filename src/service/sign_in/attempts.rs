//! Attempts to sign in: records each attempt with a proof that was judged, even for accounts that do not exist, and shows users
//! the attempts on their accounts.
//!
//! The transaction that opens a session also writes its attempt. [`SignInAttempts::write`] writes all other attempts.

use actors::Realtime;
use domain::{abuse::attempt::AttemptOutcome, risk::sign_in_history::Attempted, session::SignInMethod};
use logic::tally::Series;
use protocol::id::UserId;
use store::{Attempt, Store};
use uuid::Uuid;

use super::request_device::RequestDevices;
use crate::core::{
    caller::Caller,
    clock::{Clock, millis},
    cursor::{cursor_after, read_cursor},
    failure::Failure,
    page::{Page, PageRequest},
    request_meta::RequestMeta,
    throttle::Throttle,
};

/// Records and lists attempts to sign in. Clones are cheap.
#[derive(Clone)]
pub struct SignInAttempts {
    store: Store,
    realtime: Realtime,
    clock: Clock,
    throttle: Throttle,
    devices: RequestDevices,
}

impl SignInAttempts {
    pub(crate) fn new(
        store: Store,
        realtime: Realtime,
        clock: Clock,
        throttle: Throttle,
        devices: RequestDevices,
    ) -> Self {
        Self { store, realtime, clock, throttle, devices }
    }

    /// An attempt of this request, with the time now. `name` is an account key, or the id of a passkey. The work is the same
    /// whether or not an account has this key or passkey.
    pub(crate) fn begin(
        &self,
        name: &str,
        user: Option<UserId>,
        method: SignInMethod,
        outcome: AttemptOutcome,
        meta: &RequestMeta,
    ) -> Attempt {
        Attempt {
            id: Uuid::new_v4(),
            at: self.clock.now(),
            user,
            identifier: self.throttle.hashed_name(name),
            method,
            outcome,
            device: meta.device,
            session: None,
            address: Some(meta.address),
            user_agent: meta.user_agent.clone(),
            fingerprint: Some(meta.fingerprint.clone()),
            place: self.devices.place(meta),
            risk: None,
        }
    }

    /// Counts a sign-in with this outcome: `success`, `refused` or `challenged`.
    pub(crate) fn count(&self, outcome: &'static str) {
        metrics::counter!("sign_ins_total", "outcome" => outcome).increment(1);
        self.realtime.tally().count(Series::SignIns, outcome, 1);
    }

    /// Writes an attempt that opened no session.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub(crate) async fn write(&self, attempt: Attempt) -> Result<(), Failure> {
        self.store.insert_attempt(attempt.clone()).await?;
        self.add_to_history(attempt);
        Ok(())
    }

    /// Adds a stored attempt to the user's history in memory, if it was a success or a wrong proof. The next sign-in is
    /// assessed against this history.
    pub(crate) fn add_to_history(&self, attempt: Attempt) {
        let succeeded = attempt.outcome == AttemptOutcome::Success;
        let Some(user) = attempt.user.filter(|_| succeeded || attempt.outcome.is_failed_proof()) else {
            return;
        };
        let (at_ms, place) = (millis(attempt.at), succeeded.then_some(attempt.place));
        self.realtime.attempted(Attempted { user, at_ms, succeeded: place });
    }

    /// Attempts on the caller's account, newest first.
    ///
    /// # Errors
    /// `BadRequest` for an invalid cursor, `Unavailable`.
    pub async fn list(&self, caller: &Caller, page: &PageRequest) -> Result<Page<Attempt>, Failure> {
        let (before, limit) = (page.after(read_cursor)?, page.one_more());
        let attempts = self.store.attempts_of(caller.user, before, limit).await?;
        Ok(page.page(attempts, |last| cursor_after(last.at, last.id)))
    }
}
