//! [`HttpDeadline`]: the deadline of a connection that is not, or not yet, a WebSocket.
//!
//! Each accepted connection has one deadline. Three parts share it: the stream of the connection (`stream`), the request
//! tracker (`request_tracker`), and the task that serves the connection ([`serve_until_deadline`]). The HTTP layer has no
//! deadline for two kinds of peers: one that does not read its responses, and one that does not finish the body of an answered
//! request. This type provides both deadlines. It holds no bytes.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_rt::time::{Instant, Sleep, sleep_until};

use crate::socket::{
    admission::connection_limits::KeyedPermit, connection::deadlines::WRITE_DEADLINE,
    listener::plain_connections::PlainConnection,
};

/// The deadlines for connections that are not WebSockets.
#[derive(Clone, Copy, Debug)]
pub struct HttpTimeouts {
    /// Maximum time from the start of a connection until its first request arrives. Default: 20 s.
    pub request: Duration,
    /// `KEEP_ALIVE_SECONDS`: how long a connection stays open after an answer without a further request. Default: 75 s.
    pub keep_alive: Duration,
    /// Maximum number of bytes of a chunked body, and of the bytes between a response and the next request. Default: 8 MiB, so
    /// that the body of a refused request can be read to its end.
    pub surplus: u64,
    /// Maximum time until the peer takes the next byte of a response. Default: the write deadline of sockets, 10 s. For an
    /// emulated stream this time is one and a half times as long, so that the stream's own deadline passes first.
    pub taking: Duration,
    /// Maximum time until the peer has taken the whole response. Default: 60 s. This limit does not apply to streams.
    pub answer: Duration,
}

impl Default for HttpTimeouts {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(20),
            keep_alive: Duration::from_secs(75),
            surplus: 8 * 1024 * 1024,
            taking: WRITE_DEADLINE,
            answer: Duration::from_secs(60),
        }
    }
}

/// The HTTP layer closes an idle connection without a reset when its keep-alive time is over. If the peer has sent something
/// other than a request, and the connection is still open after this additional time, the connection is reset.
const KEEP_ALIVE_SLACK: Duration = Duration::from_secs(2);

/// Maximum number of bytes that are read at once. The HTTP layer begins the requests in these bytes before it reads more. While
/// a request is in progress, nothing behind its body is read. So pipelined requests do not pile up.
const READ_PORTION: usize = 4 * 1024;

/// The state of one connection, and its deadline.
pub(crate) struct HttpDeadline {
    timeouts: HttpTimeouts,
    /// The entry of this connection in the list of its worker.
    connection: Rc<PlainConnection>,
    /// Whether a request is being handled or its response is being produced.
    in_progress: Cell<bool>,
    /// When the connection last became idle: from then on, there is neither a request in progress nor output for the peer.
    idle_since: Cell<Instant>,
    /// Whether a request was answered.
    answered: Cell<bool>,
    /// Whether the response is a stream, which may last for hours.
    streaming: Cell<bool>,
    /// The place of the client behind a trusted proxy, while its request is in progress.
    place: Cell<Option<KeyedPermit<String>>>,
    /// Number of bytes that may still be read: the rest of the body of the current request, or between requests the bytes
    /// before the next request.
    read_budget: Cell<u64>,
    /// Number of bytes that are left of the current portion ([`READ_PORTION`]).
    portion_left: Cell<usize>,
    /// Whether reading is paused.
    read_paused: Cell<bool>,
    blocked: Cell<Option<Blocked>>,
    /// Whether the deadline has passed, or the peer has sent too much.
    over: Cell<bool>,
}

/// Output that waits for the peer.
#[derive(Clone, Copy)]
struct Blocked {
    since: Instant,
    /// When the peer last took some of the output.
    moved: Instant,
}

/// The body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestBody {
    /// A body of this many bytes; 0: no body.
    Length(u64),
    /// A chunked body. Its length is unknown.
    Chunked,
}

impl HttpDeadline {
    pub(crate) fn new(timeouts: HttpTimeouts, connection: Rc<PlainConnection>) -> Self {
        Self {
            timeouts,
            connection,
            in_progress: Cell::new(false),
            idle_since: Cell::new(Instant::now()),
            answered: Cell::new(false),
            streaming: Cell::new(false),
            place: Cell::new(None),
            read_budget: Cell::new(timeouts.surplus),
            portion_left: Cell::new(READ_PORTION),
            read_paused: Cell::new(false),
            blocked: Cell::new(None),
            over: Cell::new(false),
        }
    }

    /// A request begins. Bytes after its body belong to the next request and are not read yet. `place` is the place of the
    /// client, if the peer is a trusted proxy.
    pub(crate) fn begin(&self, body: RequestBody, place: Option<KeyedPermit<String>>) {
        self.in_progress.set(true);
        self.connection.is_busy();
        self.place.set(place);
        self.read_budget.set(match body {
            RequestBody::Length(length) => length,
            RequestBody::Chunked => self.timeouts.surplus,
        });
    }

    /// The response of the current request is a stream. From now on, the stream is counted among the sockets.
    pub(crate) fn on_streaming_answer(&self) {
        self.streaming.set(true);
        self.place.take();
    }

    /// The response is complete, or was dropped.
    pub(crate) fn end(&self) {
        self.in_progress.set(false);
        self.answered.set(true);
        self.place.take();
        self.idle_since.set(Instant::now());
        self.read_budget.set(self.timeouts.surplus);
        if self.blocked.get().is_none() {
            self.connection.waits();
        }
    }

    /// The number of bytes that may be read now. After a result of 0, the task is woken when reading may continue.
    pub(crate) fn may_read(&self, cx: &Context<'_>) -> usize {
        if self.blocked.get().is_some() || self.read_budget.get() == 0 {
            self.read_paused.set(true);
            // If no request is in progress, the peer has sent more than is allowed between requests.
            self.over.set(self.over.get() || !self.in_progress.get() && self.read_budget.get() == 0);
            return 0;
        }
        if self.portion_left.get() == 0 {
            self.portion_left.set(READ_PORTION);
            cx.waker().wake_by_ref();
            return 0;
        }
        usize::try_from(self.read_budget.get()).unwrap_or(usize::MAX).min(self.portion_left.get())
    }

    /// This many bytes were read.
    pub(crate) fn on_read(&self, bytes: usize) {
        if bytes > 0 {
            self.connection.is_busy();
        }
        self.read_budget.set(self.read_budget.get().saturating_sub(bytes as u64));
        self.portion_left.set(self.portion_left.get().saturating_sub(bytes));
    }

    /// A write could not proceed: output waits for the peer.
    pub(crate) fn on_write_blocked(&self) {
        if self.blocked.get().is_none() {
            let now = Instant::now();
            self.blocked.set(Some(Blocked { since: now, moved: now }));
            self.connection.is_busy();
        }
    }

    /// The peer took some of the output.
    pub(crate) fn on_written(&self) {
        if let Some(blocked) = self.blocked.get() {
            self.blocked.set(Some(Blocked { moved: Instant::now(), ..blocked }));
        }
    }

    /// All output was taken. Paused reading continues.
    pub(crate) fn on_flushed(&self, cx: &Context<'_>) {
        self.portion_left.set(READ_PORTION);
        if self.blocked.take().is_some() {
            self.idle_since.set(Instant::now());
            if self.answered.get() && !self.in_progress.get() {
                self.connection.waits();
            }
        }
        if self.read_budget.get() > 0 && self.read_paused.take() {
            cx.waker().wake_by_ref();
        }
    }

    /// Whether the deadline has passed, or the peer has sent too much. The connection is then reset, and unsent output is
    /// discarded.
    pub(crate) fn is_over(&self) -> bool {
        self.over.get()
    }

    /// The current deadline. `None` while a request is in progress and no output waits for the peer.
    fn deadline(&self) -> Option<Instant> {
        let HttpTimeouts { request, keep_alive, taking, answer, .. } = self.timeouts;
        let idle = if self.answered.get() { keep_alive + KEEP_ALIVE_SLACK } else { request };
        match self.blocked.get() {
            Some(blocked) if self.streaming.get() => Some(blocked.moved + taking * 3 / 2),
            Some(blocked) => Some((blocked.moved + taking).min(blocked.since + answer)),
            None if self.in_progress.get() => None,
            None => Some(self.idle_since.get() + idle),
        }
    }

    /// Ready when the deadline has passed. The timer is set again only when it has fired, or when it would fire too late.
    fn poll_over(&self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<()> {
        while !self.over.get() {
            let Some(deadline) = self.deadline() else { return Poll::Pending };
            if deadline <= Instant::now() {
                self.over.set(true);
                break;
            }
            if timer.deadline() > deadline || timer.is_elapsed() {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }
}

/// Runs `served`, which serves a connection, until its end. `None` if `served` was dropped before its end, because of the
/// deadline or because the connection was closed to free its place. Also `None` if the connection carries a stream: then
/// `served` continues in a task of its own, so that the stream does not take the place of a plain connection.
pub(crate) async fn serve_until_deadline<F: Future<Output: 'static> + 'static>(
    deadline: Rc<HttpDeadline>,
    served: F,
) -> Option<F::Output> {
    let mut connection = Box::pin(run_until_deadline(Rc::clone(&deadline), served));
    let ended = poll_fn(|cx| match connection.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if deadline.streaming.get() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    });
    match ended.await {
        Some(output) => output,
        None => {
            actix_rt::spawn(connection);
            None
        }
    }
}

async fn run_until_deadline<F: Future>(deadline: Rc<HttpDeadline>, served: F) -> Option<F::Output> {
    let mut served = pin!(served);
    let mut timer = pin!(sleep_until(Instant::now() + deadline.timeouts.request));
    poll_fn(|cx| match served.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending if deadline.connection.is_shed(cx.waker()) => Poll::Ready(None),
        Poll::Pending => deadline.poll_over(cx, timer.as_mut()).map(|()| None),
    })
    .await
}
