//! The `Directory` by whom sessions speak for, and what is denied to whom.
//!
//! Called by `roster`. The index is read first and let go of before any session is looked up.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;

use super::{
    directory::Directory,
    session::{ConnectionInfo, Disconnect, Renew, Request, Sentence, Tell},
};
use crate::runtime::connection::close_waiter::{Closed, Closing};
use logic::denials::{Denial, Denied, Ruling, TokenMark};
use protocol::id::{ConnectionId, SessionId, Subject};

/// The most connections of one user that are listed: an answer has an end, and there may be many without a name.
pub const CONNECTIONS_LISTED: usize = 10_000;
/// Sessions that are asked at once.
const AT_ONCE: usize = 64;

impl Directory {
    pub(crate) fn sessions_of(&self, subject: &Subject) -> Vec<SessionId> {
        self.by_subject.get(subject).map(|sessions| sessions.iter().copied().collect()).unwrap_or_default()
    }

    pub(crate) fn census(&self) -> (usize, usize) {
        let connections = self.sessions.iter().map(|entry| entry.instance.connections()).sum();
        (connections, self.by_subject.len())
    }

    /// A user's connections, [`CONNECTIONS_LISTED`] at most.
    pub(crate) async fn describe_subject(&self, subject: &Subject) -> Vec<ConnectionInfo> {
        let mut found = Vec::new();
        for sessions in self.sessions_of(subject).chunks(AT_ONCE) {
            let described = join_all(sessions.iter().map(|session| self.describe(*session))).await;
            found.extend(described.into_iter().flatten());
            if found.len() >= CONNECTIONS_LISTED {
                found.truncate(CONNECTIONS_LISTED);
                break;
            }
        }
        found
    }

    /// Asks the connections of these sessions to do something; returns how many were asked.
    pub(crate) async fn tell(&self, sessions: &[SessionId], request: &Request) -> usize {
        let mut asked = 0;
        for sessions in sessions.chunks(AT_ONCE) {
            asked += join_all(sessions.iter().map(|session| self.tell_one(*session, request)))
                .await
                .into_iter()
                .sum::<usize>();
        }
        asked
    }

    async fn tell_one(&self, session: SessionId, request: &Request) -> usize {
        let address = self.sessions.get(&session).map(|registered| registered.address.clone());
        match address {
            Some(address) => address.send(Tell(Arc::clone(request))).await.unwrap_or(0),
            None => 0,
        }
    }

    /// Cuts connections of these sessions and waits, bounded, until they are severed. Unbounded pushes, but one per session
    /// and order.
    pub(crate) async fn disconnect(
        &self,
        sessions: &[SessionId],
        sentence: &Sentence,
        limit: Duration,
    ) -> Closed {
        let closing = Closing::default();
        for session in sessions {
            if let Some(registered) = self.sessions.get(session) {
                let order = Disconnect { sentence: Arc::clone(sentence), guard: closing.message() };
                registered.address.do_send(order);
            }
        }
        closing.wait(limit).await
    }

    pub(crate) async fn renew(&self, session: SessionId, connection: ConnectionId, token: TokenMark) {
        let address = self.sessions.get(&session).map(|registered| registered.address.clone());
        if let Some(address) = address {
            // If it is gone, it was cut, and so was the connection.
            let _ = address.send(Renew { connection, token }).await;
        }
    }

    // ---- what is denied ----

    pub(crate) fn apply(&self, rulings: &[Ruling], now_ms: i64) {
        let mut denials = self.denials.write();
        for ruling in rulings {
            denials.apply(ruling, now_ms);
        }
    }

    pub(crate) fn denied(
        &self,
        subject: &Subject,
        token: &TokenMark,
        channel: Option<&str>,
        now_ms: i64,
    ) -> Option<Denied> {
        self.denials.read().judge(subject, token, channel, now_ms)
    }

    /// The sessions among which somebody denied may be: all of them, for a token that nobody knows the user of.
    pub(crate) fn concerned(&self, rulings: &[Ruling]) -> Vec<SessionId> {
        let mut sessions = Vec::new();
        for ruling in rulings {
            match &ruling.denial {
                Denial::Token { .. } => return self.all_sessions(),
                Denial::User { subject, .. } | Denial::IssuedBefore { subject, .. } => {
                    sessions.extend(self.sessions_of(subject));
                }
            }
        }
        sessions.sort_unstable();
        sessions.dedup();
        sessions
    }
}
