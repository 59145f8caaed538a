//! What the stores tell the operator.

use std::sync::{Mutex, Once};

/// What was logged under the stores' targets, of the server or store that `of` names.
pub fn logged(of: &str) -> Vec<String> {
    let lines = LINES.lock().unwrap();
    lines
        .iter()
        .filter(|line| line.contains(of))
        .cloned()
        .collect()
}

/// Begins to listen to what is logged.
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Lines).unwrap();
        log::set_max_level(log::LevelFilter::Info);
    });
}

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Lines;

impl log::Log for Lines {
    fn enabled(&self, line: &log::Metadata<'_>) -> bool {
        line.target().starts_with("countersign::")
    }

    fn log(&self, line: &log::Record<'_>) {
        if self.enabled(line.metadata()) {
            let line = format!("{} {}", line.level(), line.args());
            LINES.lock().unwrap().push(line);
        }
    }

    fn flush(&self) {}
}
