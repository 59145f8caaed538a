//! The default store: one process, bounded, nothing on disk.

/// The default store.
#[derive(Debug)]
pub struct MemoryStore {}
