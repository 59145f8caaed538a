//! The memory store: time and bytes an id, and whether it ever misses a duplicate.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use countersign::scheme::{
    Grammar, HmacAlgorithm, HmacScheme, KeyFormat, Prefix, Scheme, SignatureEncoding,
    SignatureFormat,
};
use countersign::{
    Claim, DedupeStore, Envelope, IdSource, Key, MemoryStore, Pointer, Provider, Secret, Token,
    TypeSource, Verifier,
};
use futures_util::FutureExt;

use crate::allocations::counted;
use crate::deliveries::{KEY, now, request, tag};
use crate::report::budget;

const LEASE: Duration = Duration::from_secs(30);
const RETENTION: Duration = Duration::from_secs(3 * 24 * 3600);

/// Events of one delivery, and keys made at a time.
const BATCH: usize = 10_000;

pub(crate) fn all() {
    let source = Source::new();

    let fastest = |runs: usize, mut run: Box<dyn FnMut() -> f64 + '_>| {
        (0..runs).map(|_| run()).fold(f64::INFINITY, f64::min)
    };
    let small = fastest(15, Box::new(|| one_thread(&source, 100_000)));
    budget("memory.100k", small);
    budget("memory.10m", one_thread(&source, 10_000_000));
    let keys = source.first(1_000_000);
    let shared = fastest(15, Box::new(|| two_threads(&keys)));
    budget("memory.2t-1m", shared);

    // The table grows in powers of two: 1 M ids have just outgrown one.
    let bytes = [100_000, 1_000_000].map(|ids| bytes_an_id(&source, ids));
    budget("memory.bytes", bytes[0].max(bytes[1]));
    budget("memory.missed", missed(&source, 200_000) as f64);
}

fn store(ids: usize) -> MemoryStore {
    MemoryStore::new(NonZeroUsize::new(ids).expect("not zero"))
}

/// Nanoseconds a claim and its commit, while an empty store fills up.
fn one_thread(source: &Source, ids: usize) -> f64 {
    let store = store(ids);
    let token = Token::random();
    let mut time = Duration::ZERO;
    for batch in 0..ids / BATCH {
        let keys = source.keys(batch);
        let start = Instant::now();
        for key in &keys {
            claim_and_commit(&store, key, token);
        }
        time += start.elapsed();
    }
    time.as_nanos() as f64 / ids as f64
}

/// The same on two threads that share the store: nanoseconds as each of them sees it.
fn two_threads(keys: &[Key]) -> f64 {
    let store = store(keys.len());
    let (left, right) = keys.split_at(keys.len() / 2);
    let fill = |keys: &[Key]| {
        let token = Token::random();
        let start = Instant::now();
        for key in keys {
            claim_and_commit(&store, key, token);
        }
        start.elapsed().as_nanos() as f64 / keys.len() as f64
    };
    thread::scope(|threads| {
        let other = threads.spawn(|| fill(right));
        fill(left).max(other.join().expect("no panic"))
    })
}

fn claim_and_commit(store: &MemoryStore, key: &Key, token: Token) {
    let keys = std::slice::from_ref(key);
    if acquires(store, keys, token) {
        commit(store, keys, token);
    }
}

fn acquires(store: &MemoryStore, keys: &[Key], token: Token) -> bool {
    let claim = store.claim(keys, token, LEASE);
    let claim = claim.now_or_never().expect("no waiting").expect("no fault");
    matches!(claim, Claim::Acquired(_))
}

fn commit(store: &MemoryStore, keys: &[Key], token: Token) {
    let commit = store.commit(keys, token, RETENTION).now_or_never();
    commit.expect("no waiting").expect("no fault");
}

/// Bytes asked of the allocator for a full store.
fn bytes_an_id(source: &Source, ids: usize) -> f64 {
    let keys = source.first(ids);
    let token = Token::random();
    let (_store, asked) = counted(|| {
        let store = store(ids);
        for key in &keys {
            claim_and_commit(&store, key, token);
        }
        store
    });
    asked.held as f64 / ids as f64
}

/// How often an id is acquired again after its first time: by four threads that all go over the
/// same ids at once, and once more when all is done.
fn missed(source: &Source, ids: usize) -> usize {
    let store = store(ids);
    let keys = source.first(ids);
    let acquired: Vec<AtomicU8> = keys.iter().map(|_| AtomicU8::new(0)).collect();
    let run = |from: usize| {
        let token = Token::random();
        let shuffled = (0..ids).map(|n| (from + n) % ids);
        for (key, acquired) in shuffled.filter_map(|at| keys.get(at).zip(acquired.get(at))) {
            let key = std::slice::from_ref(key);
            if acquires(&store, key, token) {
                acquired.fetch_add(1, Relaxed);
                commit(&store, key, token);
            }
        }
    };
    thread::scope(|threads| {
        for n in 0..4 {
            // Two start together, two at other places.
            threads.spawn(move || run(n / 2 * ids / 3));
        }
    });
    run(0);
    let missed = AtomicUsize::new(0);
    for times in &acquired {
        missed.fetch_add(usize::from(times.load(Relaxed)).abs_diff(1), Relaxed);
    }
    missed.into_inner()
}

/// Where keys come from: verified deliveries of many events each, since nothing else makes one.
struct Source {
    verifier: Verifier,
}

impl Source {
    fn new() -> Source {
        let scheme = HmacScheme {
            algorithm: HmacAlgorithm::Sha256,
            key: KeyFormat::TEXT,
            signature: SignatureFormat {
                headers: vec!["x-signature".into()].into(),
                grammar: Grammar::Plain {
                    prefix: Prefix::None,
                },
                encoding: SignatureEncoding::Hex,
            },
            timestamp: None,
            template: "{body}".into(),
        };
        let pointer = |text| Pointer::new(text).expect("a pointer");
        let envelope = Envelope {
            members: Some(pointer("/events")),
            id: IdSource::Pointer(pointer("/id")),
            kind: TypeSource::None,
            time: None,
        };
        let provider = Provider::new("bench", Scheme::Hmac(scheme), envelope);
        let secret = Secret::from_bytes(KEY).expect("a secret");
        Source {
            verifier: Verifier::new(&provider, &[secret]).expect("a verifier"),
        }
    }

    /// The keys of the first batches.
    fn first(&self, ids: usize) -> Vec<Key> {
        (0..ids / BATCH)
            .flat_map(|batch| self.keys(batch))
            .collect()
    }

    /// The keys of one batch.
    fn keys(&self, batch: usize) -> Vec<Key> {
        let members: Vec<String> = (batch * BATCH..(batch + 1) * BATCH)
            .map(|id| format!(r#"{{"id":{id}}}"#))
            .collect();
        let body = Bytes::from(format!(r#"{{"events":[{}]}}"#, members.join(",")));
        let request = request(&[("x-signature", hex::encode(tag(KEY, &body)))]);
        let verified = self
            .verifier
            .verify(&request, body, now())
            .expect("genuine");
        let events = self.verifier.identify(&verified);
        events.iter().map(|event| event.key("bench")).collect()
    }
}
