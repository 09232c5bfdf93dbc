//! The system's allocator, which here also counts the allocations and bytes of each thread.

#![allow(dead_code, reason = "each test counts what it needs")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    ops::Sub,
};

struct Counting;

/// The allocations of a thread, including those that are freed again.
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

/// The allocations of this thread so far.
pub(crate) fn taken() -> Taken {
    TAKEN.get()
}

// SAFETY: every call is passed to the system's allocator with unchanged arguments. The counters allocate no memory.
#[expect(unsafe_code, reason = "the trait of allocators is unsafe")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that is ending may have no counter any more.
        let _ = TAKEN.try_with(|taken| {
            let Taken { times, bytes } = taken.get();
            taken.set(Taken { times: times + 1, bytes: bytes + layout.size() });
        });
        // SAFETY: the caller keeps the contract of the trait, which is also the contract of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of the trait, which is also the contract of the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
