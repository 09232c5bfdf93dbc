//! Denying: blocking a user, revoking a token, revoking every token of a user that was issued before a moment.
//!
//! The order is that of a revocation: the row, the commit, this node's memory, the sockets; other nodes hear of it through
//! the feed. What is denied is asked by the one verifier and, after registration, by the actors.

use actors::runtime::{Control, Selection};
use logic::denials::{Denial, Denied, Ruling, TokenMark};
use protocol::{
    UnsubscribeCode,
    audit::AuditEvent,
    channel_name::ChannelName,
    close::Cause,
    id::{Subject, UserId},
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Failure, Refusal, Services};
use store::{HeardDenial, NewDenial, RevocationRequest, Target};

/// How long a denial that is over is kept, so that every node has heard of what it said.
const KEPT: time::Duration = time::Duration::days(1);

/// What a denial did on this node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Severed {
    /// Connections that are closed, or have ended subscriptions that are to be proven anew.
    pub closed: usize,
    /// Connections that were not seen to be so in time.
    pub pending: usize,
}

/// Until when, why, and in whose name something is denied.
#[derive(Clone, Debug)]
pub struct DenialTerms {
    /// Until when; `None` for ever.
    pub expires_at: Option<OffsetDateTime>,
    /// Why, for people.
    pub reason: String,
    /// The event to be written with it, without its name.
    pub event: AuditEvent,
}

impl Services {
    /// Blocks a user: no door lets them in, and their connections end.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn block_user(&self, subject: Subject, terms: DenialTerms) -> Result<Severed, Failure> {
        let event = about(&terms, "user.blocked", &subject);
        self.rule(Denial::User { subject, lifted: false }, terms, event).await
    }

    /// Lets a user in again.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn unblock_user(&self, subject: Subject, terms: DenialTerms) -> Result<(), Failure> {
        let event = about(&terms, "user.unblocked", &subject);
        let terms = DenialTerms { expires_at: None, ..terms };
        self.rule(Denial::User { subject, lifted: true }, terms, event).await.map(drop)
    }

    /// Revokes one token by its `jti`: it opens no door, and the connections that it opened end.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn revoke_token(&self, id: &str, terms: DenialTerms) -> Result<Severed, Failure> {
        let event = named(&terms, "token.revoked").with("token", id);
        self.rule(Denial::Token { id: id.into() }, terms, event).await
    }

    /// Revokes every token of a user that was issued before `moment`, or those of subscriptions to one channel. Sessions of
    /// ours that were opened before it end, so that no refresh token outlives it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn invalidate_tokens(
        &self,
        subject: Subject,
        moment: OffsetDateTime,
        channel: Option<ChannelName>,
        terms: DenialTerms,
    ) -> Result<Severed, Failure> {
        let mut event = about(&terms, "tokens.invalidated", &subject).with("before", moment.unix_timestamp());
        if let Some(channel) = &channel {
            event = event.with("channel", channel.as_str());
        }
        let moment_ms = crate::core::clock::millis(moment);
        let word = channel.as_ref().map(|channel| channel.as_str().into());
        let denial = Denial::IssuedBefore { subject: subject.clone(), moment_ms, channel: word };
        let reason = terms.reason.clone();
        match channel {
            Some(_) => self.rule(denial, terms, event).await,
            // The sessions first: if the denial then fails, no refresh token makes up for the tokens that it would have
            // denied, and whoever asked asks again.
            None => {
                let ended = self.end_sessions_before(&subject, moment, reason).await?;
                Ok(ended.and(self.rule(denial, terms, event).await?))
            }
        }
    }

    /// Ends what memory denies, of what these rulings concern: connections first, then subscriptions of those that stay.
    async fn carry_out(&self, rulings: &[Ruling], now_ms: i64) -> Severed {
        let cut = self.realtime.cut_denied(rulings, now_ms).await;
        let mut severed = Severed { closed: cut.sockets_closed, pending: cut.pending };
        let mut of_tokens = Vec::new();
        for ruling in rulings {
            match &ruling.denial {
                Denial::IssuedBefore { subject, moment_ms, channel: Some(channel) } => {
                    let older = TokenMark { id: None, issued_at_ms: Some(moment_ms.saturating_sub(1)) };
                    let denied = self.realtime.denied(subject, &older, Some(channel), now_ms).is_some();
                    if let (true, Ok(channel)) = (denied, ChannelName::parse(channel)) {
                        severed = severed.and(self.resubscribe(subject.clone(), channel).await);
                    }
                }
                Denial::Token { .. } | Denial::IssuedBefore { .. } => of_tokens.push(ruling.clone()),
                Denial::User { .. } => {}
            }
        }
        // Only others issue tokens of subscriptions.
        if self.issuers.any() && !of_tokens.is_empty() {
            let judged = self.realtime.judge_subscriptions(&of_tokens).await;
            severed = severed.and(Severed { closed: judged.done, pending: judged.pending });
        }
        severed
    }

    /// Subscriptions to it are to be proven anew.
    async fn resubscribe(&self, subject: Subject, channel: ChannelName) -> Severed {
        let code = UnsubscribeCode::StateInvalidated;
        let again = move |reply| Control::Unsubscribe { channel: channel.clone(), code, reply };
        let told = self.realtime.tell(&Selection::of(subject), again).await;
        Severed { closed: told.done, pending: told.pending }
    }

    async fn end_sessions_before(
        &self,
        subject: &Subject,
        moment: OffsetDateTime,
        reason: String,
    ) -> Result<Severed, Failure> {
        let Some(user) = account(subject) else { return Ok(Severed::default()) };
        let order = RevocationRequest {
            only_opened_before: Some(moment),
            reason,
            ..RevocationRequest::new(Target::User(user), Cause::Revoked, self.clock.now())
        };
        let revoked = self.revoke(order).await?;
        Ok(Severed { closed: revoked.sockets_closed, pending: revoked.pending })
    }

    /// Writes the denial and carries it out. Once begun it is finished, whether or not anybody waits for the answer.
    async fn rule(&self, denial: Denial, terms: DenialTerms, event: AuditEvent) -> Result<Severed, Failure> {
        let (services, now, origin) = (self.clone(), self.clock.now(), Uuid::new_v4());
        let (expires_at, reason) = (terms.expires_at, terms.reason);
        let new = NewDenial { origin, denial: denial.clone(), expires_at, reason, now };
        services.denying.lock().insert(origin);
        let work = async move {
            let written = services.store.deny(new, event).await;
            let ruling = match &written {
                Ok(ruling) => ruling.clone(),
                // Perhaps it committed, and the feed, which has left the sockets to this order, knows. Whom memory does not
                // deny is not cut.
                Err(_) => Ruling { id: i64::MIN, denial, until_ms: Some(0) },
            };
            let now_ms = services.clock.now_ms();
            if written.is_err() {
                services.denying.lock().remove(&origin);
                services.carry_out(&[ruling], now_ms).await;
                return Err(written.map(drop).err().map_or(Failure::Internal, Failure::from));
            }
            services.realtime.fill_denials(std::slice::from_ref(&ruling), now_ms);
            let severed = services.carry_out(&[ruling], now_ms).await;
            services.denying.lock().remove(&origin);
            Ok(severed)
        };
        self.store.runtime().spawn(work).await.map_err(|_| Failure::unavailable())?
    }

    /// Carries out what was denied elsewhere, or by an order of this node whose answer may never have come. Memory first;
    /// nobody waits for the sockets.
    pub(crate) fn heard_denials(&self, heard: Vec<HeardDenial>) {
        let now_ms = self.clock.now_ms();
        let all: Vec<_> = heard.iter().map(|heard| heard.ruling.clone()).collect();
        self.realtime.fill_denials(&all, now_ms);
        // Orders of this node cut and count by themselves. Looked at after memory was filled, as they look at memory after
        // they have ended.
        let own = self.denying.lock().clone();
        let others = heard.into_iter().filter(|heard| !own.contains(&heard.origin));
        let rulings: Vec<_> = others.map(|heard| heard.ruling).collect();
        if rulings.is_empty() {
            return;
        }
        let services = self.clone();
        self.store.runtime().spawn(async move { services.carry_out(&rulings, now_ms).await });
    }

    /// Whether the user may come in as far as blocks go, for doors that have no token yet.
    ///
    /// # Errors
    /// `Unavailable` if it cannot be told.
    pub(crate) async fn is_blocked(&self, user: UserId) -> Result<bool, Failure> {
        // A token from the end of time: only the user can be denied.
        let token = TokenMark { id: None, issued_at_ms: Some(i64::MAX) };
        match self.verifier.admit(&user.into(), &token, None, self.clock.now()).await {
            Ok(()) => Ok(false),
            Err(Refusal::Denied(Denied::Blocked)) => Ok(true),
            Err(_) => Err(Failure::unavailable()),
        }
    }

    /// Forgets denials that were over a while ago, and shows how many never will be.
    pub(crate) async fn forget_denials(&self, now: OffsetDateTime) -> Result<(), Failure> {
        self.store.delete_expired_denials(now - KEPT).await?;
        metrics::gauge!("denials_without_end").set(self.store.endless_denials().await? as f64);
        Ok(())
    }
}

impl Severed {
    fn and(self, other: Self) -> Self {
        Self { closed: self.closed + other.closed, pending: self.pending + other.pending }
    }
}

/// The account of ours that goes by this name.
pub(crate) fn account(subject: &Subject) -> Option<UserId> {
    let user: UserId = subject.as_str().parse().ok()?;
    // Another spelling of the number is another name.
    (Subject::from(user) == *subject).then_some(user)
}

fn named(terms: &DenialTerms, name: &str) -> AuditEvent {
    let mut event = terms.event.clone().with("reason", terms.reason.as_str());
    name.clone_into(&mut event.event);
    match terms.expires_at {
        Some(until) => event.with("until", until.unix_timestamp()),
        None => event,
    }
}

fn about(terms: &DenialTerms, name: &str, subject: &Subject) -> AuditEvent {
    let mut event = named(terms, name);
    event.user = account(subject);
    event.subject = Some(subject.to_string());
    event
}
