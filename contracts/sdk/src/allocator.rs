//! The allocator of a contract: it only moves forward.
//!
//! 1. An allocation is an addition and a comparison; memory grows by whole pages as needed.
//! 2. The newest allocation can be given back or resized in place, which is what growing a `Vec` or
//!    building a `String` does; everything else stays until the call ends.
//! 3. When the memory limit of the chain is reached the call is aborted.
#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code)] // An allocator hands out addresses.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const PAGE: usize = 65_536;

struct Bump {
    /// The first free address; 0 before the first allocation.
    next: AtomicUsize,
}

#[global_allocator]
static ALLOCATOR: Bump = Bump { next: AtomicUsize::new(0) };

unsafe extern "C" {
    /// Defined by the linker: its address is the first byte behind stack and data.
    static __heap_base: u8;
}

impl Bump {
    fn next(&self) -> usize {
        match self.next.load(Relaxed) {
            0 => (&raw const __heap_base).addr(),
            next => next,
        }
    }

    /// Takes everything below `end`; false if the memory cannot grow that far.
    fn take(&self, end: usize) -> bool {
        let size = wasm32::memory_size::<0>() * PAGE;
        if end > size && wasm32::memory_grow::<0>((end - size).div_ceil(PAGE)) == usize::MAX {
            return false;
        }
        self.next.store(end, Relaxed);
        true
    }
}

// SAFETY: blocks never overlap: each starts at or behind `next`, which only falls back to the start of
// the newest block when exactly that block is given back. There is one thread.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.next().checked_next_multiple_of(layout.align());
        match start.and_then(|start| Some((start, start.checked_add(layout.size())?))) {
            Some((start, end)) if self.take(end) => core::ptr::with_exposed_provenance_mut(start),
            _ => core::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if block.addr() + layout.size() == self.next() {
            self.next.store(block.addr(), Relaxed);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if block.addr() + layout.size() == self.next() {
            return match block.addr().checked_add(size) {
                Some(end) if self.take(end) => block,
                _ => core::ptr::null_mut(),
            };
        }
        if size <= layout.size() {
            return block;
        }
        // SAFETY: the caller guarantees that `size`, rounded up to the alignment, fits an isize.
        let to = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !to.is_null() {
            // SAFETY: both blocks hold at least the old size, and they do not overlap.
            unsafe { core::ptr::copy_nonoverlapping(block, to, layout.size()) };
        }
        to
    }
}
