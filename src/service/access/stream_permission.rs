//! The permission for an answer that is sent piece by piece: exports, and followers of the audit log.
//!
//! The request was permitted when it began. The answer takes longer, so the code that makes the pieces asks here for each one.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::account::role::Scope;

use super::{
    Access, feed_state::FeedState, refusal::Refusal, session_changes::SessionWatch, verifier::Verifier,
};
use crate::core::{caller::Caller, failure::Failure};

/// How long an answer waits while this node cannot read revocations.
const HELD_FOR: Duration = Duration::from_secs(30);
/// How often it looks whether the node can.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Makes the permissions of answers. Clones are cheap.
#[derive(Clone)]
pub(crate) struct StreamPermissions {
    verifier: Verifier,
    feed: Arc<FeedState>,
}

impl StreamPermissions {
    pub(crate) fn new(access: &Access) -> Self {
        Self { verifier: access.verifier.clone(), feed: Arc::clone(&access.feed) }
    }

    /// The permission for an answer to this caller, which needs this scope.
    pub(crate) fn of(&self, caller: &Caller, scope: Scope) -> StreamPermission {
        StreamPermission { judges: self.clone(), caller: caller.clone(), scope }
    }
}

/// The permission for one answer. Clones are cheap.
#[derive(Clone)]
pub(crate) struct StreamPermission {
    judges: StreamPermissions,
    caller: Caller,
    scope: Scope,
}

impl StreamPermission {
    /// Makes the next piece. Returns it if, after the piece was made, the caller is still permitted the request: the session
    /// works, neither the user nor the token is denied, and the role still gives the scope. While this node cannot know of
    /// revocations, the answer waits, and ends after a while.
    ///
    /// # Errors
    /// `Invalid` if the session has ended or the caller is denied. `Forbidden` if the account or the role no longer permits the
    /// answer. `Unavailable`, and the errors of the piece.
    pub(crate) async fn permit<T, E>(&self, piece: impl Future<Output = Result<T, E>>) -> Result<T, Failure>
    where
        Failure: From<E>,
    {
        self.until_current().await?;
        let made = piece.await?;
        let role = self.judges.verifier.judge_again(&self.caller).await.map_err(failure)?;
        if role.scopes().contains(self.scope) {
            return Ok(made);
        }
        Err(Failure::forbidden("not_permitted", "Your role no longer permits this."))
    }

    /// Watches the session of the caller, so that the answer can be judged again when it changes.
    pub(crate) fn watch(&self) -> SessionWatch {
        self.judges.verifier.watch(self.caller.session)
    }

    async fn until_current(&self) -> Result<(), Failure> {
        let (feed, began) = (&self.judges.feed, Instant::now());
        while !feed.is_current() {
            if began.elapsed() > HELD_FOR {
                return Err(Failure::unavailable());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

fn failure(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Unavailable => Failure::unavailable(),
        Refusal::Forbidden(code) => Failure::forbidden(code, "Your account no longer permits this."),
        Refusal::Invalid(_) | Refusal::Expired | Refusal::Ended(_) | Refusal::Denied(_) => {
            Failure::session_revoked()
        }
    }
}
