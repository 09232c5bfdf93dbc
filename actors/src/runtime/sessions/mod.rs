//! Sessions and their connections on this node: registration, revocation, denials, listings, and requests to
//! connections.
//!
//! This file holds the operations of [`Realtime`] on sessions. `directory` finds a session, `session` is the actor of
//! one, `denial_index` holds the denials, `attachment` keeps a connection registered, `answers` collects what connections
//! answer, and `types` is the vocabulary. Callers are the sockets, the use cases that revoke or deny, the server API and the operator API.

pub(crate) mod answers;
pub(crate) mod attachment;
pub(crate) mod denial_index;
pub(crate) mod directory;
pub(crate) mod session;
pub(crate) mod token_index;
pub(crate) mod types;

use std::sync::Arc;

use logic::denials::{DenialRecord, Denied, TokenMark};
use protocol::{
    close::{Cause, CloseMessage, CloseReason},
    id::{ConnectionId, RevocationId, SessionId, Subject},
};

use self::{
    answers::{collect, count_done, request_answers},
    attachment::{AttachError, AttachRequest, Attachment},
    session::Manner,
    token_index::TokenUse,
    types::{
        ConnectionInfo, ConnectionSelection, DisconnectRule, ListedConnection, RequestCounts, RequestRule,
    },
};
use crate::runtime::{
    connection::{
        close_waiter::{CloseCounts, CloseWaiter},
        request::{ConnectionRequest, Reply},
    },
    realtime::Realtime,
};

impl Realtime {
    // ---- sessions and revocation ----

    /// Registers a connection with its session, then looks for a tombstone. Delivery may begin when this returns.
    ///
    /// # Errors
    /// See [`AttachError`]; on any error the connection is not registered.
    pub async fn attach(&self, attach: &AttachRequest) -> Result<Attachment, AttachError> {
        if self.is_draining() {
            return Err(AttachError::Closed(CloseReason::Shutdown));
        }
        self.0.directory.attach(attach).await
    }

    /// Why this session ended, if this node knows of its end.
    #[must_use]
    pub fn tombstone(&self, session: SessionId) -> Option<Cause> {
        self.0.directory.tombstone(session)
    }

    /// Records that a session ended. From here on none of its tokens verifies and none of its connections registers.
    pub fn record_session_end(&self, session: SessionId, cause: Cause) {
        self.0.directory.record_session_end(session, cause);
    }

    /// Records the end of the sessions, cuts their connections and waits, for a limited time, until those are severed. Call
    /// it only after the revocation has been committed.
    pub async fn revoke(&self, sessions: &[SessionId], cause: Cause) -> CloseCounts {
        for session in sessions {
            self.record_session_end(*session, cause);
        }
        let closed = self.cut(sessions, cause.close_reason()).await;
        metrics::counter!("sockets_revoked_total", "cause" => cause.as_str())
            .increment(closed.sockets_closed as u64);
        closed
    }

    /// Records a revocation of all sessions. From here on no token of a session that was opened before it verifies, and none
    /// of its connections registers.
    pub fn record_end_of_all(&self, revocation: RevocationId) {
        self.0.directory.record_end_of_all(revocation);
    }

    /// Whether a session was revoked with all sessions. `revoked_all` is the newest such revocation from before it was opened.
    #[must_use]
    pub fn is_revoked_with_all(&self, revoked_all: RevocationId) -> bool {
        self.0.directory.is_revoked_with_all(revoked_all)
    }

    /// Records a revocation of all sessions, cuts the connections of those that were opened before it, and waits, for a limited
    /// time, until they are severed. Call it only after the revocation has been committed.
    pub async fn revoke_all(&self, revocation: RevocationId, cause: Cause) -> CloseCounts {
        self.record_end_of_all(revocation);
        let closed = self.cut(&self.0.directory.sessions_before(revocation), cause.close_reason()).await;
        metrics::counter!("sockets_revoked_total", "cause" => cause.as_str())
            .increment(closed.sockets_closed as u64);
        closed
    }

    /// Refuses connections whose credential was verified before now, because this node does not read each revocation that it
    /// missed. Call it before the sessions with connections are judged anew.
    pub fn refuse_verified_before_now(&self) {
        self.0.directory.refuse_verified_before_now();
    }

    /// Cuts the connections of these sessions and waits, for a limited time, until those are severed. Their clients may
    /// reconnect.
    pub async fn cut(&self, sessions: &[SessionId], reason: CloseReason) -> CloseCounts {
        let closing = CloseWaiter::default();
        for session in sessions {
            self.0.directory.cut(*session, reason, &closing);
        }
        closing.wait(self.0.settings.revoke_wait).await
    }

    /// Records that a connection has proved its identity again, with another token. From here on a denial of the new token ends
    /// the connection.
    ///
    /// # Errors
    /// `Closed` if the token has been denied meanwhile.
    pub async fn renew(
        &self,
        session: SessionId,
        connection: ConnectionId,
        subject: &Subject,
        token: &TokenMark,
        now_ms: i64,
    ) -> Result<(), AttachError> {
        self.0.directory.renew(session, connection, token.clone()).await;
        match self.denied(subject, token, None, now_ms) {
            Some(denied) => Err(AttachError::Closed(denied.close_reason())),
            None => Ok(()),
        }
    }

    /// Notes that a subscription of the session was granted by a token, so that a revocation of the token finds the session. Call
    /// this before the token is checked against the denials for the last time. `None` for a token without an id.
    #[must_use]
    pub fn note_token_use(&self, session: SessionId, token: &TokenMark) -> Option<TokenUse> {
        self.0.directory.note_token_use(session, token)
    }

    /// How many connections the session holds on this node.
    #[must_use]
    pub fn open_connections(&self, session: SessionId) -> usize {
        self.0.directory.open_connections(session)
    }

    /// Every session with connections on this node.
    #[must_use]
    pub fn sessions_with_sockets(&self) -> Vec<SessionId> {
        self.0.directory.all_sessions()
    }

    /// The connections of one session on this node.
    pub async fn describe(&self, session: SessionId) -> Vec<ConnectionInfo> {
        self.0.directory.describe(session).await
    }

    /// Forgets tombstones whose tokens have all expired, and denials that ended before `now_ms`, in milliseconds
    /// since the epoch. Call it periodically.
    pub fn purge(&self, now_ms: i64) {
        self.0.directory.purge(self.0.settings.tombstone_ttl, now_ms);
    }

    // ---- listings and requests ----

    /// The connections of a user on this node, at most [`types::CONNECTIONS_LISTED`], with their own descriptions.
    pub async fn connections_of(&self, subject: &Subject) -> Vec<ListedConnection> {
        let infos = self.0.directory.describe_subject(subject).await;
        let (answers, describe) = request_answers(ConnectionRequest::Describe);
        self.send_requests(&ConnectionSelection::of(subject.clone()), describe).await;
        let mut answered = collect(answers, self.0.settings.revoke_wait).await;
        answered.sort_unstable_by_key(|answer| answer.connection);
        let with_answer = |info: ConnectionInfo| {
            let index = answered.binary_search_by_key(&info.connection, |answer| answer.connection);
            match index.ok().and_then(|index| answered.get_mut(index)) {
                Some(answer) if answer.has_ended() => None,
                answer => {
                    let described = answer.and_then(|answer| answer.answer.take()).and_then(Result::ok);
                    Some(ListedConnection { info, described })
                }
            }
        };
        infos.into_iter().filter_map(with_answer).collect()
    }

    /// How many connections this node has, and of how many users; all anonymous connections count as one user.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        self.0.directory.counts()
    }

    /// Sends a request to connections, and waits, for a limited time, for their answers. `request` makes the request for
    /// each connection from the sender of its answer.
    pub async fn request(
        &self,
        selection: &ConnectionSelection,
        request: impl Fn(Reply) -> ConnectionRequest + Send + Sync + 'static,
    ) -> RequestCounts {
        let (answers, rule) = request_answers(request);
        self.send_requests(selection, rule).await;
        count_done(answers, self.0.settings.revoke_wait).await
    }

    /// Ends connections in good order: their queued frames leave first. Waits, for a limited time, until they are severed.
    pub async fn disconnect(
        &self,
        selection: &ConnectionSelection,
        close_message: &CloseMessage,
    ) -> CloseCounts {
        let (selected, close_message) = (selection.clone(), close_message.clone());
        let rule: DisconnectRule =
            Arc::new(move |connection, _| selected.includes(connection).then(|| close_message.clone()));
        let sessions = self.selected_sessions(selection);
        self.0.directory.disconnect(&sessions, &rule, Manner::Flush, self.0.settings.close_wait).await
    }

    /// Pings all peers of a user, because the user has no place left for another connection. Peers that are gone do not answer,
    /// and their places come free.
    pub async fn probe(&self, subject: &Subject) {
        let rule: RequestRule = Arc::new(|_, _| Some(ConnectionRequest::Probe));
        self.0.directory.request(&self.0.directory.sessions_of(subject), &rule).await;
    }

    /// Sends the requests of `rule` to the selected connections.
    pub(crate) async fn send_requests(&self, selection: &ConnectionSelection, rule: RequestRule) {
        let selected = selection.clone();
        let rule: RequestRule =
            Arc::new(move |to, outbox| selected.includes(to).then(|| rule(to, outbox)).flatten());
        self.0.directory.request(&self.selected_sessions(selection), &rule).await;
    }

    fn selected_sessions(&self, selection: &ConnectionSelection) -> Vec<SessionId> {
        let mut sessions = self.0.directory.sessions_of(&selection.subject);
        sessions.retain(|session| selection.session.is_none_or(|only| only == *session));
        sessions
    }

    // ---- denials ----

    /// Why the owner of this token is refused, as far as this node knows. Pass the channel of a subscription token.
    #[must_use]
    pub fn denied(
        &self,
        subject: &Subject,
        token: &TokenMark,
        channel: Option<&str>,
        now_ms: i64,
    ) -> Option<Denied> {
        self.0.directory.denied(subject, token, channel, now_ms)
    }

    /// Applies denial records of the database, ends the connections that they deny, and waits, for a limited time, until
    /// those are severed. Call it only after the records have been committed.
    pub async fn deny(&self, records: &[DenialRecord], now_ms: i64) -> CloseCounts {
        self.fill_denials(records, now_ms);
        self.cut_denied(&self.affected_sessions(records), now_ms).await
    }

    /// Applies denial records of the database. From here on a connection that they deny is refused.
    pub fn fill_denials(&self, records: &[DenialRecord], now_ms: i64) {
        self.0.directory.apply(records, now_ms);
    }

    /// Loads denial records of the database, between [`Self::begin_denial_reload`] and [`Self::finish_denial_reload`]. They
    /// count from the latter on.
    pub fn load_denials(&self, records: &[DenialRecord], now_ms: i64) {
        self.0.directory.load(records, now_ms);
    }

    /// Begins to load the denials anew. Load every denial in force before [`Self::finish_denial_reload`].
    pub fn begin_denial_reload(&self) {
        self.0.directory.begin_denial_reload();
    }

    /// Ends the reload: denials that were not loaded since its beginning are forgotten.
    pub fn finish_denial_reload(&self) {
        self.0.directory.finish_denial_reload();
    }

    /// The sessions with connections here that these records may concern.
    #[must_use]
    pub fn affected_sessions(&self, records: &[DenialRecord]) -> Vec<SessionId> {
        self.0.directory.affected_sessions(records)
    }

    /// Ends the connections of these sessions that applied records deny, and waits, for a limited time, until those are
    /// severed.
    pub async fn cut_denied(&self, sessions: &[SessionId], now_ms: i64) -> CloseCounts {
        let directory = Arc::clone(&self.0.directory);
        let weak = Arc::downgrade(&directory);
        let rule: DisconnectRule = Arc::new(move |_, identity| {
            let denied = weak.upgrade()?.denied(&identity.subject, &identity.token, None, now_ms)?;
            Some(denied.close_reason().into())
        });
        let closed = directory.disconnect(sessions, &rule, Manner::Cut, self.0.settings.revoke_wait).await;
        metrics::counter!("sockets_denied_total").increment(closed.sockets_closed as u64);
        closed
    }

    /// Ends those subscriptions of these sessions whose tokens are denied by applied records, and waits, for a limited time, until
    /// that is done. Call this after the connections that used such tokens as their credential are cut.
    pub async fn end_denied_subscriptions(&self, sessions: &[SessionId]) -> RequestCounts {
        let (answers, rule) = request_answers(ConnectionRequest::EndDeniedSubscriptions);
        self.0.directory.request(sessions, &rule).await;
        count_done(answers, self.0.settings.revoke_wait).await
    }
}
