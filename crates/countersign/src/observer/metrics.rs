//! Metrics: counters and histograms of what is observed.

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use super::{Observation, Observer};

const DELIVERIES: &str = "countersign_deliveries_total";
const LATE: &str = "countersign_late_total";
const NOTICES: &str = "countersign_notices_total";
const DURATION: &str = "countersign_delivery_duration_seconds";
const SIZE: &str = "countersign_delivery_size_bytes";
const SKEW: &str = "countersign_clock_skew_seconds";
const KEYS: &str = "countersign_key_matches_total";
const FAILURES: &str = "countersign_failures_in_a_row";
const EVICTIONS: &str = "countersign_evictions_total";

/// Counts and measures deliveries through the `metrics` crate (feature `metrics`), for whatever recorder the
/// program has installed.
///
/// | metric | labels beside `endpoint` and `provider` | what |
/// |---|---|---|
/// | `countersign_deliveries_total` | `outcome`, `reason` | deliveries that were answered; the reason is `none` but for a refusal |
/// | `countersign_late_total` | `outcome` | handlers that ended after their sender had been answered, or had hung up |
/// | `countersign_notices_total` | `outcome` | what was worth knowing beside an answer: lost leases, failed commits, differing payloads, and so on |
/// | `countersign_delivery_duration_seconds` | `outcome` | from the head to the end of the handler, or to the refusal |
/// | `countersign_delivery_size_bytes` | | the body as received, of verified deliveries |
/// | `countersign_clock_skew_seconds` | | the receiver's clock less the signed time, of verified deliveries; negative where the sender is ahead |
/// | `countersign_key_matches_total` | `key` | by the index of the secret: one that has stopped to match can be dropped |
/// | `countersign_failures_in_a_row` | | a gauge; some providers switch an endpoint off after a number of failures |
/// | `countersign_evictions_total` | | committed events that a full memory store forgot before their time |
///
/// No label is a sender's word: ids and types would be without bound.
#[derive(Debug, Clone)]
pub struct MetricsObserver {
    _described: (),
}

impl MetricsObserver {
    /// Describes the metrics to the recorder, which should have been installed before.
    pub fn new() -> Self {
        describe_counter!(DELIVERIES, "Webhook deliveries that were answered.");
        describe_counter!(
            LATE,
            "Handlers that ended when nobody waited for their answer any longer."
        );
        describe_counter!(NOTICES, "What was worth knowing beside an answer.");
        describe_histogram!(
            DURATION,
            Unit::Seconds,
            "From a delivery's head to the end of its handler, or to its refusal."
        );
        describe_histogram!(
            SIZE,
            Unit::Bytes,
            "Bodies of verified deliveries, as received."
        );
        describe_histogram!(
            SKEW,
            Unit::Seconds,
            "The receiver's clock less the signed time."
        );
        describe_counter!(
            KEYS,
            "Verified deliveries by the index of the secret that matched."
        );
        describe_gauge!(
            FAILURES,
            "Verified deliveries in a row that were not answered 2xx."
        );
        describe_counter!(
            EVICTIONS,
            "Committed events that a full memory store forgot before their time."
        );
        MetricsObserver { _described: () }
    }
}

impl Default for MetricsObserver {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for MetricsObserver {
    fn observe(&self, observation: &Observation<'_>) {
        let endpoint = observation.endpoint.to_owned();
        let provider = observation.provider.to_owned();
        let outcome = observation.outcome.as_str();
        let own = || {
            [
                ("endpoint", endpoint.clone()),
                ("provider", provider.clone()),
            ]
        };
        let with = |label, value: &str| {
            let [endpoint, provider] = own();
            [endpoint, provider, (label, value.to_owned())]
        };
        if let Some(evictions) = observation.evictions {
            counter!(EVICTIONS, &own()).absolute(evictions);
        }
        if !observation.outcome.is_answer() {
            counter!(NOTICES, &with("outcome", outcome)).increment(1);
            return;
        }
        if observation.late {
            // Its answer, if there was one, has been counted.
            counter!(LATE, &with("outcome", outcome)).increment(1);
        } else {
            let reason = observation.reason.map_or("none", |reason| reason.as_str());
            let [endpoint, provider, outcome] = with("outcome", outcome);
            let labels = [endpoint, provider, outcome, ("reason", reason.to_owned())];
            counter!(DELIVERIES, &labels).increment(1);
        }
        let elapsed = observation.elapsed.as_secs_f64();
        histogram!(DURATION, &with("outcome", outcome)).record(elapsed);
        gauge!(FAILURES, &own()).set(f64::from(observation.failures_in_a_row));
        let Some(key) = observation.key_index.filter(|_| !observation.late) else {
            return;
        };
        counter!(KEYS, &with("key", &key.to_string())).increment(1);
        histogram!(SIZE, &own()).record(observation.bytes as f64);
        if let Some(skew) = observation.skew_millis {
            histogram!(SKEW, &own()).record(skew as f64 / 1000.0);
        }
    }
}
