//! [`DeadlineTimer`]: wakes the task of a connection at the next deadline of its client state.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use actix_rt::time::{Sleep, sleep_until};

/// The timer; it is unset without a deadline.
#[derive(Default)]
pub(crate) struct DeadlineTimer(Option<(Instant, Pin<Box<Sleep>>)>);

impl DeadlineTimer {
    /// Sets the timer to the next deadline. A timer that fires too early does no harm, so a timer is only set to an earlier
    /// time, never to a later one.
    pub(crate) fn set(&mut self, next: Option<Instant>) {
        self.0 = match (self.0.take(), next) {
            (_, None) => None,
            (Some((armed, timer)), Some(next)) if armed <= next => Some((armed, timer)),
            (Some((_, mut timer)), Some(next)) => {
                timer.as_mut().reset(next.into());
                Some((next, timer))
            }
            (None, Some(next)) => Some((next, Box::pin(sleep_until(next.into())))),
        };
    }

    /// Ready at the deadline, once.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some((_, timer)) = &mut self.0 else { return Poll::Pending };
        let due = timer.as_mut().poll(cx);
        if due.is_ready() {
            self.0 = None;
        }
        due
    }
}
