//! [`HttpDeadline`]: the deadline of a connection that is not, or not yet, a WebSocket.
//!
//! One per accepted connection, shared by its stream (`stream`), by the request tracker (`request_tracker`), and by the task that
//! serves the connection ([`serve_until_deadline`]). The HTTP layer has no deadline for a peer that does not read its responses,
//! nor for a peer that never finishes the body of an answered request. This type provides them. It holds no bytes.

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
    admission::connection_limits::KeyedPermit, listener::plain_connections::PlainConnection,
};

/// The deadlines for connections that are not WebSockets.
#[derive(Clone, Copy, Debug)]
pub struct HttpTimeouts {
    /// From the start until the first request arrives. Default: 20 s.
    pub request: Duration,
    /// `KEEP_ALIVE_SECONDS`: how long a connection stays open after an answer without a further request. Default: 75 s.
    pub keep_alive: Duration,
    /// Maximum number of bytes between a response and the next request, and of a chunked body. Default: 8 MiB, so that the body
    /// of a refused request can be read to its end.
    pub surplus: u64,
    /// Until the peer takes the next byte of a response. Default: 10 s. For streams it is one and a half times as long, so that
    /// their own deadline passes first.
    pub taking: Duration,
    /// Until the peer has taken the whole response. Default: 60 s. It does not apply to streams.
    pub answer: Duration,
}

impl Default for HttpTimeouts {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(20),
            keep_alive: Duration::from_secs(75),
            surplus: 8 * 1024 * 1024,
            taking: Duration::from_secs(10),
            answer: Duration::from_secs(60),
        }
    }
}

/// The HTTP layer closes an idle connection in good order when its keep-alive time is over. This much later the connection is
/// reset. The reset concerns only connections that send something other than requests.
const KEEP_ALIVE_SLACK: Duration = Duration::from_secs(2);

/// Maximum number of bytes read before the requests in them are answered. So pipelined requests are decoded in portions and do
/// not pile up.
const READ_PORTION: usize = 4 * 1024;

/// The state of one connection, and its deadline.
pub(crate) struct HttpDeadline {
    timeouts: HttpTimeouts,
    /// The connection in the list of its worker.
    connection: Rc<PlainConnection>,
    /// A request is being handled, or its response is being produced.
    in_progress: Cell<bool>,
    /// Since when no request is in progress.
    idle_since: Cell<Instant>,
    /// A request was answered.
    answered: Cell<bool>,
    /// The response is a stream, which may take hours.
    streaming: Cell<bool>,
    /// The place of the client behind a trusted proxy, while its request is in progress.
    place: Cell<Option<KeyedPermit<String>>>,
    /// Number of bytes that may be read before the next request begins or is answered.
    read_budget: Cell<u64>,
    /// Number of bytes that may be read before output is written.
    portion_left: Cell<usize>,
    /// Reading is paused.
    read_paused: Cell<bool>,
    blocked: Cell<Option<Blocked>>,
    /// The deadline has passed, or the peer has sent too much.
    over: Cell<bool>,
}

/// Output that waits for the peer.
#[derive(Clone, Copy)]
struct Blocked {
    since: Instant,
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

    /// A request begins. Bytes after its body belong to the next request and are not read yet. `place` is the place of the client,
    /// if the peer is a trusted proxy.
    pub(crate) fn begin(&self, body: RequestBody, place: Option<KeyedPermit<String>>) {
        self.in_progress.set(true);
        self.connection.is_busy();
        self.place.set(place);
        self.read_budget.set(match body {
            RequestBody::Length(length) => length,
            RequestBody::Chunked => self.timeouts.surplus,
        });
    }

    /// The response of the current request is a stream. It is counted among the sockets from now on.
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
            // Without a request in progress, the peer has sent more than is allowed.
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

    /// Whether the deadline has passed. The connection is then reset, and unsent output is discarded.
    pub(crate) fn is_over(&self) -> bool {
        self.over.get()
    }

    /// The current deadline. `None` while the server is producing a response.
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

    /// Ready when the deadline has passed. The timer is only reset when it fires, or when it would fire too late.
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

/// Runs `served`, which serves a connection, until its end. `None` if the deadline has passed first, or the connection had to give
/// way, and `served` was dropped; or if the connection carries a stream: then it goes on in a task of its own, so that it holds no place of a plain connection.
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
