//! Whose turn it is: commands are counted, taken in order, and wait behind one that waits for the world outside.

use std::time::Instant;

use protocol::{Command, CommandBody, ErrorCode, close::CloseReason};

use super::{
    effects::Purpose,
    state::{Dialogue, Pending, Phase},
};

impl Dialogue {
    pub(super) fn take_commands(&mut self, now: Instant, commands: Vec<Command>, accepting: bool) {
        if self.commands.is_idle(now) {
            self.strikes = 0;
        }
        let mut refused = false;
        for command in commands {
            if self.is_closed() {
                return;
            }
            if matches!(command.body, CommandBody::Pong) {
                // Never waits: its time is measured. Never counts: it was asked for.
                self.pong();
            } else if !self.commands.check(&self.config.commands, now).is_allowed() {
                refused = true;
                self.refuse_rate(command.id);
            } else if self.pending.is_none() {
                self.handle(now, command, accepting);
            } else if self.waiting.len() < self.config.max_waiting {
                self.waiting.push_back(command);
            } else {
                // Too fast for what it waits for; with time it fits.
                self.close(CloseReason::TooManyRequests);
            }
        }
        self.strikes += u32::from(refused);
        if self.strikes >= self.config.max_strikes {
            self.close(CloseReason::TooManyRequests);
        }
    }

    /// What waits is bounded in bytes, too: a command is at most as large as the frame it came in.
    pub(super) fn bound_waiting(&mut self, frame: usize) {
        self.waiting_bytes = if self.waiting.is_empty() { 0 } else { self.waiting_bytes + frame };
        if self.waiting_bytes > self.config.max_waiting_bytes {
            self.close(CloseReason::TooManyRequests);
        }
    }

    /// Lets what waited have its turn, until something has to wait again.
    pub(super) fn go_on(&mut self, now: Instant, accepting: bool) {
        while self.pending.is_none() && !self.is_closed() {
            let Some(command) = self.waiting.pop_front() else {
                self.waiting_bytes = 0;
                self.waiting.shrink_to(8);
                break;
            };
            self.handle(now, command, accepting);
        }
    }

    /// Takes what waited for this outcome, if anything did.
    pub(super) fn settle(&mut self, purpose: Purpose) -> Option<Pending> {
        let awaited = self.pending.as_ref().and_then(|pending| pending.purpose());
        if self.is_closed() || awaited != Some(purpose) {
            return None;
        }
        self.pending.take().map(|pending| *pending)
    }

    /// Takes what waited for something else than an outcome, if that is what it waited for.
    pub(super) fn take_pending(&mut self, is_it: impl FnOnce(&Pending) -> bool) -> Option<Pending> {
        self.pending.take_if(|pending| is_it(pending)).map(|pending| *pending)
    }

    pub(super) fn wait_for(&mut self, pending: Pending) {
        self.pending = Some(Box::new(pending));
    }

    pub(super) fn refuse_rate(&mut self, id: u32) {
        if id > 0 {
            self.refuse(id, ErrorCode::TooManyRequests);
        }
    }

    fn pong(&mut self) {
        if self.phase != Phase::Connected || !self.heartbeat.pong() {
            self.close(CloseReason::BadRequest);
        }
    }
}
