//! How a connection ends: the pump's last steps, from the declared end to the closed stream.
//!
//! Part of the pump, in a file of its own. An orderly end lets what is queued leave; a cut lets at most the rest of a
//! started frame and the close frame leave, waits for nobody's consent, and takes a second at most. A peer whose queue
//! overflowed gets no more than that either, but may take as long as for any other write to hear why.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::Error;
use actors::runtime::End;
use bytes::Bytes;
use futures_util::Stream;

use super::{
    inbound::poll_read,
    pump::{Phase, Pump, READS_PER_POLL, WRITE_DEADLINE},
};
use crate::socket::websocket::tcp::Transport;

/// How long a cut waits for the peer to take the close frame before it resets the connection.
pub(in crate::socket) const CUT_DEADLINE: Duration = Duration::from_millis(250);
/// How long the stream is kept after our close frame, for the peer's.
pub(in crate::socket) const LINGER: Duration = Duration::from_millis(700);

/// Bytes read, and thrown away, after our close frame.
const LATE_MAX: usize = 512 * 1024;

impl<T, C> Pump<T, C>
where
    T: Transport,
    C: Stream<Item = Result<Bytes, Error>> + Unpin,
{
    pub(in crate::socket) fn begin_close(&mut self, end: &End) {
        // The actor ends here, and knows why: no frame is accepted any more, whatever the peer does with the close frame.
        self.outbox.declare(end.clone());
        self.context = None;
        self.deadline = None;
        let cut = matches!(end, End::Cut(_));
        if matches!(end, End::Cut(_) | End::Shed(_)) {
            self.unsent.keep_started_frame();
        }
        match end.goodbye() {
            Some(goodbye) => self.unsent.append_close(goodbye.code(), goodbye.text()),
            None => self.unsent.append_close(1000, ""),
        }
        self.phase = Phase::Closing { cut };
    }

    pub(in crate::socket) fn poll_closing(&mut self, cut: bool, cx: &mut Context<'_>) {
        if let (false, Some(end @ End::Cut(_))) = (cut, self.outbox.end()) {
            // Overtaken while waiting for the peer: what is not on its way stays here.
            return self.begin_close(&end);
        }
        match self.write(cx) {
            Poll::Ready(Ok(())) => {
                self.sever();
                self.deadline = None;
                self.phase = Phase::Lingering { cut };
            }
            Poll::Ready(Err(_)) => self.gone(),
            Poll::Pending => {
                if self.poll_deadline(if cut { CUT_DEADLINE } else { WRITE_DEADLINE }, cx) {
                    self.io.reset_on_close();
                    self.gone();
                }
            }
        }
    }

    /// After our close frame: half-close, and read the peer's goodbye, so that the kernel does not answer it
    /// with a reset that could overtake our frame.
    pub(in crate::socket) fn poll_lingering(&mut self, cut: bool, cx: &mut Context<'_>) -> Poll<()> {
        let _ = Pin::new(&mut self.io).poll_shutdown(cx);
        for _ in 0..READS_PER_POLL {
            match poll_read(&mut self.io, cx) {
                Poll::Ready(Ok(chunk)) if !chunk.is_empty() && self.heard_late + chunk.len() <= LATE_MAX => {
                    self.heard_late += chunk.len();
                }
                // Who goes on talking has not understood.
                Poll::Ready(Ok(chunk)) if !chunk.is_empty() => {
                    self.io.reset_on_close();
                    return Poll::Ready(());
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.linger(cut, cx),
            }
        }
        cx.waker().wake_by_ref();
        self.linger(cut, cx)
    }

    /// Who was cut and does not answer is reset, so that the kernel forgets what it still holds for them.
    fn linger(&mut self, cut: bool, cx: &mut Context<'_>) -> Poll<()> {
        if !self.poll_deadline(LINGER, cx) {
            return Poll::Pending;
        }
        if cut {
            self.io.reset_on_close();
        }
        Poll::Ready(())
    }

    /// From here on nothing is accepted or delivered; whoever waits for it is told.
    pub(in crate::socket) fn sever(&mut self) {
        self.outbox.sever();
        self.anchor.release();
    }

    /// The stream is of no use any more.
    pub(in crate::socket) fn gone(&mut self) {
        self.outbox.declare(End::Peer);
        self.context = None;
        self.sever();
        self.phase = Phase::Done;
    }
}
