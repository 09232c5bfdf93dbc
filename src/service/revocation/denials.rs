//! Denials: blocking a user, revoking one token, revoking every token of a user that was issued before a moment.
//!
//! The steps are the same as for a revocation: the row, the commit, this node's memory, the sockets. Other nodes read the
//! denial through the revocation feed. The verifier checks denials for every credential. The actors check them again after a
//! connection is registered.

use std::{collections::HashSet, sync::Arc};

use actors::{
    Realtime,
    runtime::{ConnectionRequest, ConnectionSelection},
};
use logic::denials::{Denial, DenialRecord, TokenMark};
use parking_lot::Mutex;
use protocol::{
    UnsubscribeCode,
    audit::AuditEvent,
    channel_name::ChannelName,
    close::Cause,
    id::{SessionId, Subject},
};
use store::{HeardDenial, NewDenial, RevocationRequest, Store, Target};
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::revoke::Revoker;
use crate::{
    access::issuers::Issuers,
    core::{
        clock::{Clock, millis},
        failure::Failure,
        subject::account_of,
    },
};

/// How many connections of this node a denial or a disconnect ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DisconnectCount {
    /// Connections that were closed, and connections that stay open but have lost subscriptions, because these subscriptions
    /// need a new token.
    pub closed: usize,
    /// Connections that did not close, or did not lose their subscriptions, in time.
    pub pending: usize,
}

impl DisconnectCount {
    fn and(self, other: Self) -> Self {
        Self { closed: self.closed + other.closed, pending: self.pending + other.pending }
    }
}

/// The end, the reason and the audit event of a denial.
#[derive(Clone, Debug)]
pub struct DenialTerms {
    /// When the denial expires. With `None`, the block of a user lasts until it is lifted, and a denial of tokens lasts until
    /// every denied token has expired.
    pub expires_at: Option<OffsetDateTime>,
    /// The reason, for people.
    pub reason: String,
    /// The audit event, without its name. It is written together with the denial.
    pub event: AuditEvent,
}

/// Denies users and tokens. Clones are cheap.
#[derive(Clone)]
pub struct Denials {
    store: Store,
    realtime: Realtime,
    clock: Clock,
    issuers: Arc<Issuers>,
    revoker: Revoker,
    /// The ids (`origin`) of denials that this node is writing and carrying out itself.
    in_flight: Arc<Mutex<HashSet<Uuid>>>,
}

impl Denials {
    pub(crate) fn new(
        store: Store,
        realtime: Realtime,
        clock: Clock,
        issuers: Arc<Issuers>,
        revoker: Revoker,
    ) -> Self {
        Self { store, realtime, clock, issuers, revoker, in_flight: Arc::default() }
    }

    /// Blocks a user: every credential of the user is refused, and the user's connections end.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn block_user(&self, subject: Subject, terms: DenialTerms) -> Result<DisconnectCount, Failure> {
        let event = subject_event(&terms, "user.blocked", &subject);
        self.deny(Denial::User { subject, lifted: false }, terms, event).await
    }

    /// Lifts the block of a user.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn unblock_user(&self, subject: Subject, terms: DenialTerms) -> Result<(), Failure> {
        let event = subject_event(&terms, "user.unblocked", &subject);
        let terms = DenialTerms { expires_at: None, ..terms };
        self.deny(Denial::User { subject, lifted: true }, terms, event).await.map(drop)
    }

    /// Revokes one token by its `jti`: the token is refused, and the connections that it opened end.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn revoke_token(&self, id: &str, terms: DenialTerms) -> Result<DisconnectCount, Failure> {
        let terms = self.ending(terms);
        let event = named_event(&terms, "token.revoked").with("token", id);
        self.deny(Denial::Token { id: id.into() }, terms, event).await
    }

    /// Revokes every token of a user that was issued before `moment`. With a channel, this concerns only tokens of
    /// subscriptions to that channel. Without a channel, if the subject names an account, the sessions of the account that were
    /// opened before `moment` end, too, so that their refresh tokens stop working.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn invalidate_tokens(
        &self,
        subject: Subject,
        moment: OffsetDateTime,
        channel: Option<ChannelName>,
        terms: DenialTerms,
    ) -> Result<DisconnectCount, Failure> {
        let terms = self.ending(terms);
        let mut event = subject_event(&terms, "tokens.invalidated", &subject);
        event = event.with("before", moment.unix_timestamp());
        if let Some(channel) = &channel {
            event = event.with("channel", channel.as_str());
        }
        let denial = Denial::IssuedBefore {
            subject: subject.clone(),
            moment_ms: millis(moment),
            channel: channel.as_ref().map(|channel| channel.as_str().into()),
        };
        if channel.is_some() {
            return self.deny(denial, terms, event).await;
        }
        // The sessions end first. If the denial fails afterwards, no refresh token can replace the tokens that should have been
        // denied, and the client of the API can repeat its request.
        let ended = self.end_sessions_before(&subject, moment, terms.reason.clone()).await?;
        Ok(ended.and(self.deny(denial, terms, event).await?))
    }

    /// Carries out rulings that the feed has read. Updates this node's memory at once. A background task closes the denied
    /// connections, except for rulings that this node is writing and carrying out itself. Returns that task, if there is one.
    pub(crate) fn carry_out_heard(&self, heard: Vec<HeardDenial>) -> Option<JoinHandle<()>> {
        let now_ms = self.clock.now_ms();
        let all: Vec<_> = heard.iter().map(|heard| heard.ruling.clone()).collect();
        self.realtime.fill_denials(&all, now_ms);
        // The task of a denial in flight on this node closes and counts the connections itself. No connection is missed:
        // `in_flight` is read after memory was updated, and a task that gets no answer from the database reads memory after its
        // denial was removed from `in_flight`.
        let own = self.in_flight.lock().clone();
        let others = heard.into_iter().filter(|heard| !own.contains(&heard.origin));
        let rulings: Vec<_> = others.map(|heard| heard.ruling).collect();
        if rulings.is_empty() {
            return None;
        }
        let denials = self.clone();
        Some(self.store.runtime().spawn(async move {
            denials.close_denied(&rulings, now_ms).await;
        }))
    }

    /// Closes those connections of these sessions that this node's memory denies, and ends the denied subscriptions of the
    /// other connections. A background task does this. Returns the task.
    pub(crate) fn close_all_denied(&self, sessions: Vec<SessionId>) -> JoinHandle<()> {
        let (denials, now_ms) = (self.clone(), self.clock.now_ms());
        self.store.runtime().spawn(async move {
            denials.realtime.cut_denied(&sessions, now_ms).await;
            if denials.issuers.any() {
                denials.realtime.end_denied_subscriptions(&sessions).await;
            }
        })
    }

    /// The terms of a denial of tokens. The denial ends at the latest when all tokens issued until now have expired.
    fn ending(&self, terms: DenialTerms) -> DenialTerms {
        let latest = self.clock.now() + self.issuers.longest_life();
        DenialTerms { expires_at: Some(terms.expires_at.map_or(latest, |end| end.min(latest))), ..terms }
    }

    /// Writes the denial and carries it out. Both steps are finished even if the request is dropped.
    async fn deny(
        &self,
        denial: Denial,
        terms: DenialTerms,
        event: AuditEvent,
    ) -> Result<DisconnectCount, Failure> {
        let origin = Uuid::new_v4();
        let (expires_at, reason) = (terms.expires_at, terms.reason);
        let new = NewDenial { origin, denial: denial.clone(), expires_at, reason, now: self.clock.now() };
        self.in_flight.lock().insert(origin);
        let denials = self.clone();
        let work = async move { denials.write_and_carry_out(origin, denial, new, event).await };
        self.store.runtime().spawn(work).await.map_err(|_| Failure::unavailable())?
    }

    async fn write_and_carry_out(
        &self,
        origin: Uuid,
        denial: Denial,
        new: NewDenial,
        event: AuditEvent,
    ) -> Result<DisconnectCount, Failure> {
        let written = self.store.deny(new, event).await;
        let now_ms = self.clock.now_ms();
        match written {
            Ok(ruling) => {
                self.realtime.fill_denials(std::slice::from_ref(&ruling), now_ms);
                let ended = self.close_denied(&[ruling], now_ms).await;
                self.in_flight.lock().remove(&origin);
                Ok(ended)
            }
            Err(error) => {
                // The denial may have been committed anyway. If the feed has read it already, the feed has updated memory and
                // left the connections to this function. So this function closes every connection that memory denies.
                let ruling = DenialRecord { id: i64::MIN, denial, until_ms: Some(0) };
                self.in_flight.lock().remove(&origin);
                self.close_denied(&[ruling], now_ms).await;
                Err(error.into())
            }
        }
    }

    /// Closes those connections that these rulings concern and that are denied by this node's memory. Then ends the denied
    /// subscriptions of the connections that stay open.
    async fn close_denied(&self, rulings: &[DenialRecord], now_ms: i64) -> DisconnectCount {
        let cut = self.realtime.cut_denied(&self.realtime.affected_sessions(rulings), now_ms).await;
        let mut ended = DisconnectCount { closed: cut.sockets_closed, pending: cut.pending };
        let mut of_tokens = Vec::new();
        for ruling in rulings {
            match &ruling.denial {
                Denial::IssuedBefore { subject, moment_ms, channel: Some(channel) } => {
                    let older = TokenMark { id: None, issued_at_ms: Some(moment_ms.saturating_sub(1)) };
                    let denied = self.realtime.denied(subject, &older, Some(channel), now_ms).is_some();
                    if let (true, Ok(channel)) = (denied, ChannelName::parse(channel)) {
                        ended = ended.and(self.invalidate_subscriptions(subject.clone(), channel).await);
                    }
                }
                Denial::Token { .. } | Denial::IssuedBefore { .. } | Denial::AllIssuedBefore { .. } => {
                    of_tokens.push(ruling.clone());
                }
                Denial::User { .. } => {}
            }
        }
        // Only external issuers issue tokens for subscriptions.
        if self.issuers.any() && !of_tokens.is_empty() {
            let affected = self.realtime.affected_sessions(&of_tokens);
            let judged = self.realtime.end_denied_subscriptions(&affected).await;
            ended = ended.and(DisconnectCount { closed: judged.done, pending: judged.pending });
        }
        ended
    }

    /// Ends the user's subscriptions to the channel. To subscribe again, a client needs a new token.
    async fn invalidate_subscriptions(&self, subject: Subject, channel: ChannelName) -> DisconnectCount {
        let code = UnsubscribeCode::StateInvalidated;
        let control = move |reply| ConnectionRequest::Unsubscribe { channel: channel.clone(), code, reply };
        let counts = self.realtime.request(&ConnectionSelection::of(subject), control).await;
        DisconnectCount { closed: counts.done, pending: counts.pending }
    }

    async fn end_sessions_before(
        &self,
        subject: &Subject,
        moment: OffsetDateTime,
        reason: String,
    ) -> Result<DisconnectCount, Failure> {
        let Some(user) = account_of(subject) else { return Ok(DisconnectCount::default()) };
        let order = RevocationRequest {
            only_opened_before: Some(moment),
            reason,
            ..RevocationRequest::new(Target::User(user), Cause::Revoked, self.clock.now())
        };
        let revoked = self.revoker.revoke(order).await?;
        Ok(DisconnectCount { closed: revoked.sockets_closed, pending: revoked.pending })
    }
}

fn named_event(terms: &DenialTerms, name: &str) -> AuditEvent {
    let mut event = terms.event.clone().with("reason", terms.reason.as_str());
    name.clone_into(&mut event.event);
    match terms.expires_at {
        Some(until) => event.with("until", until.unix_timestamp()),
        None => event,
    }
}

fn subject_event(terms: &DenialTerms, name: &str, subject: &Subject) -> AuditEvent {
    let mut event = named_event(terms, name);
    event.user = account_of(subject);
    event.subject = Some(subject.to_string());
    event
}
