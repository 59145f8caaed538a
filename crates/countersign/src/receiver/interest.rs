//! Which events of a verified delivery are to run, and under which keys.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use http::StatusCode;

use super::gate::Answer;
use super::track::Track;
use crate::dedupe::Key;
use crate::error::ErrorKind;
use crate::event::Identity;
use crate::identify::time_of;
use crate::observer::Outcome;
use crate::time::UnixTime;
use crate::verified::Verified;

/// The events that are to be claimed, each once, or all that are to be run without a claim, with their keys and in
/// the order of the delivery.
///
/// # Errors
///
/// The answer, if there are none.
pub(super) fn of_interest(
    track: &Track,
    verified: &Verified,
    mut events: Vec<Identity>,
) -> Result<Vec<(Key, Identity)>, Answer> {
    let config = &track.gate.config;
    let wanted = |event: &Identity| match (&config.types, event.kind()) {
        (Some(types), Some(kind)) => types.iter().any(|name| **name == *kind),
        _ => true,
    };
    if !events.iter().any(wanted) {
        track.answered(Outcome::Ignored, StatusCode::OK, &events);
        return Err(Answer::verified(StatusCode::OK, "ignored"));
    }
    events.retain(wanted);
    leave_out_stale(track, verified, &mut events)?;
    let unidentified = events.iter().filter(|event| !event.is_identified());
    let unidentified: Vec<Identity> = unidentified.cloned().collect();
    if !unidentified.is_empty() {
        track.noticed(Outcome::Unidentified, &unidentified, false);
    }
    Ok(each_once(track, events))
}

/// Leaves out the events that are older than the merchant wants them, by their own time.
///
/// # Errors
///
/// The refusal, if none is left.
fn leave_out_stale(
    track: &Track,
    verified: &Verified,
    events: &mut Vec<Identity>,
) -> Result<(), Answer> {
    let Some((targets, age)) = &track.gate.config.freshness else {
        return Ok(());
    };
    let oldest = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    let is_stale = |event: &mut Identity| {
        let found = targets.find(event.raw());
        let time: Option<UnixTime> = found
            .as_deref()
            .and_then(|found| found.first())
            .and_then(time_of);
        time.is_none_or(|time| verified.verified_at().millis_since(time) > oldest)
    };
    let stale: Vec<Identity> = events.extract_if(.., is_stale).collect();
    match stale.is_empty() {
        true => Ok(()),
        false if events.is_empty() => Err(track.refuse(ErrorKind::TimestampStale, &stale)),
        false => {
            track.noticed(Outcome::Stale, &stale, false);
            Ok(())
        }
    }
}

/// The events with their keys; of those with one key the first, unless there is no dedupe.
fn each_once(track: &Track, events: Vec<Identity>) -> Vec<(Key, Identity)> {
    let config = &track.gate.config;
    let alone = events.len() == 1;
    let mut seen: HashMap<Key, u64> = HashMap::new();
    let mut kept = Vec::with_capacity(events.len());
    let mut differing = Vec::new();
    for event in events {
        let key = event.key(track.scope());
        // A delivery of one event, as most are, needs no table; and without dedupe nothing is left out.
        if alone || !config.dedupe.is_on() {
            kept.push((key, event));
            continue;
        }
        match seen.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(key.payload_hash());
                kept.push((key, event));
            }
            Entry::Occupied(entry) if *entry.get() != key.payload_hash() => differing.push(event),
            Entry::Occupied(_) => {}
        }
    }
    if !differing.is_empty() {
        track.noticed(Outcome::PayloadDiffers, &differing, false);
    }
    kept
}
