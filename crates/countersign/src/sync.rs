//! Where the locks and counters that threads share come from: the standard library, or `loom`, which
//! plays every order in which threads can meet (`just loom`).

#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic::AtomicUsize};

#[cfg(all(test, loom))]
pub(crate) use loom::sync::{Mutex, MutexGuard, atomic::AtomicUsize};
