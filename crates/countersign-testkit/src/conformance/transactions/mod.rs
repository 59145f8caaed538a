//! Claims in the handler's own transaction.

mod shop;

use std::future::Future;
use std::time::Duration;

use countersign::{Committed, Delivery, Fresh, StoreError, TransactionStore};
use futures_util::future::{join, join_all};

use self::shop::{Shop, keys, to_claim};
use super::bench::expect;
use super::report::{Checked, Conformance, Rule};

/// A database as a merchant's handlers use it, with a [`TransactionStore`] in it: what
/// [`transaction_conformance`] plays with.
pub trait Transactions {
    /// The store.
    type Store: TransactionStore;
    /// A transaction that was begun. Dropped, it is rolled back.
    type Transaction;

    /// The store; it is asked for several times, and what it yields shares one register.
    fn store(&self) -> Self::Store;

    /// Begins a transaction as the store's documentation says, on a connection that no other one has.
    ///
    /// # Errors
    ///
    /// If the database fails: the rule is broken then, as with the others.
    fn begin(&self) -> impl Future<Output = Result<Self::Transaction, StoreError>>;

    /// The store's own `claim_in`.
    ///
    /// # Errors
    ///
    /// Those of the store.
    fn claim_in(
        &self,
        transaction: &mut Self::Transaction,
        delivery: &Delivery,
    ) -> impl Future<Output = Result<Fresh, StoreError>>;

    /// Commits a transaction.
    ///
    /// # Errors
    ///
    /// If the database fails.
    fn commit(
        &self,
        transaction: Self::Transaction,
    ) -> impl Future<Output = Result<(), StoreError>>;

    /// Rolls a transaction back, and waits for it.
    ///
    /// # Errors
    ///
    /// If the database fails.
    fn roll_back(
        &self,
        transaction: Self::Transaction,
    ) -> impl Future<Output = Result<(), StoreError>>;
}

/// Plays every rule of a [`TransactionStore`] and its `claim_in` on a database, and reports which of them
/// hold.
///
/// `pass` lets time pass on the store's clock: weeks of it, which nobody waits for. Where that clock cannot
/// be wound, it makes the rows of the store's table older instead. A transaction that has to wait for
/// another one is to wait for several seconds at least.
///
/// The database may hold other entries, and is left with some more. All keys come from deliveries that were
/// signed and verified, as a receiver's do.
pub async fn transaction_conformance(
    database: &impl Transactions,
    pass: impl AsyncFn(Duration),
) -> Conformance {
    let mut rules = Vec::new();
    macro_rules! rules {
        ($($name:literal => $rule:path;)*) => {
            $(
                let shop = Shop::new($name, database, &pass);
                rules.push(Rule::new($name, $rule(&shop).await));
            )*
        };
    }
    rules! {
        "in its transaction, a new event is fresh" => fresh;
        "what is committed is read back" => read_back;
        "what is not committed yet is not read" => not_yet;
        "what was rolled back has not been" => rolled_back;
        "what was dropped has not been" => dropped;
        "in a later transaction, a duplicate is not fresh" => duplicate;
        "in one transaction, an event is fresh once" => twice_in_one;
        "of concurrent transactions, one wins" => concurrent;
        "a transaction that waited for one rolled back wins" => waited;
        "of a batch, what is not done is fresh" => partly_done;
        "batches in reversed order end, and each event is fresh once" => reversed;
        "in transactions, endpoints are apart" => endpoints;
        "in transactions, another payload under one id is told" => differing;
        "what a transaction claimed is kept for the retention, and no longer" => retention;
        "through a receiver, what is committed is acknowledged once" => acknowledged;
        "through a receiver, what is not committed is never acknowledged" => never_acknowledged;
    }
    Conformance::new(rules)
}

async fn fresh<D: Transactions>(shop: &Shop<'_, D, impl AsyncFn(Duration)>) -> Checked {
    let delivery = shop.delivery(&["a"]).await?;
    let mut transaction = shop.begin().await?;
    let fresh = shop.claim_in(&mut transaction, &delivery).await?;
    expect("what is fresh", &fresh, &of(&["a"]))?;
    shop.roll_back(transaction).await
}

async fn read_back<D: Transactions>(shop: &Shop<'_, D, impl AsyncFn(Duration)>) -> Checked {
    let delivery = shop.delivery(&["c", "a", "b"]).await?;
    shop.holds(&delivery, false).await?;
    let fresh = shop.book(&delivery).await?;
    expect("what is fresh", &fresh, &of(&["c", "a", "b"]))?;
    shop.holds(&delivery, true).await
}

async fn not_yet<D: Transactions>(shop: &Shop<'_, D, impl AsyncFn(Duration)>) -> Checked {
    let delivery = shop.delivery(&["a", "b"]).await?;
    let mut transaction = shop.begin().await?;
    shop.claim_in(&mut transaction, &delivery).await?;
    shop.holds(&delivery, false).await?;
    shop.commit(transaction).await
}

async fn rolled_back<D: Transactions>(shop: &Shop<'_, D, impl AsyncFn(Duration)>) -> Checked {
    let delivery = shop.delivery(&["a", "b"]).await?;
    let mut transaction = shop.begin().await?;
    shop.claim_in(&mut transaction, &delivery).await?;
    shop.roll_back(transaction).await?;
    shop.holds(&delivery, false).await?;
    expect(
        "what is fresh",
        &shop.book(&delivery).await?,
        &of(&["a", "b"]),
    )
}

async fn dropped<D: Transactions>(shop: &Shop<'_, D, impl AsyncFn(Duration)>) -> Checked {
    let delivery = shop.delivery(&["a", "b"]).await?;
    let mut transaction = shop.begin().await?;
    shop.claim_in(&mut transaction, &delivery).await?;
    drop(transaction);
    shop.holds(&delivery, false).await?;
    expect(
        "what is fresh",
        &shop.book(&delivery).await?,
        &of(&["a", "b"]),
    )
}

async fn duplicate<D: Transactions>(shop: &Shop<'_, D, impl AsyncFn(Duration)>) -> Checked {
    // Both had come as far before either was done.
    let (first, second) = (shop.delivery(&["a"]).await?, shop.delivery(&["a"]).await?);
    expect("what is fresh", &shop.book(&first).await?, &of(&["a"]))?;
    expect("what is fresh", &shop.book(&second).await?, &of(&[]))?;
    shop.holds(&second, true).await
}

async fn twice_in_one<D: Transactions>(shop: &Shop<'_, D, impl AsyncFn(Duration)>) -> Checked {
    let delivery = shop.delivery(&["a"]).await?;
    let mut transaction = shop.begin().await?;
    for expected in [&["a"][..], &[]] {
        let fresh = shop.claim_in(&mut transaction, &delivery).await?;
        expect("what is fresh", &fresh, &of(expected))?;
    }
    shop.commit(transaction).await
}

async fn concurrent<D: Transactions>(shop: &Shop<'_, D, impl AsyncFn(Duration)>) -> Checked {
    for round in 0..5 {
        let id = format!("a{round}");
        let mut deliveries = Vec::new();
        for _ in 0..4 {
            deliveries.push(shop.delivery(&[&id]).await?);
        }
        let booked = join_all(deliveries.iter().map(|delivery| shop.book(delivery))).await;
        let booked: Vec<Vec<String>> = booked.into_iter().collect::<Checked<_>>()?;
        expect("what is fresh in all", &booked.concat(), &vec![id])?;
    }
    Ok(())
}

async fn waited<D: Transactions>(shop: &Shop<'_, D, impl AsyncFn(Duration)>) -> Checked {
    let (first, second) = (shop.delivery(&["a"]).await?, shop.delivery(&["a"]).await?);
    let mut transaction = shop.begin().await?;
    shop.claim_in(&mut transaction, &first).await?;
    let (rolled_back, booked) = join(shop.roll_back(transaction), shop.book(&second)).await;
    rolled_back?;
    expect("what is fresh", &booked?, &of(&["a"]))?;
    shop.holds(&second, true).await
}

async fn partly_done<D: Transactions>(shop: &Shop<'_, D, impl AsyncFn(Duration)>) -> Checked {
    let batch = shop.delivery(&["a", "b", "c", "d"]).await?;
    let done = shop.delivery(&["d", "b"]).await?;
    expect("what is fresh", &shop.book(&done).await?, &of(&["d", "b"]))?;
    expect(
        "the committed keys",
        &shop.committed(&batch).await?.keys,
        &keys(&done)?,
    )?;
    expect("what is fresh", &shop.book(&batch).await?, &of(&["a", "c"]))?;
    shop.holds(&batch, true).await
}

async fn reversed<D: Transactions>(shop: &Shop<'_, D, impl AsyncFn(Duration)>) -> Checked {
    for round in 0..10 {
        let ids = ["a", "b", "c"].map(|id| format!("{id}{round}"));
        let [a, b, c] = ids.each_ref().map(String::as_str);
        let one = shop.delivery(&[a, b, c]).await?;
        let other = shop.delivery(&[c, b, a]).await?;
        let (one, other) = join(shop.book(&one), shop.book(&other)).await;
        let mut booked = [one?, other?].concat();
        booked.sort();
        expect("what is fresh in both", &booked, &of(&[a, b, c]))?;
    }
    Ok(())
}

async fn endpoints<D: Transactions>(shop: &Shop<'_, D, impl AsyncFn(Duration)>) -> Checked {
    let one = shop.delivery_at("suite", &["a"], "").await?;
    let other = shop.delivery_at("suite's other", &["a"], "").await?;
    expect("what is fresh", &shop.book(&one).await?, &of(&["a"]))?;
    shop.holds(&other, false).await?;
    expect("what is fresh", &shop.book(&other).await?, &of(&["a"]))
}

async fn differing<D: Transactions>(shop: &Shop<'_, D, impl AsyncFn(Duration)>) -> Checked {
    let first = shop.delivery(&["a", "b"]).await?;
    let changed = shop.delivery_at("suite", &["a"], "another").await?;
    shop.book(&first).await?;
    let same = Committed {
        keys: keys(&first)?,
        differing: Vec::new(),
    };
    expect("the committed", &shop.committed(&first).await?, &same)?;
    let another = Committed {
        keys: keys(&changed)?,
        differing: keys(&changed)?,
    };
    expect("the committed", &shop.committed(&changed).await?, &another)?;
    expect("what is fresh", &shop.book(&changed).await?, &of(&[]))
}

async fn retention<D: Transactions>(shop: &Shop<'_, D, impl AsyncFn(Duration)>) -> Checked {
    let first = shop.delivery(&["a"]).await?;
    let (second, third) = (shop.delivery(&["a"]).await?, shop.delivery(&["a"]).await?);
    let to_claim = to_claim(&first)?;
    shop.book(&first).await?;
    // The commit may be as far away as a run may take.
    shop.pass(to_claim.retention).await;
    shop.holds(&first, true).await?;
    // A duplicate extends nothing.
    expect("what is fresh", &shop.book(&second).await?, &of(&[]))?;
    shop.pass(to_claim.max_run + Duration::from_secs(1)).await;
    shop.holds(&first, false).await?;
    expect("what is fresh", &shop.book(&third).await?, &of(&["a"]))?;
    shop.holds(&first, true).await
}

async fn acknowledged<D: Transactions>(shop: &Shop<'_, D, impl AsyncFn(Duration)>) -> Checked {
    let books = async |delivery: Delivery| {
        let fresh = shop.book(&delivery).await?;
        expect("what is fresh", &fresh, &of(&["a", "b"]))?;
        Ok(201)
    };
    expect("the status", &shop.deliver(books).await?, &201)?;
    expect("the status", &shop.deliver(books).await?, &200)
}

async fn never_acknowledged<D: Transactions>(
    shop: &Shop<'_, D, impl AsyncFn(Duration)>,
) -> Checked {
    let drops = async |delivery: Delivery| {
        let mut transaction = shop.begin().await?;
        shop.claim_in(&mut transaction, &delivery).await?;
        drop(transaction);
        Ok(200)
    };
    expect("the status", &shop.deliver(drops).await?, &500)?;
    let rolls_back = async |delivery: Delivery| {
        let mut transaction = shop.begin().await?;
        shop.claim_in(&mut transaction, &delivery).await?;
        shop.roll_back(transaction).await?;
        Ok(200)
    };
    expect("the status", &shop.deliver(rolls_back).await?, &500)?;
    let forgets = async |_: Delivery| Ok(200);
    expect("the status", &shop.deliver(forgets).await?, &500)
}

fn of(ids: &[&str]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
