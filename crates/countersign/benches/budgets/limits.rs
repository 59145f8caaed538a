//! What the lines of the core may come to. The table in `docs/performance.md` says the same, and a test
//! holds the two together.

/// The limit of each line, by its name.
pub(crate) const LIMITS: &[(&str, f64)] = &[
    ("verify.github.256", 1.20),
    ("verify.github.1024", 1.08),
    ("verify.github.4096", 1.03),
    ("verify.stripe.256", 1.40),
    ("verify.stripe.1024", 1.15),
    ("verify.stripe.4096", 1.05),
    ("verify.fedapay.256", 1.40),
    ("verify.fedapay.1024", 1.15),
    ("verify.fedapay.4096", 1.05),
    ("verify.standard-webhooks.256", 1.50),
    ("verify.standard-webhooks.1024", 1.20),
    ("verify.standard-webhooks.4096", 1.06),
    ("handwritten.github.1024", 0.90),
    ("handwritten.stripe.1024", 0.90),
    ("alloc.verify", 0.0),
    ("refuse.missing", 100.0),
    ("refuse.malformed", 100.0),
    ("identify", 1.6),
    ("stream.peak", 1.1),
    ("stream.verdict", 100.0),
    ("memory.100k", 400.0),
    ("memory.10m", 1000.0),
    ("memory.2t-1m", 1000.0),
    ("memory.bytes", 110.0),
    ("memory.missed", 0.0),
];
