//! The queue of commands behind a pending command, and the rate limit of commands.

use std::time::Instant;

use protocol::{Command, CommandBody, ErrorCode, close::CloseReason};

use super::{
    effects::Purpose,
    state::{ClientState, Pending, Phase},
};

impl ClientState {
    /// Handles the commands of one frame, or enqueues them behind the pending command. The queue is limited in bytes, too: each
    /// command counts with its share of the size of `frame`. `accepting` is explained at [`ClientState::on_frame`].
    pub(super) fn take_commands(
        &mut self,
        now: Instant,
        commands: Vec<Command>,
        frame: usize,
        accepting: bool,
    ) {
        let bytes = frame.div_ceil(commands.len().max(1));
        if self.commands.is_idle(now) {
            self.refused_frames = 0;
        }
        let mut refused = false;
        for command in commands {
            if self.is_closed() {
                return;
            }
            if matches!(command.body, CommandBody::Pong) {
                // A pong is never enqueued, because its delay is measured. It does not count towards the rate limit, because
                // the server requested it with a ping.
                self.pong(now);
            } else if !self.commands.check(&self.config.commands, now).is_allowed() {
                refused = true;
                self.refuse_rate(command.id);
            } else if self.pending.is_none() {
                self.handle(now, command, accepting);
            } else if self.queue.len() < self.config.max_waiting
                && self.queued_bytes + bytes <= self.config.max_waiting_bytes
            {
                self.queued_bytes += bytes;
                self.queue.push_back((command, bytes));
            } else {
                // The queue is full. After this close reason, the client reconnects.
                self.close(CloseReason::TooManyRequests);
            }
        }
        self.refused_frames += u32::from(refused);
        if self.refused_frames >= self.config.max_refused_frames {
            self.close(CloseReason::TooManyRequests);
        }
    }

    /// Handles the queued commands, until one of them becomes pending.
    pub(super) fn run_queue(&mut self, now: Instant, accepting: bool) {
        while self.pending.is_none() && !self.is_closed() {
            let Some((command, bytes)) = self.queue.pop_front() else {
                self.queue.shrink_to(8);
                break;
            };
            self.queued_bytes -= bytes;
            self.handle(now, command, accepting);
        }
    }

    /// Removes and returns the pending command, if it waits for the result of this verification.
    pub(super) fn take_verified(&mut self, purpose: Purpose) -> Option<Pending> {
        let awaited = self.pending.as_ref().and_then(|pending| pending.purpose());
        if self.is_closed() || awaited != Some(purpose) {
            return None;
        }
        self.pending.take().map(|pending| *pending)
    }

    /// Removes and returns the pending command, if `matches` is true for it.
    pub(super) fn take_pending_if(&mut self, matches: impl FnOnce(&Pending) -> bool) -> Option<Pending> {
        self.pending.take_if(|pending| matches(pending)).map(|pending| *pending)
    }

    /// Makes `pending` the pending command.
    pub(super) fn set_pending(&mut self, pending: Pending) {
        self.pending = Some(Box::new(pending));
    }

    /// Answers that a rate limit is exceeded. A command without an id gets no reply.
    pub(super) fn refuse_rate(&mut self, id: u32) {
        if id > 0 {
            self.refuse(id, ErrorCode::TooManyRequests);
        }
    }

    fn pong(&mut self, now: Instant) {
        if self.phase != Phase::Connected || !self.heartbeat.pong(now) {
            self.close(CloseReason::BadRequest);
        }
    }
}
