//! A connection that a task watches until it ends, and what its end says about the revocation.

use std::{future::Future, time::Instant};

use domain::drill::{OPEN_AFTER, Seen};
use protocol::close::Cause;
use tokio::task::JoinHandle;

/// How a connection ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// The time at which the client saw the end.
    pub(super) at: Instant,
    /// The close code, if the server sent one.
    pub(super) code: Option<u16>,
}

/// The task that watches a connection. Dropping it ends the connection.
pub(super) struct WatchedEnd(JoinHandle<End>);

impl WatchedEnd {
    /// Watches a connection with this future, which owns it.
    pub(super) fn spawn(watch: impl Future<Output = End> + Send + 'static) -> Self {
        Self(tokio::spawn(watch))
    }

    /// Whether the connection has not ended yet.
    pub(super) fn is_open(&self) -> bool {
        !self.0.is_finished()
    }

    /// Waits until the connection has ended, and judges its end. The revocation was requested at `from`.
    pub(super) async fn seen(mut self, from: Instant) -> Seen {
        let deadline = tokio::time::Instant::from_std(from + OPEN_AFTER);
        match tokio::time::timeout_at(deadline, &mut self.0).await {
            Ok(Ok(end)) => judge(end, from),
            Ok(Err(_)) => Seen::Unclear("the client failed".to_owned()),
            Err(_) => Seen::Open,
        }
    }
}

impl Drop for WatchedEnd {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Only the code of the cause shows that the revocation ended the connection, and not, for example, a stop of the server.
fn judge(end: End, from: Instant) -> Seen {
    let Some(after) = end.at.checked_duration_since(from) else {
        return Seen::Unclear("the connection ended before the revocation".to_owned());
    };
    match end.code {
        Some(code) if code == Cause::Drill.close_reason().code() => Seen::Shut(after),
        Some(code) => Seen::Unclear(format!("the connection was closed with {code}")),
        None => Seen::Unclear("the connection ended without a close code".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_the_code_of_the_revocation_counts() {
        let from = Instant::now();
        let end = |code| End { at: from + Duration::from_millis(7), code };
        assert_eq!(judge(end(Some(4500)), from), Seen::Shut(Duration::from_millis(7)));
        assert!(matches!(judge(end(Some(3001)), from), Seen::Unclear(_)));
        assert!(matches!(judge(end(None), from), Seen::Unclear(_)));
        let early = from.checked_sub(Duration::from_millis(1)).expect("a time");
        assert!(matches!(judge(End { at: early, code: Some(4500) }, from), Seen::Unclear(_)));
    }
}
