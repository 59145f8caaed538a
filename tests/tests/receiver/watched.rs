//! What an operator sees: spans, lines and metrics.

use std::io;
use std::sync::{Arc, Mutex};

use countersign::{
    Delivery, MetricsObserver, Observation, Observer, Surroundings, TracingObserver, provider,
};
use countersign_testkit::{Cue, Operation};
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::stage::{Stage, at_once, secs};

/// What was written. Clones share it.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines that `scene` logs, as a terminal would show them.
fn lines(scene: impl FnOnce()) -> Vec<String> {
    let written = Written::default();
    let writer = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, scene);
    let bytes = written.0.lock().unwrap().clone();
    let text = String::from_utf8(bytes).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[track_caller]
fn holds(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "no {part} in {line}");
    }
}

#[test]
fn a_handler_runs_in_the_span_of_its_delivery() {
    let lines = lines(|| {
        let stage = Stage::with_memory(10);
        let shop = stage.open(&stage.fedapay().with_observer(TracingObserver));
        let (clock, event) = (stage.clock.clone(), stage.event("a"));
        let sent = shop.send(event, move |_| async move {
            tracing::info!("before it waits");
            countersign::Clock::sleep(&clock, secs(1)).await;
            tracing::info!("after it has waited");
            201
        });
        stage.pass(secs(1));
        assert_eq!(sent.answer(), "own 201");
        tracing::info!("outside");
    });
    let [before, after, told, outside] = lines.try_into().unwrap();
    let span = [
        "webhook{",
        "otel.kind=\"consumer\"",
        "messaging.system=\"fedapay\"",
        "messaging.destination.name=\"shop\"",
    ];
    for line in [&before, &after] {
        holds(line, &span);
        // It was verified before its handler began.
        holds(
            line,
            &[
                "messaging.message.id=\"a\"",
                "countersign.event_type=\"transaction.approved\"",
            ],
        );
        assert!(!line.contains("countersign.outcome"), "not yet: {line}");
    }
    holds(&told, &span);
    holds(
        &told,
        &[
            "INFO",
            "countersign: the handler ran, and its events are committed",
            "messaging.message.id=\"a\"",
            "messaging.message.body.size=",
            "http.response.status_code=201",
            "countersign.outcome=\"delivered\"",
            "countersign.event_type=\"transaction.approved\"",
            "countersign.key_index=0",
            "countersign.skew_ms=0",
            "elapsed_ms=1000",
        ],
    );
    assert!(!outside.contains("webhook"), "{outside}");
}

/// The one line from which a failed delivery can be understood.
#[test]
fn a_failed_delivery_is_one_line() {
    let lines = lines(|| {
        let stage = Stage::with_memory(10);
        let shop = stage.open(&stage.fedapay().with_observer(TracingObserver));
        assert_eq!(shop.deliver(stage.event("a"), at_once(500)), "own 500");
    });
    let [line] = lines.try_into().unwrap();
    holds(
        &line,
        &[
            "ERROR",
            "countersign: the handler failed; what it left undone is free for a retry",
            "endpoint=\"shop\"",
            "provider=\"fedapay\"",
            "outcome=\"handler_failed\"",
            "status=500",
            "events=[(\"transaction.approved\", \"a\")]",
            "key_index=0",
            "skew_ms=0",
            "bytes=",
            "elapsed_ms=0",
            "failures_in_a_row=1",
            "error.type=\"handler_failed\"",
        ],
    );
}

/// What lies beneath an outcome is in its line.
#[test]
fn a_line_says_what_went_wrong() {
    let line_of = |scene: &dyn Fn(Stage)| {
        let (stage, _) = Stage::with_cues();
        let lines = lines(|| scene(stage));
        let [line] = lines.try_into().unwrap();
        line
    };
    let failing = |cue| {
        let lines = lines(|| {
            let (stage, store) = Stage::with_cues();
            let shop = stage.open(&stage.fedapay().with_observer(TracingObserver));
            store.cue(Operation::Claim, cue);
            let sent = shop.send(stage.event("a"), at_once(201));
            stage.pass(secs(1));
            assert_eq!(sent.answer(), "503 retry=5");
        });
        let [line] = lines.try_into().unwrap();
        line
    };
    holds(&failing(Cue::Fail), &["error=the dedupe store failed: "]);
    let late = "error=the dedupe store failed: it did not answer in time";
    holds(&failing(Cue::Freeze), &[late]);

    let panicked = line_of(&|stage| {
        let shop = stage.open(&stage.fedapay().with_observer(TracingObserver));
        let panics = |_| async { panic!("in the handler") };
        assert_eq!(shop.deliver(stage.event("a"), panics), "500");
    });
    holds(&panicked, &["handler_failed", "error=the handler panicked"]);

    let marked = line_of(&|stage| {
        let shop = stage.open(&stage.fedapay().with_observer(TracingObserver));
        let marks = |delivery: Delivery| async move {
            delivery.failed("a").await;
            201
        };
        assert_eq!(shop.deliver(stage.event("a"), marks), "500");
    });
    holds(&marked, &["error=an event was marked as failed"]);

    let incomplete = line_of(&|stage| {
        let shop = stage.open(&stage.fedapay().with_observer(TracingObserver));
        let mut request = stage.event("a");
        request.headers_mut().clear();
        assert_eq!(shop.deliver(request, at_once(201)), "401");
    });
    holds(&incomplete, &["missing_header", "error=missing header: "]);
}

/// The observer's events stand in the span of their delivery, and it is that which is written to: where the
/// work is done in another's span, that one is left alone.
#[test]
fn a_span_of_the_handler_s_own_is_left_alone() {
    let lines = lines(|| {
        let stage = Stage::with_memory(10);
        let receiver = stage.fedapay().with_observer(TracingObserver);
        let shop = stage.open(&receiver.with_observer(InSpans));
        assert_eq!(shop.deliver(stage.event("a"), at_once(201)), "own 201");
    });
    let [line] = lines.try_into().unwrap();
    holds(&line, &["countersign.outcome=\"delivered\"", ":own: "]);
}

/// Puts a span of its own around each delivery, which has a field of the same name.
struct InSpans;

impl Observer for InSpans {
    fn observe(&self, _: &Observation<'_>) {}

    fn begin(&self, _: &str, _: &str) -> Option<Box<dyn Surroundings>> {
        Some(Box::new(InSpan))
    }
}

struct InSpan;

impl Surroundings for InSpan {
    fn enter(&self, work: &mut dyn FnMut()) {
        let span = tracing::info_span!("own", countersign.outcome = tracing::field::Empty);
        span.in_scope(work);
    }
}

#[test]
fn a_refusal_says_nothing_of_the_sender_s() {
    let lines = lines(|| {
        let stage = Stage::with_memory(10);
        let shop = stage.open(&stage.fedapay().with_observer(TracingObserver));
        let forged = stage.forged("the-id-of-a-forger");
        assert_eq!(shop.deliver(forged, at_once(201)), "401");
    });
    let [line] = lines.try_into().unwrap();
    holds(
        &line,
        &[
            "WARN",
            "outcome=\"rejected\"",
            "reason=\"signature_mismatch\"",
            "status=401",
            "error.type=\"signature_mismatch\"",
        ],
    );
    for part in [
        "forger",
        "transaction",
        "messaging.message",
        "key_index",
        "events",
    ] {
        assert!(!line.contains(part), "{line}");
    }
}

#[test]
fn what_a_sender_says_is_escaped() {
    let lines = lines(|| {
        let stage = Stage::with_memory(10);
        let shop = stage.open(&stage.fedapay().with_observer(TracingObserver));
        let body = r#"{"id":"a\n\u001b[2J\u0000b","name":"x\r\ny"}"#;
        let request = stage.sign(&provider::fedapay(), body);
        assert_eq!(shop.deliver(request, at_once(500)), "own 500");
    });
    let [line] = lines.try_into().unwrap();
    assert!(!line.contains(char::is_control), "{line:?}");
    holds(&line, &[r#"("x\r\ny", "a\n\u{1b}[2J\0b")"#]);
}

#[test]
fn a_batch_is_counted_and_named_in_part() {
    let lines = lines(|| {
        let stage = Stage::with_memory(100);
        let bank = stage.open(&stage.banking_circle().with_observer(TracingObserver));
        let ids: Vec<String> = (0..20).map(|n| format!("id-{n}")).collect();
        assert_eq!(bank.deliver(stage.batch(&ids), at_once(500)), "own 500");
    });
    // Before it, that nothing signed holds a time.
    let [_, line] = lines.try_into().unwrap();
    holds(
        &line,
        &[
            "messaging.batch.message_count=20",
            "\"id-7\"), and 12 more]",
        ],
    );
    assert!(!line.contains("id-8"), "{line}");
}

/// What Prometheus would be told of `scene`, without its comments.
fn metrics(scene: impl FnOnce(&Stage)) -> Vec<String> {
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || scene(&Stage::with_memory(2)));
    let text = recorder.handle().render();
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(str::to_owned).collect()
}

#[test]
fn deliveries_are_counted_by_what_became_of_them() {
    let lines = metrics(|stage| {
        let shop = stage.open(&stage.fedapay().with_observer(MetricsObserver::new()));
        for id in ["a", "b", "c"] {
            shop.deliver(stage.event(id), at_once(201));
        }
        shop.deliver(stage.event("c"), at_once(201));
        shop.deliver(stage.event("d"), at_once(500));
        shop.deliver(stage.forged("e"), at_once(201));
        shop.deliver(stage.sign(&provider::fedapay(), "{}"), at_once(201));
    });
    let own = r#"endpoint="shop",provider="fedapay""#;
    for (outcome, reason, number) in [
        ("delivered", "none", 4),
        ("duplicate", "none", 1),
        ("handler_failed", "none", 1),
        ("rejected", "signature_mismatch", 1),
    ] {
        let line = format!(
            r#"countersign_deliveries_total{{{own},outcome="{outcome}",reason="{reason}"}} {number}"#
        );
        assert!(lines.contains(&line), "no {line} in {lines:#?}");
    }
    for line in [
        format!(r#"countersign_key_matches_total{{{own},key="0"}} 6"#),
        format!(r#"countersign_notices_total{{{own},outcome="unidentified"}} 1"#),
        format!("countersign_failures_in_a_row{{{own}}} 0"),
        // Two fit, of four that were committed.
        format!("countersign_evictions_total{{{own}}} 2"),
        format!("countersign_delivery_size_bytes_count{{{own}}} 6"),
        format!("countersign_clock_skew_seconds_count{{{own}}} 6"),
        format!(r#"countersign_delivery_duration_seconds_count{{{own},outcome="delivered"}} 4"#),
    ] {
        assert!(lines.contains(&line), "no {line} in {lines:#?}");
    }
}

#[test]
fn a_run_that_ends_late_is_counted_apart() {
    let lines = metrics(|stage| {
        let shop = stage.open(&stage.fedapay().with_observer(MetricsObserver::new()));
        shop.send(stage.event("a"), stage.after(secs(20), 201));
        stage.pass(secs(20));
    });
    let own = r#"endpoint="shop",provider="fedapay""#;
    for line in [
        format!(
            r#"countersign_deliveries_total{{{own},outcome="answer_deadline",reason="none"}} 1"#
        ),
        format!(r#"countersign_late_total{{{own},outcome="delivered"}} 1"#),
        format!(r#"countersign_key_matches_total{{{own},key="0"}} 1"#),
    ] {
        assert!(lines.contains(&line), "no {line} in {lines:#?}");
    }
}

/// Surroundings that do not what they should.
#[derive(Clone, Copy, PartialEq)]
enum Odd {
    ForgetsTheWork,
    PanicsInside,
    PanicsAtTheBeginning,
    SwallowsPanics,
}

impl Observer for Odd {
    fn observe(&self, _: &Observation<'_>) {}

    fn begin(&self, _: &str, _: &str) -> Option<Box<dyn Surroundings>> {
        assert!(*self != Odd::PanicsAtTheBeginning);
        Some(Box::new(*self))
    }
}

impl Surroundings for Odd {
    fn enter(&self, work: &mut dyn FnMut()) {
        match self {
            Odd::ForgetsTheWork => {}
            Odd::SwallowsPanics => {
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            }
            Odd::PanicsInside | Odd::PanicsAtTheBeginning => panic!("in the surroundings"),
        }
    }
}

#[test]
fn odd_observers_lose_no_event() {
    for (odd, answer) in [
        (Odd::ForgetsTheWork, "own 201"),
        (Odd::SwallowsPanics, "own 201"),
        (Odd::PanicsAtTheBeginning, "own 201"),
        (Odd::PanicsInside, "own 201"),
    ] {
        let stage = Stage::with_memory(10);
        let shop = stage.open(&stage.fedapay().with_observer(odd));
        assert_eq!(shop.deliver(stage.event("a"), at_once(201)), answer);
        assert_eq!(stage.held(), (0, 1));
        let panics = |_| async { panic!("in the handler") };
        assert_eq!(shop.deliver(stage.event("b"), panics), "500");
        assert_eq!(stage.held(), (0, 1), "free for a retry");
    }
}
