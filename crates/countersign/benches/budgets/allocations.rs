//! An allocator that counts, while it is told to.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Counting;

/// Off while something is timed, so that counting favours nobody.
static ON: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);
/// Bytes held, from an offset that no release can bring below zero.
static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

const OFFSET: usize = usize::MAX / 2;

/// What was asked of the allocator while something ran.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// Allocations and reallocations.
    pub(crate) calls: usize,
    /// The bytes of all of them together.
    #[allow(dead_code, reason = "for the benches that share this file")]
    pub(crate) bytes: usize,
    /// The most bytes held at once, beyond what was held at the start.
    pub(crate) peak: usize,
    /// The bytes still held at the end, beyond what was held at the start.
    pub(crate) held: usize,
}

/// Runs `work` and counts what it asks for.
pub(crate) fn counted<T>(work: impl FnOnce() -> T) -> (T, Asked) {
    CALLS.store(0, Relaxed);
    BYTES.store(0, Relaxed);
    HELD.store(OFFSET, Relaxed);
    PEAK.store(OFFSET, Relaxed);
    ON.store(true, Relaxed);
    let result = work();
    ON.store(false, Relaxed);
    let asked = Asked {
        calls: CALLS.load(Relaxed),
        bytes: BYTES.load(Relaxed),
        peak: PEAK.load(Relaxed) - OFFSET,
        held: HELD.load(Relaxed).saturating_sub(OFFSET),
    };
    (result, asked)
}

fn add(bytes: usize) {
    if ON.load(Relaxed) {
        CALLS.fetch_add(1, Relaxed);
        BYTES.fetch_add(bytes, Relaxed);
        let held = HELD.fetch_add(bytes, Relaxed) + bytes;
        PEAK.fetch_max(held, Relaxed);
    }
}

fn remove(bytes: usize) {
    if ON.load(Relaxed) {
        HELD.fetch_sub(bytes, Relaxed);
    }
}

#[expect(unsafe_code, reason = "an allocator cannot be written without")]
// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        remove(layout.size());
        // SAFETY: the caller keeps the contract of `dealloc`, which is the same.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller keeps the contract of `alloc_zeroed`, which is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // The old block may be held until the new one is there, but it need not be: the system
        // mostly grows in place or moves pages.
        remove(layout.size());
        add(size);
        // SAFETY: the caller keeps the contract of `realloc`, which is the same.
        unsafe { System.realloc(at, layout, size) }
    }
}
