//! No thread of a server may panic, but where a handler is told to.

use std::cell::Cell;
use std::panic;
use std::sync::{Mutex, Once};

/// What a handler panics with that is meant to.
pub struct Intended;

/// Panics of servers that nobody intended.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

thread_local! {
    /// A failed assertion on a test's own thread is that test's failure, and nobody else's.
    static IS_TEST: Cell<bool> = const { Cell::new(false) };
}

/// Watches all threads but this one, which is a test's.
pub fn watch() {
    static ONCE: Once = Once::new();
    IS_TEST.set(true);
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if info.payload().is::<Intended>() {
                return;
            }
            print(info);
            if !IS_TEST.get() {
                PANICS.lock().unwrap().push(info.to_string());
            }
        }));
    });
}

/// Panics with what nobody takes for a failure.
pub fn intended() -> ! {
    panic::panic_any(Intended)
}

#[track_caller]
pub fn none_seen() {
    let seen = PANICS.lock().unwrap();
    assert!(seen.is_empty(), "a server panicked:\n{}", seen.join("\n"));
}
