//! No thread of a server may panic, but where a handler is told to.

use std::cell::Cell;
use std::panic::{self, Location, PanicHookInfo};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use super::Framework;

/// What a handler panics with that is meant to.
pub struct Intended;

/// Panics of servers that nobody intended, with the names of their threads.
static PANICS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

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
            if !IS_TEST.get() && !is_a_race_of_actix_server(info) {
                let name = std::thread::current().name().unwrap_or_default().to_owned();
                seen().push((name, info.to_string()));
            }
        }));
    });
}

/// A worker of actix-server 2.9 that is told to stop counts its connections, and subtracts one from
/// zero if the last of them came and went before the accepting thread had counted it. With overflow
/// checks that is a panic, of a worker that was to end anyhow.
fn is_a_race_of_actix_server(info: &PanicHookInfo<'_>) -> bool {
    let of_a_worker = |place: &Location<'_>| {
        place.file().ends_with("worker.rs") && place.file().contains("/actix-server-")
    };
    info.location().is_some_and(of_a_worker)
        && info.payload().downcast_ref() == Some(&"attempt to subtract with overflow")
}

fn seen() -> MutexGuard<'static, Vec<(String, String)>> {
    PANICS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Panics with what nobody takes for a failure.
pub fn intended() -> ! {
    panic::panic_any(Intended)
}

/// That no server of this framework panicked, nor the background of a receiver.
#[track_caller]
pub fn none_seen(framework: Framework) {
    let others = match framework {
        Framework::Axum => "actix",
        Framework::ActixWeb => "tokio",
    };
    // Taken out: one panic is one failure, of whichever test looks first.
    let mut all = seen();
    let seen: Vec<_> = all
        .extract_if(.., |(thread, _)| !thread.starts_with(others))
        .collect();
    drop(all);
    assert!(seen.is_empty(), "a server panicked: {seen:#?}");
}
