//! The part of `Realtime` that knows connections by whom they speak for: listing them, asking them to do something, ending

//! them, and keeping out whom the database denies.
//!
//! Used by the server API, by operators and by whatever denies. Answers come when the thing is done, bounded, with counts.

pub(crate) mod directory;
pub(crate) mod session;
pub(crate) mod subjects;

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::{sync::oneshot, time::timeout};

use self::{
    directory::AttachError,
    session::{ConnectionInfo, Request, Sentence},
};
use crate::runtime::{
    connection::{
        close_waiter::Closed,
        outbox::Outbox,
        request::{Control, Reply},
    },
    realtime::Realtime,
};
use logic::{
    denials::{Denied, Ruling, TokenMark},
    subscription::Described,
};
use protocol::{
    close::Goodbye,
    id::{ConnectionId, SessionId, Subject, UserId},
};

/// How a connection is carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// A WebSocket.
    #[default]
    WebSocket,
    /// A stream of an HTTP response, with commands in requests of their own.
    HttpStream,
    /// Server-sent events, with commands in requests of their own.
    Sse,
}

impl Transport {
    /// The protocol's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::HttpStream => "http_stream",
            Self::Sse => "sse",
        }
    }
}

/// For whom a connection speaks, and by which token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The user's name in realtime.
    pub subject: Subject,
    /// The account, if it is one of ours.
    pub account: Option<UserId>,
    /// Who issued the token; empty if this server did, or nobody.
    pub issuer: Arc<str>,
    /// The token that it proved its identity with last.
    pub token: TokenMark,
}

/// Which connections of a user are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The user; nobody's name is a name, too.
    pub subject: Subject,
    /// Only this connection.
    pub connection: Option<ConnectionId>,
    /// Only those of this session.
    pub session: Option<SessionId>,
    /// Not these.
    pub except: Vec<ConnectionId>,
}

impl Selection {
    /// Every connection of a user.
    #[must_use]
    pub fn of(subject: Subject) -> Self {
        Self { subject, connection: None, session: None, except: Vec::new() }
    }

    fn takes(&self, connection: ConnectionId) -> bool {
        self.connection.is_none_or(|only| only == connection) && !self.except.contains(&connection)
    }
}

/// What became of a request to several connections. One that has ended meanwhile counts nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Connections that have done it.
    pub done: usize,
    /// Connections that were asked and had not answered when the wait ended.
    pub pending: usize,
}

/// A connection with what it says of itself, if it answered in time.
#[derive(Clone, Debug)]
pub struct Connected {
    /// What its session knows.
    pub info: ConnectionInfo,
    /// What it says.
    pub described: Option<Described>,
}

/// An answer that is awaited, or what became of it.
pub(crate) struct Asked<A> {
    /// Who gives it.
    pub(crate) connection: ConnectionId,
    outbox: Outbox,
    pub(crate) answer: A,
}

impl<A> Asked<A> {
    /// Whether the connection has ended, so that nothing is left to be done there.
    pub(crate) fn has_ended(&self) -> bool {
        !self.outbox.is_open()
    }
}

/// Answers that are awaited.
pub(crate) type Answers<T> = Arc<Mutex<Vec<Asked<oneshot::Receiver<T>>>>>;
/// `None` for an answer that did not come in time, an error for one that never will.
pub(crate) type Answered<T> = Asked<Option<Result<T, oneshot::error::RecvError>>>;

impl Realtime {
    /// The connections of a user on this node, [`crate::runtime::CONNECTIONS_LISTED`] at most, and what they say of themselves.
    pub async fn connections_of(&self, subject: &Subject) -> Vec<Connected> {
        let infos = self.0.directory.describe_subject(subject).await;
        let (answers, describe) = answering(Control::Describe);
        self.ask(&Selection::of(subject.clone()), describe).await;
        let mut said = collect(answers, self.0.settings.revoke_wait).await;
        said.sort_unstable_by_key(|said| said.connection);
        let with = |info: ConnectionInfo| {
            let place = said.binary_search_by_key(&info.connection, |said| said.connection);
            match place.ok().and_then(|place| said.get_mut(place)) {
                Some(said) if said.has_ended() => None,
                said => {
                    let described = said.and_then(|said| said.answer.take()).and_then(Result::ok);
                    Some(Connected { info, described })
                }
            }
        };
        infos.into_iter().filter_map(with).collect()
    }

    /// How many connections this node has, and of how many users; all without a name count as one.
    #[must_use]
    pub fn census(&self) -> (usize, usize) {
        self.0.directory.census()
    }

    /// Asks connections to do something, and waits, bounded, until they say whether they have. `control` makes what each is
    /// told, with the way back.
    pub async fn tell(
        &self,
        selection: &Selection,
        control: impl Fn(Reply) -> Control + Send + Sync + 'static,
    ) -> Done {
        let (answers, request) = answering(control);
        self.ask(selection, request).await;
        self.count(answers).await
    }

    /// Ends the subscriptions whose tokens are denied by rulings that were taken over, and waits, bounded, until that is
    /// done. Call it once those who proved themselves by such tokens are cut.
    pub async fn judge_subscriptions(&self, rulings: &[Ruling]) -> Done {
        let (answers, request) = answering(Control::Judge);
        self.0.directory.tell(&self.0.directory.concerned(rulings), &request).await;
        self.count(answers).await
    }

    /// Ends connections and waits, bounded, until they are severed.
    pub async fn disconnect(&self, selection: &Selection, goodbye: &Goodbye) -> Closed {
        let (chosen, goodbye) = (selection.clone(), goodbye.clone());
        let sentence: Sentence =
            Arc::new(move |connection, _| chosen.takes(connection).then(|| goodbye.clone()));
        let sessions = self.sessions_of(selection);
        self.0.directory.disconnect(&sessions, &sentence, self.0.settings.revoke_wait).await
    }

    /// Takes rulings of the database over, ends the connections that they deny, and waits, bounded, until those are severed.
    /// Call it only after they have been committed.
    pub async fn deny(&self, rulings: &[Ruling], now_ms: i64) -> Closed {
        self.fill_denials(rulings, now_ms);
        self.cut_denied(rulings, now_ms).await
    }

    /// Takes rulings of the database over: from here on nothing that they deny is let in.
    pub fn fill_denials(&self, rulings: &[Ruling], now_ms: i64) {
        self.0.directory.apply(rulings, now_ms);
    }

    /// Ends the connections that rulings which were taken over deny, and waits, bounded, until those are severed.
    pub async fn cut_denied(&self, rulings: &[Ruling], now_ms: i64) -> Closed {
        let directory = Arc::clone(&self.0.directory);
        let judging = Arc::downgrade(&directory);
        let sentence: Sentence = Arc::new(move |_, bearer| {
            let denied = judging.upgrade()?.denied(&bearer.subject, &bearer.token, None, now_ms)?;
            Some(denied.close_reason().into())
        });
        let sessions = directory.concerned(rulings);
        let closed = directory.disconnect(&sessions, &sentence, self.0.settings.revoke_wait).await;
        metrics::counter!("sockets_denied_total").increment(closed.sockets_closed as u64);
        closed
    }

    /// Why the bearer of this token may not come in, as far as this node has heard. A token of a subscription names its
    /// channel.
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

    /// A connection proved its identity anew, with another token: what denies that one ends the connection from here on.
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

    fn sessions_of(&self, selection: &Selection) -> Vec<SessionId> {
        let mut sessions = self.0.directory.sessions_of(&selection.subject);
        sessions.retain(|session| selection.session.is_none_or(|only| only == *session));
        sessions
    }

    pub(crate) async fn ask(&self, selection: &Selection, control: Request) {
        let chosen = selection.clone();
        let control: Request =
            Arc::new(move |to, outbox| chosen.takes(to).then(|| control(to, outbox)).flatten());
        self.0.directory.tell(&self.sessions_of(selection), &control).await;
    }

    async fn count(&self, answers: Answers<bool>) -> Done {
        let said = collect(answers, self.0.settings.revoke_wait).await;
        Done {
            done: said.iter().filter(|said| said.answer == Some(Ok(true))).count(),
            pending: said.iter().filter(|said| said.answer.is_none() && !said.has_ended()).count(),
        }
    }
}

/// Waits, bounded, for every answer.
pub(crate) async fn collect<T>(answers: Answers<T>, limit: Duration) -> Vec<Answered<T>> {
    let awaited = std::mem::take(&mut *answers.lock());
    let each = awaited.into_iter().map(|Asked { connection, outbox, answer }| async move {
        Asked { connection, outbox, answer: timeout(limit, answer).await.ok() }
    });
    join_all(each).await
}

/// What each connection is asked, and where the answers come in.
pub(crate) fn answering<T: Send + 'static>(
    control: impl Fn(oneshot::Sender<T>) -> Control + Send + Sync + 'static,
) -> (Answers<T>, Request) {
    let answers = Answers::default();
    let awaited = Arc::clone(&answers);
    let request = move |connection, outbox: &Outbox| {
        let (reply, answer) = oneshot::channel();
        awaited.lock().push(Asked { connection, outbox: outbox.clone(), answer });
        Some(control(reply))
    };
    (answers, Arc::new(request))
}
