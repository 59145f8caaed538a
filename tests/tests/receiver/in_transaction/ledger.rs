//! A database of two tables, events and payments, in memory: transactions that wait for each other,
//! and a question that fails or hangs when a test says so.

use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use countersign::{Clock, Committed, Delivery, Fresh, Key, StoreError, ToClaim, TransactionStore};
use countersign_testkit::ManualClock;

/// Clones are the same database.
#[derive(Clone)]
pub struct Ledger {
    tables: Arc<Mutex<Tables>>,
    clock: ManualClock,
}

#[derive(Default)]
struct Tables {
    /// The hash of each committed event's payload.
    events: BTreeMap<[u8; 32], u64>,
    payments: Vec<String>,
    /// What transactions have written and not committed.
    locked: Vec<Key>,
    asked: usize,
    answers: VecDeque<Answering>,
}

/// What the next question is answered.
#[derive(Clone, Copy)]
pub enum Answering {
    Obeys,
    Fails,
    Hangs,
}

impl Ledger {
    pub fn new(clock: &ManualClock) -> Ledger {
        Ledger {
            tables: Arc::default(),
            clock: clock.clone(),
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap()
    }

    pub fn begin(&self) -> Transaction {
        Transaction {
            ledger: self.clone(),
            keys: Vec::new(),
            payments: Vec::new(),
        }
    }

    /// The payments that are committed, in that order.
    pub fn booked(&self) -> Vec<String> {
        self.tables().payments.clone()
    }

    /// Tells the next questions what to be answered; those behind them are answered.
    pub fn answers(&self, answers: impl IntoIterator<Item = Answering>) {
        self.tables().answers.extend(answers);
    }

    /// How many questions were asked.
    pub fn asked(&self) -> usize {
        self.tables().asked
    }
}

impl TransactionStore for Ledger {
    async fn committed(&self, keys: &[Key]) -> Result<Committed, StoreError> {
        assert!(keys.is_sorted() && !keys.is_empty());
        let answering = {
            let mut tables = self.tables();
            tables.asked += 1;
            tables.answers.pop_front()
        };
        match answering {
            Some(Answering::Fails) => return Err(StoreError::unavailable("told to")),
            Some(Answering::Hangs) => pending().await,
            Some(Answering::Obeys) | None => {}
        }
        let mut committed = Committed::default();
        for key in keys {
            if let Some(hash) = self.tables().events.get(key.as_bytes()) {
                committed.keys.push(*key);
                if *hash != key.payload_hash() {
                    committed.differing.push(*key);
                }
            }
        }
        Ok(committed)
    }
}

/// Rolled back when it is dropped.
pub struct Transaction {
    ledger: Ledger,
    keys: Vec<Key>,
    payments: Vec<String>,
}

impl Transaction {
    /// Waits for every transaction that has written one of the keys.
    pub async fn claim_in(&mut self, delivery: &Delivery) -> Fresh {
        let ToClaim { keys, .. } = delivery.to_claim().unwrap();
        assert!(keys.is_sorted());
        for key in keys {
            while !self.write(key) {
                self.ledger.clock.sleep(Duration::from_millis(1)).await;
            }
        }
        delivery.fresh(&self.keys)
    }

    /// Writes a key, unless it is there; `false` if somebody else may be about to.
    fn write(&mut self, key: Key) -> bool {
        let mut tables = self.ledger.tables();
        if tables.events.contains_key(key.as_bytes()) {
            return true;
        }
        if tables.locked.contains(&key) {
            return false;
        }
        tables.locked.push(key);
        self.keys.push(key);
        true
    }

    pub fn book(&mut self, payment: &str) {
        self.payments.push(payment.to_owned());
    }

    pub fn commit(mut self) {
        let mut tables = self.ledger.tables();
        let keys = self.keys.iter();
        tables
            .events
            .extend(keys.map(|key| (*key.as_bytes(), key.payload_hash())));
        tables.payments.append(&mut self.payments);
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let keys = &self.keys;
        let mut tables = self.ledger.tables();
        tables.locked.retain(|key| !keys.contains(key));
    }
}
