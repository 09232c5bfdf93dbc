//! Mails, for operators: what was sent to which user, and sending a mail again.

use domain::mail::kind::MailKind;
use protocol::id::UserId;
use store::{ListedMail, MailFilter, MailState, Store};
use uuid::Uuid;

use super::{
    authority::{Authority, Right},
    read_filters::with_filters,
};
use crate::core::{
    caller::Caller,
    clock::Clock,
    cursor::{cursor_after, read_cursor},
    failure::Failure,
    page::{Page, PageRequest},
    request_meta::RequestMeta,
};

/// Which mails to list.
#[derive(Clone, Debug, Default)]
pub struct MailQuery {
    /// Only mails in this state.
    pub state: Option<MailState>,
    /// Only mails of this kind.
    pub kind: Option<MailKind>,
    /// Only mails to this user.
    pub user: Option<UserId>,
    /// Only mails to this address, as it is written in the account.
    pub address: Option<String>,
    /// The page.
    pub page: PageRequest,
}

/// Lists mails and sends them again.
pub struct OperatorMails {
    store: Store,
    clock: Clock,
    authority: Authority,
}

impl OperatorMails {
    pub(super) fn new(store: Store, clock: Clock, authority: Authority) -> Self {
        Self { store, clock, authority }
    }

    /// A page of mails, newest first. No entry has a link.
    ///
    /// # Errors
    /// The errors of `Authority::read`; `BadRequest` for an invalid cursor; `Unavailable`.
    pub async fn list(
        &self,
        caller: &Caller,
        query: MailQuery,
        meta: &RequestMeta,
    ) -> Result<Page<ListedMail>, Failure> {
        let MailQuery { state, kind, user, address, page } = query;
        let mut event = self.authority.event(caller, "mails.listed", meta);
        event.user = user;
        let filters = [(state.is_some(), "state"), (kind.is_some(), "kind"), (address.is_some(), "address")];
        self.authority.read(caller, Right::Read, with_filters(event, &filters)).await?;
        let (before, limit) = (page.after(read_cursor)?, page.one_more());
        let filter = MailFilter { state, kind, user, address, before, limit };
        let mails = self.store.mails(filter).await?;
        Ok(page.page(mails, |last| cursor_after(last.created_at, last.id)))
    }

    /// Sends a mail again, with another Message-ID.
    ///
    /// # Errors
    /// The errors of `Authority::change`; `NotFound`; `Conflict` if the mail is still on its way, or if its link has ended;
    /// `Unavailable`.
    pub async fn send_again(
        &self,
        caller: &Caller,
        id: Uuid,
        reason: &str,
        meta: &RequestMeta,
    ) -> Result<ListedMail, Failure> {
        let event = self.authority.event(caller, "mail.sent_again", meta);
        let event = event.with("mail", id.to_string()).with("reason", reason);
        let mandate = self.authority.change(caller, Right::Operate, event).await?;
        let found = self.store.mail(id).await?.ok_or_else(no_such_mail);
        let found = mandate.conclude(found).await?;
        let target = self.store.user_by_id(found.user).await?.ok_or_else(no_such_mail);
        mandate.act_on(&mandate.conclude(target).await?).await?;
        let now = self.clock.now();
        let mut event = mandate.event.clone().with("kind", found.kind.as_str());
        event.user = Some(found.user);
        if !found.may_be_sent_again(now) {
            return mandate.conclude(Err(not_sendable())).await;
        }
        match self.store.send_mail_again(id, now, mandate.acting_session, event).await {
            Ok(Some(mail)) => Ok(mail),
            Ok(None) => mandate.conclude(Err(not_sendable())).await,
            Err(error) => Err(mandate.failure(error).await),
        }
    }
}

fn no_such_mail() -> Failure {
    Failure::not_found("There is no such mail.")
}

fn not_sendable() -> Failure {
    Failure::conflict(
        "mail_not_sendable",
        "The mail is still on its way, or its link was used or has expired. The user can ask for a new one.",
    )
}
