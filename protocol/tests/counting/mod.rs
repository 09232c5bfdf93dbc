//! The system's allocator, and how often and how much each thread has had from it.

#![allow(dead_code, reason = "each test counts what it needs")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    ops::Sub,
};

struct Counting;

/// What a thread has been given, freed or not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taken {
    pub(crate) times: usize,
    pub(crate) bytes: usize,
}

impl Sub for Taken {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { times: self.times - before.times, bytes: self.bytes - before.bytes }
    }
}

thread_local! {
    static TAKEN: Cell<Taken> = const { Cell::new(Taken { times: 0, bytes: 0 }) };
}

/// What this thread has been given so far.
pub(crate) fn taken() -> Taken {
    TAKEN.get()
}

// SAFETY: every call goes to the system's allocator with the arguments it came with; counting touches no memory of it.
#[expect(unsafe_code, reason = "an allocator cannot be had otherwise")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that is ending counts no more.
        let _ = TAKEN.try_with(|taken| {
            let Taken { times, bytes } = taken.get();
            taken.set(Taken { times: times + 1, bytes: bytes + layout.size() });
        });
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
