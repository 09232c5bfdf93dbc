//! Sessions and their connections on this node: registration, revocation, denials, listings, and requests to connections.
//!
//! This file has the operations of [`Realtime`] on sessions. `directory` finds a session, and `session` is the actor of one
//! session. `roster` has the connections in the order of their beginning. `token_index` finds the sessions that use a token,
//! and `denial_index` has the denials. `attachment` keeps a connection registered, `answers` collects the answers of
//! connections, and `types` has the shared types. The callers are the sockets, the use cases that revoke or deny, the server
//! API and the operator API.

pub(crate) mod answers;
pub(crate) mod attachment;
pub(crate) mod denial_index;
pub(crate) mod directory;
pub(crate) mod roster;
pub(crate) mod session;
pub(crate) mod token_index;
pub(crate) mod types;

use std::{collections::HashSet, sync::Arc, time::Duration};

use logic::{
    denials::{DenialRecord, Denied, TokenMark},
    subscription::ConnectionDescription,
};
use protocol::{
    close::{Cause, CloseMessage, CloseReason},
    id::{ConnectionId, RevocationId, SessionId, Subject},
};

use self::{
    answers::{CollectedAnswer, collect, count_done, request_answers},
    attachment::{AttachError, AttachRequest, Attachment},
    roster::{RosterEntry, RosterRange},
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

    /// Registers a connection with its session, then looks for a tombstone, for a denial, and for a change of the session.
    /// Deliveries may begin when this call has succeeded.
    ///
    /// # Errors
    /// See [`AttachError`]; after an error the connection does not stay registered.
    pub async fn attach(&self, attach: &AttachRequest) -> Result<Attachment, AttachError> {
        if self.is_draining() {
            return Err(AttachError::Closed(CloseReason::Shutdown));
        }
        self.0.directory.attach(attach).await
    }

    /// Why this session ended, if this node has a tombstone of it.
    #[must_use]
    pub fn tombstone(&self, session: SessionId) -> Option<Cause> {
        self.0.directory.tombstone(session)
    }

    /// Records that a session ended. From now on, its tokens are refused, and a connection that registers with it is cut. If
    /// the cause ends no session (a changed role), only connections with a credential that was verified before now are refused.
    pub fn record_session_end(&self, session: SessionId, cause: Cause) {
        self.0.directory.record_session_end(session, cause);
    }

    /// Records the end of the sessions, cuts their connections and waits, for a limited time, until the connections are
    /// severed. Call this only after the revocation has been committed.
    pub async fn revoke(&self, sessions: &[SessionId], cause: Cause) -> CloseCounts {
        for session in sessions {
            self.record_session_end(*session, cause);
        }
        self.cut_revoked(sessions, cause).await
    }

    /// Cuts the connections of revoked sessions, and measures how long each socket took.
    async fn cut_revoked(&self, sessions: &[SessionId], cause: Cause) -> CloseCounts {
        let (closed, times) = self.cut_timed(sessions, cause.close_reason()).await;
        let cause = cause.as_str();
        metrics::counter!("sockets_revoked_total", "cause" => cause).increment(closed.sockets_closed as u64);
        let histogram = metrics::histogram!("revoked_socket_seconds", "cause" => cause);
        times.iter().for_each(|time| histogram.record(time.as_secs_f64()));
        closed
    }

    /// Records a revocation of all sessions. From now on, the tokens of the sessions that were opened before the revocation are
    /// refused, and a connection that registers with such a session is cut.
    pub fn record_end_of_all(&self, revocation: RevocationId) {
        self.0.directory.record_end_of_all(revocation);
    }

    /// Whether a session was ended by a revocation of all sessions. `revoked_all` is the newest such revocation at the time
    /// when the session was opened.
    #[must_use]
    pub fn is_revoked_with_all(&self, revoked_all: RevocationId) -> bool {
        self.0.directory.is_revoked_with_all(revoked_all)
    }

    /// Records a revocation of all sessions, cuts the connections of the sessions that were opened before it, and waits, for a
    /// limited time, until the connections are severed. Call this only after the revocation has been committed.
    pub async fn revoke_all(&self, revocation: RevocationId, cause: Cause) -> CloseCounts {
        self.record_end_of_all(revocation);
        self.cut_revoked(&self.0.directory.sessions_before(revocation), cause).await
    }

    /// From now on, refuses to attach a connection with a credential that was verified before now. If the node does not read
    /// every missed revocation, call this first, and then check which of the node's sessions have ended.
    pub fn refuse_verified_before_now(&self) {
        self.0.directory.refuse_verified_before_now();
    }

    /// Cuts the connections of these sessions and waits, for a limited time, until the connections are severed. The end of the
    /// sessions is not recorded, so their clients may connect again.
    pub async fn cut(&self, sessions: &[SessionId], reason: CloseReason) -> CloseCounts {
        self.cut_timed(sessions, reason).await.0
    }

    async fn cut_timed(&self, sessions: &[SessionId], reason: CloseReason) -> (CloseCounts, Vec<Duration>) {
        let closing = CloseWaiter::default();
        for session in sessions {
            self.0.directory.cut(*session, reason, &closing);
        }
        closing.wait_timed(self.0.settings.revoke_wait).await
    }

    /// Records that a connection has proved its identity again, with another token. From now on, a denial of the new token ends
    /// the connection, and a denial of the old token does not.
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

    /// Notes that a connection of the session has presented this subscription token, so that a denial of the token finds the
    /// session. Call this before the last check of the token against the denials. Returns `None` for a token without an id.
    #[must_use]
    pub fn note_token_use(&self, session: SessionId, token: &TokenMark) -> Option<TokenUse> {
        self.0.directory.note_token_use(session, token)
    }

    /// How many connections the session has on this node.
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

    /// Forgets denials that ended before `now_ms`, in milliseconds since the epoch. Also forgets old tombstones and changes of
    /// sessions: every access token from before them has expired. Call this periodically.
    pub fn purge(&self, now_ms: i64) {
        self.0.directory.purge(self.0.settings.tombstone_ttl, now_ms);
    }

    // ---- listings and requests ----

    /// The connections of a user on this node, at most [`types::CONNECTIONS_LISTED`], with their own descriptions.
    pub async fn connections_of(&self, subject: &Subject) -> Vec<ListedConnection> {
        let infos = self.0.directory.describe_subject(subject).await;
        let (answers, describe) = request_answers(ConnectionRequest::Describe);
        self.send_requests(&ConnectionSelection::of(subject.clone()), describe).await;
        with_descriptions(infos, collect(answers, self.0.settings.revoke_wait).await)
    }

    /// At most `limit` connections of this node, of this part of the roster.
    #[must_use]
    pub fn roster(&self, range: &RosterRange, limit: usize) -> Vec<RosterEntry> {
        self.0.directory.roster_part(range, limit)
    }

    /// At most `limit` of the sessions that a user has on this node; `None` if there are more.
    #[must_use]
    pub fn sessions_of(&self, subject: &Subject, limit: usize) -> Option<Vec<SessionId>> {
        self.0.directory.few_sessions_of(subject, limit)
    }

    /// The connections of these sessions on this node, without their own descriptions.
    pub async fn connection_infos(&self, sessions: &[SessionId]) -> Vec<ConnectionInfo> {
        self.0.directory.describe_all(sessions).await
    }

    /// These connections with their own descriptions. Connections that have ended are left out.
    pub async fn with_descriptions(&self, infos: Vec<ConnectionInfo>) -> Vec<ListedConnection> {
        let wanted: HashSet<_> = infos.iter().map(|info| info.connection).collect();
        let mut sessions: Vec<_> = infos.iter().map(|info| info.session).collect();
        sessions.sort_unstable();
        sessions.dedup();
        let (answers, describe) = request_answers(ConnectionRequest::Describe);
        let rule: RequestRule =
            Arc::new(move |to, outbox| wanted.contains(&to).then(|| describe(to, outbox)).flatten());
        self.0.directory.request(&sessions, &rule).await;
        with_descriptions(infos, collect(answers, self.0.settings.revoke_wait).await)
    }

    /// The number of connections of this node, and of their users; all anonymous connections count as one user.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        self.0.directory.counts()
    }

    /// Sends a request to connections, and waits, for a limited time, for their answers. `request` is called for each
    /// connection: it gets the sender for the connection's answer, and returns the request.
    pub async fn request(
        &self,
        selection: &ConnectionSelection,
        request: impl Fn(Reply) -> ConnectionRequest + Send + Sync + 'static,
    ) -> RequestCounts {
        let (answers, rule) = request_answers(request);
        self.send_requests(selection, rule).await;
        count_done(answers, self.0.settings.revoke_wait).await
    }

    /// Ends connections in good order: their queued frames leave first. Waits, for a limited time, until the connections are
    /// severed.
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

    /// Called when a user has no place left for another connection. Pings the user's peers, except those that have just
    /// answered a ping. A connection is closed if its peer does not answer, so its place becomes free.
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

    /// Why the owner of this token is refused; `None` if this node knows no denial. `channel` is the channel of a subscription
    /// token, and `None` for other tokens.
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

    /// Applies rulings, cuts the denied connections, and waits, for a limited time, until the connections are severed. Call
    /// this only after the rulings have been committed.
    pub async fn deny(&self, records: &[DenialRecord], now_ms: i64) -> CloseCounts {
        self.fill_denials(records, now_ms);
        self.cut_denied(&self.affected_sessions(records), now_ms).await
    }

    /// Applies rulings. From now on, connections that the rulings deny are refused.
    pub fn fill_denials(&self, records: &[DenialRecord], now_ms: i64) {
        self.0.directory.apply(records, now_ms);
    }

    /// Loads rulings of the database, between [`Self::begin_denial_reload`] and [`Self::finish_denial_reload`]. The rulings
    /// take effect at the finish; until then, the earlier denials stay in force.
    pub fn load_denials(&self, records: &[DenialRecord], now_ms: i64) {
        self.0.directory.load(records, now_ms);
    }

    /// Begins to load the denials anew. Before [`Self::finish_denial_reload`], the caller must load every denial that is in
    /// force.
    pub fn begin_denial_reload(&self) {
        self.0.directory.begin_denial_reload();
    }

    /// Ends the reload: denials that were neither loaded nor applied since the reload began are forgotten.
    pub fn finish_denial_reload(&self) {
        self.0.directory.finish_denial_reload();
    }

    /// The sessions with connections on this node that these rulings may concern.
    #[must_use]
    pub fn affected_sessions(&self, records: &[DenialRecord]) -> Vec<SessionId> {
        self.0.directory.affected_sessions(records)
    }

    /// Cuts the connections of these sessions that are denied by the rulings applied so far. Waits, for a limited time, until
    /// the connections are severed.
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

    /// Ends the subscriptions of these sessions that have a token denied by the rulings so far. Waits, for a limited time, for
    /// the answers of the connections. Call this after [`Self::cut_denied`].
    pub async fn end_denied_subscriptions(&self, sessions: &[SessionId]) -> RequestCounts {
        let (answers, rule) = request_answers(ConnectionRequest::EndDeniedSubscriptions);
        self.0.directory.request(sessions, &rule).await;
        count_done(answers, self.0.settings.revoke_wait).await
    }
}

/// Adds to each connection its own description. Connections that have ended are left out.
fn with_descriptions(
    infos: Vec<ConnectionInfo>,
    mut answered: Vec<CollectedAnswer<ConnectionDescription>>,
) -> Vec<ListedConnection> {
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
