//! What the lines of the adapters may come to. The table in `docs/performance.md` says the same, and a test
//! holds the two together.

/// The limit of each line, by its name.
pub(crate) const LIMITS: &[(&str, f64)] = &[
    ("layer.axum.1024", 1.06),
    ("layer.axum.65536", 1.03),
    ("layer.actix.1024", 1.08),
    ("layer.actix.65536", 1.03),
    ("gate.axum.1024", 1.40),
    ("gate.actix.1024", 1.40),
    ("copies.axum", 0.0),
    ("copies.actix", 0.0),
    ("forged.errors", 0.0),
    ("redis.claim", 1.0),
    ("redis.commit", 1.0),
];
