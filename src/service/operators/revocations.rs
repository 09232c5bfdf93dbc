//! The revocations that were made, how far they are carried out, and their receipts.

use std::sync::Arc;

use domain::receipt::signed::SignedReceipt;
use protocol::{
    close::Cause,
    id::{RevocationId, UserId},
};
use store::{ListedRevocation, RevocationFilter, RevocationProgress, Store};
use time::OffsetDateTime;

use super::authority::{Authority, Right};
use crate::{
    audit_log::{log::AuditLog, receipts::FoundReceipt},
    core::{
        caller::Caller,
        cursor::{number_cursor_after, read_number_cursor},
        failure::Failure,
        request_meta::RequestMeta,
    },
};

/// Which revocations to list.
#[derive(Clone, Debug, Default)]
pub struct RevocationQuery {
    /// Only revocations with this cause.
    pub cause: Option<Cause>,
    /// Only revocations of this user, or that ended sessions of this user.
    pub user: Option<UserId>,
    /// Only revocations that this user requested.
    pub actor: Option<UserId>,
    /// Only revocations at this time or later.
    pub since: Option<OffsetDateTime>,
    /// The most revocations in a page.
    pub limit: u32,
    /// The cursor that came with the previous page.
    pub cursor: Option<String>,
}

/// A page of revocations, newest first.
#[derive(Clone, Debug)]
pub struct RevocationPage {
    /// The revocations.
    pub revocations: Vec<ListedRevocation>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// Lists and shows revocations and their receipts.
pub struct Revocations {
    store: Store,
    authority: Authority,
    audit_log: Arc<AuditLog>,
}

impl Revocations {
    pub(crate) fn new(store: Store, authority: Authority, audit_log: Arc<AuditLog>) -> Self {
        Self { store, authority, audit_log }
    }

    /// A page of revocations.
    ///
    /// # Errors
    /// The errors of `Authority::read`; `BadRequest` for an invalid cursor; `Unavailable`.
    pub async fn list(
        &self,
        caller: &Caller,
        query: RevocationQuery,
        meta: &RequestMeta,
    ) -> Result<RevocationPage, Failure> {
        let mut event = self.authority.event(caller, "revocations.searched", meta);
        event.user = query.user;
        if let Some(actor) = query.actor {
            event = event.with("of_actor", actor.0);
        }
        self.authority.read(caller, Right::Read, event).await?;
        let before = query.cursor.as_deref().map(read_number_cursor).transpose()?;
        let RevocationQuery { cause, user, actor, since, limit, .. } = query;
        let before = before.map(|(at, id)| (at, RevocationId(id)));
        // One more than requested, to see whether there is another page.
        let filter = RevocationFilter { cause, user, actor, since, before, limit: limit.saturating_add(1) };
        let mut revocations = self.store.list_revocations(filter).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = revocations.len() > limit;
        revocations.truncate(limit);
        let next = revocations.last().filter(|_| more).map(|last| number_cursor_after(last.at, last.id.0));
        Ok(RevocationPage { revocations, next })
    }

    /// A revocation and how far it is carried out.
    ///
    /// # Errors
    /// The errors of `Authority::read`; `NotFound`; `Unavailable`.
    pub async fn show(
        &self,
        caller: &Caller,
        id: RevocationId,
        meta: &RequestMeta,
    ) -> Result<RevocationProgress, Failure> {
        let event = self.authority.event(caller, "revocation.read", meta).with("revocation", id.0);
        self.authority.read(caller, Right::Read, event).await?;
        let found = self.store.revocation(id).await?;
        found.ok_or_else(|| Failure::not_found("There is no such revocation, or it is no longer kept."))
    }

    /// The receipt of a revocation, with the proofs that the audit log contains it. Only a final receipt is handed out, because
    /// any receipt may be taken for a proof.
    ///
    /// # Errors
    /// The errors of `Authority::read`. `NotFound`, also for a revocation that gets no receipt. `Conflict` until every node has
    /// carried the revocation out and the log contains the receipt. `Unavailable`.
    pub async fn receipt(
        &self,
        caller: &Caller,
        id: RevocationId,
        meta: &RequestMeta,
    ) -> Result<SignedReceipt, Failure> {
        let event = self.authority.event(caller, "revocation.receipt_read", meta).with("revocation", id.0);
        self.authority.read(caller, Right::Read, event).await?;
        match self.audit_log.receipt(id, true).await? {
            FoundReceipt::Signed(receipt) => Ok(*receipt),
            FoundReceipt::Unknown => {
                Err(Failure::not_found("There is no such revocation, or it is no longer kept."))
            }
            FoundReceipt::Never => Err(Failure::NotFound {
                code: "no_receipt",
                detail: "The revocation was made before the server wrote receipts.".into(),
            }),
            waiting => Err(Failure::Conflict {
                code: "receipt_pending",
                detail: waiting.reason().unwrap_or_default().into(),
            }),
        }
    }
}
