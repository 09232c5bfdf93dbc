//! Sending one request to many connections, and collecting their answers within a time limit.
//!
//! The operations of `Realtime` that report counts or descriptions of connections use this file.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use parking_lot::Mutex;
use protocol::id::ConnectionId;
use tokio::{sync::oneshot, time::timeout};

use super::types::{RequestCounts, RequestRule};
use crate::runtime::connection::{outbox::Outbox, request::ConnectionRequest};

/// The answer of one connection: first a receiver, and later the received value.
pub(crate) struct ConnectionAnswer<A> {
    pub(crate) connection: ConnectionId,
    outbox: Outbox,
    pub(crate) answer: A,
}

impl<A> ConnectionAnswer<A> {
    /// Whether the connection has ended, so that its answer no longer matters.
    pub(crate) fn has_ended(&self) -> bool {
        !self.outbox.is_open()
    }
}

/// Answers that are awaited.
pub(crate) type PendingAnswers<T> = Arc<Mutex<Vec<ConnectionAnswer<oneshot::Receiver<T>>>>>;
/// `None`: the answer did not arrive in time. An error: the answer will never arrive.
pub(crate) type CollectedAnswer<T> = ConnectionAnswer<Option<Result<T, oneshot::error::RecvError>>>;

/// Returns the list of the awaited answers, and a rule. The rule returns a request for each connection, and adds the awaited
/// answer of the connection to the list.
pub(crate) fn request_answers<T: Send + 'static>(
    request: impl Fn(oneshot::Sender<T>) -> ConnectionRequest + Send + Sync + 'static,
) -> (PendingAnswers<T>, RequestRule) {
    let answers = PendingAnswers::default();
    let awaited = Arc::clone(&answers);
    let rule = move |connection, outbox: &Outbox| {
        let (reply, answer) = oneshot::channel();
        awaited.lock().push(ConnectionAnswer { connection, outbox: outbox.clone(), answer });
        Some(request(reply))
    };
    (answers, Arc::new(rule))
}

/// Waits for all answers, at most `limit`.
pub(crate) async fn collect<T>(answers: PendingAnswers<T>, limit: Duration) -> Vec<CollectedAnswer<T>> {
    let awaited = std::mem::take(&mut *answers.lock());
    let each = awaited.into_iter().map(|ConnectionAnswer { connection, outbox, answer }| async move {
        ConnectionAnswer { connection, outbox, answer: timeout(limit, answer).await.ok() }
    });
    join_all(each).await
}

/// Waits for all answers, at most `limit`, and counts the connections that carried out the request.
pub(crate) async fn count_done(answers: PendingAnswers<bool>, limit: Duration) -> RequestCounts {
    let collected = collect(answers, limit).await;
    RequestCounts {
        done: collected.iter().filter(|answer| answer.answer == Some(Ok(true))).count(),
        pending: collected.iter().filter(|answer| answer.answer.is_none() && !answer.has_ended()).count(),
    }
}
