//! The suite for claims in transactions: of a database that does one thing wrong it says which.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use countersign::{Committed, Delivery, Fresh, Key, StoreError, TransactionStore};
use countersign_testkit::{Transactions, Verdict, transaction_conformance};
use tokio::sync::OwnedMutexGuard;

/// What a database does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Misdeed {
    None,
    WritesOutsideOfTheTransaction,
    ForgetsToWrite,
    CommitsWhatIsDropped,
    KeepsWhatIsRolledBack,
    LooksBeforeItWaits,
    AlwaysFresh,
    NeverFresh,
    FreshIfTheFirstIs,
    FilesByPayload,
    TellsNoPayload,
    NeverForgets,
    ForgetsEarly,
    CountsAnew,
    SaysAllIsCommitted,
}

use Misdeed as M;

/// Each with a rule that it has to break, at least.
const MISDEEDS: &[(Misdeed, &str)] = &[
    (
        M::WritesOutsideOfTheTransaction,
        "what is not committed yet is not read",
    ),
    (
        M::WritesOutsideOfTheTransaction,
        "what was rolled back has not been",
    ),
    (M::ForgetsToWrite, "what is committed is read back"),
    (M::CommitsWhatIsDropped, "what was dropped has not been"),
    (
        M::CommitsWhatIsDropped,
        "through a receiver, what is not committed is never acknowledged",
    ),
    (
        M::KeepsWhatIsRolledBack,
        "what was rolled back has not been",
    ),
    (
        M::LooksBeforeItWaits,
        "of concurrent transactions, one wins",
    ),
    (
        M::AlwaysFresh,
        "in a later transaction, a duplicate is not fresh",
    ),
    (M::AlwaysFresh, "in one transaction, an event is fresh once"),
    (M::NeverFresh, "in its transaction, a new event is fresh"),
    (
        M::NeverFresh,
        "a transaction that waited for one rolled back wins",
    ),
    (
        M::FreshIfTheFirstIs,
        "of a batch, what is not done is fresh",
    ),
    (
        M::LooksBeforeItWaits,
        "batches in reversed order end, and each event is fresh once",
    ),
    (M::FilesByPayload, "in transactions, endpoints are apart"),
    (
        M::TellsNoPayload,
        "in transactions, another payload under one id is told",
    ),
    (
        M::NeverForgets,
        "what a transaction claimed is kept for the retention, and no longer",
    ),
    (
        M::ForgetsEarly,
        "what a transaction claimed is kept for the retention, and no longer",
    ),
    (
        M::CountsAnew,
        "what a transaction claimed is kept for the retention, and no longer",
    ),
    (
        M::SaysAllIsCommitted,
        "through a receiver, what is not committed is never acknowledged",
    ),
    (
        M::ForgetsToWrite,
        "through a receiver, what is committed is acknowledged once",
    ),
];

/// The hash of a payload, and until when it is kept.
type Rows = BTreeMap<[u8; 32], (u64, Duration)>;

/// A database in memory, in which one transaction is written after the other. Clones are the same.
#[derive(Clone)]
struct Database {
    misdeed: Misdeed,
    rows: Arc<Mutex<Rows>>,
    now: Arc<Mutex<Duration>>,
    writer: Arc<tokio::sync::Mutex<()>>,
}

struct Transaction {
    database: Database,
    turn: Option<OwnedMutexGuard<()>>,
    rows: Rows,
}

impl Database {
    fn new(misdeed: Misdeed) -> Database {
        Database {
            misdeed,
            rows: Arc::default(),
            now: Arc::default(),
            writer: Arc::default(),
        }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap()
    }

    fn now(&self) -> Duration {
        *self.now.lock().unwrap()
    }

    fn id(&self, key: &Key) -> [u8; 32] {
        let mut id = *key.as_bytes();
        if self.misdeed == M::FilesByPayload {
            id = [0; 32];
            id[..8].copy_from_slice(&key.payload_hash().to_be_bytes());
        }
        id
    }

    fn standing(&self, rows: &Rows, key: &Key) -> Option<u64> {
        let row = rows.get(&self.id(key));
        let row = row.filter(|(_, until)| self.misdeed == M::NeverForgets || *until > self.now());
        row.map(|(payload, _)| *payload)
    }
}

impl TransactionStore for Database {
    async fn committed(&self, keys: &[Key]) -> Result<Committed, StoreError> {
        if self.misdeed == M::SaysAllIsCommitted && !self.rows().is_empty() {
            return Ok(Committed {
                keys: keys.to_vec(),
                differing: Vec::new(),
            });
        }
        let rows = self.rows();
        let keys = keys
            .iter()
            .filter(|key| self.standing(&rows, key).is_some());
        let keys: Vec<Key> = keys.copied().collect();
        let differs = |key: &&Key| self.standing(&rows, key) != Some(key.payload_hash());
        let differing = match self.misdeed {
            M::TellsNoPayload => Vec::new(),
            _ => keys.iter().filter(differs).copied().collect(),
        };
        Ok(Committed { keys, differing })
    }
}

impl Transactions for Database {
    type Store = Database;
    type Transaction = Transaction;

    fn store(&self) -> Database {
        self.clone()
    }

    async fn begin(&self) -> Result<Transaction, StoreError> {
        let early = self.rows().clone();
        let turn = self.writer.clone().lock_owned().await;
        let rows = match self.misdeed {
            M::LooksBeforeItWaits => early,
            _ => self.rows().clone(),
        };
        Ok(Transaction {
            database: self.clone(),
            turn: Some(turn),
            rows,
        })
    }

    async fn claim_in(
        &self,
        transaction: &mut Transaction,
        delivery: &Delivery,
    ) -> Result<Fresh, StoreError> {
        let claim = delivery.to_claim().unwrap();
        let is_new = |key: &&Key| self.standing(&transaction.rows, key).is_none();
        let mut fresh: Vec<Key> = claim.keys.iter().filter(is_new).copied().collect();
        if self.misdeed == M::FreshIfTheFirstIs {
            let first = claim.keys.first().filter(|key| fresh.contains(key));
            fresh = first.map(|_| claim.keys.clone()).unwrap_or_default();
        }
        let kept = match self.misdeed {
            M::ForgetsEarly => claim.retention / 2,
            _ => claim.retention + claim.max_run,
        };
        let written = match self.misdeed {
            M::ForgetsToWrite => &[],
            M::CountsAnew => &claim.keys[..],
            _ => &fresh[..],
        };
        for key in written {
            let row = (key.payload_hash(), self.now() + kept);
            transaction.rows.insert(self.id(key), row);
        }
        if self.misdeed == M::WritesOutsideOfTheTransaction {
            *self.rows() = transaction.rows.clone();
        }
        // As a real one does: others come up to it meanwhile.
        tokio::task::yield_now().await;
        Ok(match self.misdeed {
            M::AlwaysFresh => delivery.fresh(&claim.keys),
            M::NeverFresh => delivery.fresh(&[]),
            _ => delivery.fresh(&fresh),
        })
    }

    async fn commit(&self, mut transaction: Transaction) -> Result<(), StoreError> {
        self.rows().append(&mut transaction.rows);
        transaction.turn = None;
        Ok(())
    }

    async fn roll_back(&self, mut transaction: Transaction) -> Result<(), StoreError> {
        if self.misdeed == M::KeepsWhatIsRolledBack {
            self.rows().append(&mut transaction.rows);
        }
        transaction.turn = None;
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.turn.is_some() && self.database.misdeed == M::CommitsWhatIsDropped {
            self.database.rows().append(&mut self.rows);
        }
    }
}

async fn broken_by(misdeed: Misdeed) -> Vec<&'static str> {
    let database = Database::new(misdeed);
    let pass = async |time| *database.now.lock().unwrap() += time;
    let report = transaction_conformance(&database, pass).await;
    let rules = report.rules().iter();
    let broken = rules.filter(|rule| matches!(rule.verdict, Verdict::Broken(_)));
    broken.map(|rule| rule.name).collect()
}

#[tokio::test]
async fn a_database_without_a_misdeed_keeps_every_rule() {
    assert_eq!(broken_by(M::None).await, [""; 0]);
}

#[tokio::test]
async fn each_misdeed_is_told() {
    let mut unseen = Vec::new();
    for (misdeed, rule) in MISDEEDS {
        let broken = broken_by(*misdeed).await;
        if !broken.contains(rule) {
            unseen.push(format!(
                "{misdeed:?} was to break {rule:?}, and broke {broken:?}"
            ));
        }
    }
    assert!(unseen.is_empty(), "{unseen:#?}");
}

/// A rule that nothing breaks tells nothing.
#[tokio::test]
async fn each_rule_is_broken_by_a_misdeed() {
    let database = Database::new(M::None);
    let report = transaction_conformance(&database, async |_| {}).await;
    let idle = report
        .rules()
        .iter()
        .filter(|rule| !MISDEEDS.iter().any(|(_, told)| *told == rule.name));
    let idle: Vec<&str> = idle.map(|rule| rule.name).collect();
    assert!(idle.is_empty(), "{idle:?}");
}
