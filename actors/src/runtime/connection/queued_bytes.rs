//! [`QueuedBytes`]: how many bytes wait in the queues of all connections of a node.
//!
//! The queues note each change here, on the path of every delivery. So each thread adds to a cell of its own, and no two
//! threads write to the same cache line. This holds for up to [`CELLS`] delivering threads. A reading adds up the cells; its
//! cost does not depend on the number of connections.

use std::{
    cell::Cell as ThreadCell,
    sync::atomic::{AtomicUsize, Ordering},
};

/// The number of cells. The threads that deliver are the workers and the arbiters of the actors, which are a few more than the
/// cores.
const CELLS: usize = 64;

/// One cell, alone in its cache lines: some processors fetch lines in pairs.
#[repr(align(128))]
#[derive(Default)]
struct Cell(AtomicUsize);

/// The counter. All connections of a node share it.
pub(crate) struct QueuedBytes {
    cells: [Cell; CELLS],
}

/// The number of threads that have a cell.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OWN: ThreadCell<Option<usize>> = const { ThreadCell::new(None) };
}

impl Default for QueuedBytes {
    fn default() -> Self {
        Self { cells: std::array::from_fn(|_| Cell::default()) }
    }
}

impl QueuedBytes {
    /// Notes that a queue which had `before` bytes has `after` bytes now.
    pub(super) fn change(&self, before: usize, after: usize) {
        if before != after {
            // One thread may add what another takes away, so a cell alone may be below zero. It wraps, and so does the sum.
            self.cells[own_cell()].0.fetch_add(after.wrapping_sub(before), Ordering::Relaxed);
        }
    }

    /// The bytes that wait now. Changes during the call may be missing.
    pub(crate) fn total(&self) -> usize {
        let sum =
            self.cells.iter().fold(0_usize, |sum, cell| sum.wrapping_add(cell.0.load(Ordering::Relaxed)));
        // The sum may be negative for a moment: it may have counted the departure of bytes, but not their arrival.
        usize::try_from(sum.cast_signed()).unwrap_or(0)
    }
}

/// The cell of this thread.
fn own_cell() -> usize {
    OWN.with(|own| {
        own.get().unwrap_or_else(|| {
            let cell = THREADS.fetch_add(1, Ordering::Relaxed) % CELLS;
            own.set(Some(cell));
            cell
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_one_thread_adds_and_another_takes_away_cancel_each_other() {
        let queued = QueuedBytes::default();
        let work = |before: usize, after: usize| {
            for _ in 0..1_000 {
                queued.change(before, after);
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| work(0, 500));
                scope.spawn(|| work(500, 0));
            }
            scope.spawn(|| work(10, 17));
        });
        assert_eq!(queued.total(), 7_000);
    }

    #[test]
    fn a_sum_below_zero_is_no_bytes() {
        let queued = QueuedBytes::default();
        queued.change(5, 0);
        assert_eq!(queued.total(), 0);
        queued.change(0, 8);
        assert_eq!(queued.total(), 3);
    }
}
